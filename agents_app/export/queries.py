"""What of a team is exported: a draft, a version, or all its crews."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from agents_app.models import Crew
from agents_app.queries import own_crew, own_crews, version_of
from agents_app.snapshot import spec_of
from agents_app.writers import Exported, ExportFormat, export
from engine.spec.crew_spec import CrewSpec
from teams.access import Principal
from teams.refusals import Invalid
from teams.work_bounds import SharedPlaces

MAX_CREWS = 300
MAX_CHARS = 8_000_000
"""Of all files of a team's crews together: the zip is made whole in memory, and a million take up to 1.4 s to write."""
AT_ONCE = 20
TOO_MUCH = "These are too many crews for one file. Export them one by one, by the API for example."
PLACES = SharedPlaces(
    2,
    "Other teams' crews are being exported. Try again in a moment.",
    each=1,
    busy_each="Your team's crews are being exported already. Try again once that file is complete.",
)


def draft_spec(who: Principal, slug: str) -> tuple[Crew, CrewSpec]:
    """A crew and its draft. Raises as ``own_crew`` does."""
    crew = own_crew(who, slug)
    return crew, spec_of(crew)


def version_spec(who: Principal, slug: str, number: int) -> tuple[Crew, CrewSpec]:
    """A crew and one of its versions. Raises as ``version_of`` does."""
    version = version_of(who, slug, number)
    return version.crew, CrewSpec.from_json(version.spec)


def all_exported(who: Principal, form: ExportFormat) -> dict[str, Exported]:
    """The drafts of all crews of a team, by slug. Raises ``Invalid`` if they are too many, ``Busy``."""
    free = PLACES.take(who.team.pk)
    try:
        return dict(_bounded(who, form))
    finally:
        free()


def _bounded(who: Principal, form: ExportFormat) -> Iterator[tuple[str, Exported]]:
    chars = 0
    crews = own_crews(who).order_by("slug").prefetch_related("agents", "tasks").iterator(chunk_size=AT_ONCE)
    for number, crew in enumerate(islice(crews, MAX_CREWS + 1)):
        exported = export(spec_of(crew), form)
        chars += sum(map(len, exported.files.values()))
        if number == MAX_CREWS or chars > MAX_CHARS:
            raise Invalid(TOO_MUCH, fields={"format": TOO_MUCH}, code="too_large")
        yield crew.slug, exported
