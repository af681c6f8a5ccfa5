"""Where a copy comes from, and what its original shares by now that the copy does not have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from agents_app.gallery.merge import Merged, merge
from agents_app.gallery.queries import template_copied
from agents_app.models import Crew, CrewVersion, Template
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import CrewSpec


@dataclass(frozen=True)
class Origin:
    """A copy whose original shares another version by now. ``base`` is the version that the copy comes from, or whose
    changes it took over last; ``newer`` the one that is shared now."""

    crew: Crew
    template: Template
    base: CrewVersion

    @property
    def newer(self) -> CrewVersion:
        return self.template.version

    @cached_property
    def draft(self) -> CrewSpec:
        return spec_of(self.crew)

    def merged(self, choices: Mapping[str, str]) -> Merged:
        """The copy with what changed in the original since ``base``."""
        base, newer = (CrewSpec.from_json(version.spec) for version in (self.base, self.newer))
        return merge(base, self.draft, newer, choices)


def origin_of(crew: Crew) -> Origin | None:
    """None for a crew that is no copy, whose original is withdrawn or archived, or shares nothing that it lacks."""
    template, base = template_copied(crew), crew.copied_from
    if template is None or base is None or template.version.content_hash == base.content_hash:
        return None
    origin = Origin(crew, template, base)
    return None if origin.draft.content_hash == template.version.content_hash else origin
