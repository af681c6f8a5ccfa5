"""What the pages of the library show: an agent with its versions and the crews that use it, and what each changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents_app.library.linked import alone
from agents_app.library.queries import Uses, VersionsPage, uses_of, versions_of
from agents_app.models import LibraryAgent, LibraryVersion
from agents_app.versions.page import ShownDiff, few_words, shown_diff
from agents_app.versions.spec_diff import changed_fields
from engine.spec.crew_spec import AgentSpec


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version with what changed since the one before, in few words."""

    version: LibraryVersion
    summary: str


@dataclass(frozen=True, slots=True)
class LibraryAgentPage:
    agent: LibraryAgent
    spec: AgentSpec
    uses: Uses
    lines: Sequence[VersionLine]
    next: int | None  # the number below which older versions begin


def agent_page(agent: LibraryAgent, *, below: int | None = None) -> LibraryAgentPage:
    """Six queries besides the agent's own."""
    found = versions_of(agent, below=below)
    return LibraryAgentPage(
        agent, AgentSpec.from_json(agent.spec), uses_of(agent), list(version_lines(found)), found.next
    )


def version_lines(found: VersionsPage) -> Iterator[VersionLine]:
    befores = (*found.items[1:], found.before)
    for version, before in zip(found.items, befores, strict=False):
        yield VersionLine(version, _summary(before, version) if before else "the first")


def version_diff(before: LibraryVersion, version: LibraryVersion) -> ShownDiff:
    """What changed from one version to another, as a page shows it."""
    after = AgentSpec.from_json(version.spec)
    return agent_diff(AgentSpec.from_json(before.spec), after)


def agent_diff(old: AgentSpec, new: AgentSpec) -> ShownDiff:
    """Between two agents, under the new one's key."""
    return shown_diff(alone(old, new.key).to_json(), alone(new).to_json())


def _summary(before: LibraryVersion, version: LibraryVersion) -> str:
    old, new = (AgentSpec.from_json(each.spec) for each in (before, version))
    changes = changed_fields(alone(old, new.key).to_json(), alone(new).to_json())
    told = few_words(changes).removeprefix(f"{new.key}: ")
    return told or f"key {old.key} → {new.key}"
