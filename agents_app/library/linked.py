"""An agent of a draft that comes from the library: what is the crew's own, and what the library's says by now.

It is compared as a crew of its own with nobody else in it, so that the rules are those of copies and their originals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from agents_app.gallery.merge import Merged, merge
from agents_app.models import LibraryAgent, LibraryLink, LibraryVersion
from agents_app.versions.spec_diff import FieldChange, changed_fields
from engine.spec.crew_spec import AgentSpec, CrewSpec


@dataclass(frozen=True)
class Linked:
    """``link`` comes with its base and that one's agent; ``agent`` is the crew's."""

    link: LibraryLink
    agent: AgentSpec

    @property
    def kept(self) -> LibraryAgent:
        return self.link.base.agent

    @property
    def base(self) -> LibraryVersion:
        return self.link.base

    @property
    def key(self) -> str:
        return self.agent.key

    @cached_property
    def mine(self) -> CrewSpec:
        return alone(self.agent)

    @cached_property
    def theirs(self) -> CrewSpec:
        """What the library's says now."""
        return alone(AgentSpec.from_json(self.kept.spec), self.key)

    @cached_property
    def was(self) -> CrewSpec:
        """What the crew's was copied from, or held against last."""
        return alone(AgentSpec.from_json(self.base.spec), self.key)

    @cached_property
    def has_offer(self) -> bool:
        """Whether the library's has changed since, into something that the crew does not say already."""
        if self.kept.number == self.base.number:
            return False
        return self.theirs.content_hash not in (self.was.content_hash, self.mine.content_hash)

    @property
    def number(self) -> int:
        """Of the version that the crew's is held against: the newest, where that says nothing else."""
        return self.base.number if self.has_offer else self.kept.number

    @cached_property
    def overrides(self) -> Sequence[FieldChange]:
        """The fields in which the crew says something else."""
        reference = self.was if self.has_offer else self.theirs
        if reference.content_hash == self.mine.content_hash:
            return ()
        return changed_fields(reference.to_json(), self.mine.to_json())

    @property
    def override_names(self) -> list[str]:
        return [change.label.partition(" · ")[2] for change in self.overrides]

    @cached_property
    def is_clean(self) -> bool:
        """Whether what is offered touches nothing that the crew says differently."""
        return not self.merged({}).conflicts

    def merged(self, choices: Mapping[str, str]) -> Merged:
        """The crew's agent with what changed in the library since ``base``."""
        return merge(self.was, self.mine, self.theirs, choices)


def alone(agent: AgentSpec, key: str = "") -> CrewSpec:
    """A crew of this agent alone, under its own key or another one."""
    return CrewSpec(name="Library", agents=(agent.model_copy(update={"key": key}) if key else agent,))
