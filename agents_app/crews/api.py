"""The API's operations on crews: create, read, replace, archive."""

from itertools import accumulate
from typing import Literal

from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpResponse
from ninja import Router, Schema, Status
from pydantic import Field

from agents_app import actions
from agents_app.actions import archive_crew, create_crew, replace_spec
from agents_app.models import Crew, CrewVersion
from agents_app.queries import key_complaints, locked_revision, own_crew, own_crews, with_counts
from agents_app.snapshot import spec_of
from engine.bounded import Patience
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from engine.spec.validate import TRYING_SECONDS, validate
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, tagged, unchanged
from teams.credentials import TeamCredentials
from teams.models import Role

router = Router(tags=["crews"])

MAX_PARTS_A_PAGE = 1_000
"""Agents and tasks: a page of large crews ends early, since each crew is checked."""
_READ = ("agents", "tasks", Prefetch("versions", CrewVersion.objects.only("crew_id", "number")))


class ComplaintOut(Schema):
    level: Literal["error", "warning"]
    code: str
    field: str
    message: str


class CrewOut(Schema):
    slug: str
    name: str
    revision: int = Field(description="of the draft: grows with every edit")
    version: int | None = Field(description="the latest version's number; null while the draft was never launched")
    spec: dict[str, object]
    inputs: dict[str, str | None] = Field(description="the placeholders in order of use, each with its default or null")
    complaints: list[ComplaintOut]


class CrewList(Schema):
    items: list[CrewOut]
    next: str | None = None


@router.get("", response={200: CrewList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_crews(request: ApiRequest, cursor: str = "", limit: int = 50) -> dict[str, object]:
    """The team's crews by slug, on pages of at most ``limit``; a page of large crews has fewer. ``next`` is the cursor
    of the following page."""
    limit = max(1, min(limit, 200))
    rows = list(with_counts(own_crews(request.auth).filter(slug__gt=cursor).order_by("slug"))[: limit + 1])
    totals = accumulate(row.agent_count + row.task_count for row in rows)  # type: ignore[attr-defined]
    fitting = sum(total <= MAX_PARTS_A_PAGE for total in totals)
    shown = rows[: max(1, min(limit, fitting))]
    prefetch_related_objects(shown, *_READ)
    patience, credentials = Patience(TRYING_SECONDS), TeamCredentials(request.auth.team)
    return {
        "items": [crew_json(crew, patience, credentials) for crew in shown],
        "next": shown[-1].slug if len(rows) > len(shown) else None,
    }


@router.post("", response={201: CrewOut, **ERRORS}, auth=Bearer(Role.EDITOR))
def post_crew(request: ApiRequest, response: HttpResponse, body: CrewSpec) -> Status[dict[str, object]]:
    """A new crew from a CrewSpec."""
    crew = once(request, lambda: crew_json(create_crew(request.auth, name=body.name, spec=body)))
    tagged(response, crew["revision"])
    return Status(201, crew)


@router.get("/{slug:slug}", response={200: CrewOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_crew(request: ApiRequest, response: HttpResponse, slug: str) -> dict[str, object]:
    """One crew: its draft, the inputs it takes, and what keeps it from running."""
    crew = own_crew(request.auth, slug)
    tagged(response, crew.revision)
    return crew_json(crew)


@router.put(
    "/{slug:slug}", response={200: CrewOut, **ERRORS_OF_WRITES}, auth=Bearer(Role.EDITOR), openapi_extra=IF_MATCH
)
def put_crew(request: ApiRequest, response: HttpResponse, slug: str, body: CrewSpec) -> dict[str, object]:
    """Replaces the draft; its versions stay. With ``If-Match`` only the draft that you read."""
    crew = own_crew(request.auth, slug, Role.EDITOR)
    with unchanged(request, lambda: locked_revision(crew)):
        crew = replace_spec(request.auth, crew, expected_revision=crew.revision, spec=body)
    tagged(response, crew.revision)
    return crew_json(crew)


@router.delete(
    "/{slug:slug}", response={204: None, **ERRORS_OF_WRITES}, auth=Bearer(Role.EDITOR), openapi_extra=IF_MATCH
)
def delete_crew(request: ApiRequest, slug: str) -> Status[None]:
    """Archives a crew; its runs and what they cost stay."""
    crew = own_crew(request.auth, slug, Role.EDITOR)
    with unchanged(request, lambda: locked_revision(crew)):
        archive_crew(request.auth, crew)
    return Status(204, None)


@router.post("/{slug:slug}/copy", response={201: CrewOut, **ERRORS}, auth=Bearer(Role.EDITOR))
def copy_crew(request: ApiRequest, response: HttpResponse, slug: str) -> Status[dict[str, object]]:
    """A new crew with the same draft. What comes from the library does so there too."""
    crew = own_crew(request.auth, slug, Role.EDITOR)
    copy = once(request, lambda: crew_json(actions.copy_crew(request.auth, crew)))
    tagged(response, copy["revision"])
    return Status(201, copy)


def crew_json(
    crew: Crew, patience: Patience | None = None, credentials: TeamCredentials | None = None
) -> dict[str, object]:
    """A crew as the API shows it. ``patience``: see ``validate``. ``credentials``: the team's, read once for many."""
    prefetch_related_objects([crew], *_READ)
    spec = spec_of(crew)
    numbers = [version.number for version in crew.versions.all()]
    return {
        "slug": crew.slug,
        "name": crew.name,
        "revision": crew.revision,
        "version": max(numbers, default=None),
        "spec": spec.to_json(),
        "inputs": {name: spec.inputs.get(name) for name in placeholders(spec)},
        "complaints": [
            {"level": item.level, "code": item.code, "field": item.field, "message": item.message}
            for item in (
                *validate(spec, patience=patience),
                *key_complaints(spec, credentials or TeamCredentials(crew.team)),
            )
        ],
    }
