"""The API's operations on versions: list, one, what changed between two; save, describe and restore one."""

from django.http import HttpResponse
from ninja import Router, Status

from agents_app.crews.api import crew_json
from agents_app.models import CrewVersion
from agents_app.queries import locked_revision, own_crew, version_of
from agents_app.versions import actions
from agents_app.versions.queries import crew_of, two_versions, version_page
from agents_app.versions.schemas import ChangeOut, DiffOut, NoteIn, RestoredOut, VersionList, VersionOut
from agents_app.versions.spec_diff import same_fields, spec_diff
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, digest, tagged, unchanged
from teams.models import Role
from teams.refusals import Invalid
from teams.texts.times import time_text

router = Router(tags=["crews"])

MAX_VERSIONS_A_PAGE = 50
MAX_CURSOR_DIGITS = 9


@router.get("/{slug:slug}/versions", response={200: VersionList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_versions(request: ApiRequest, slug: str, cursor: str = "", limit: int = 50) -> dict[str, object]:
    """A crew's frozen versions, newest first; a page of large ones has fewer. ``next`` is the cursor of the following
    page."""
    crew, below = crew_of(request.auth, slug), _below(cursor)
    page = version_page(crew, below=below, limit=max(1, min(limit, MAX_VERSIONS_A_PAGE)))
    return {
        "items": [_version_json(version) for version in page.items],
        "next": None if page.next is None else str(page.next),
    }


@router.post(
    "/{slug:slug}/versions",
    response={201: VersionOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def post_version(request: ApiRequest, slug: str, body: NoteIn) -> Status[dict[str, object]]:
    """Freezes the draft as a version. If the draft equals the latest version, that one is answered, with the note.

    ``If-Match`` is about the draft."""
    crew = own_crew(request.auth, slug, Role.EDITOR)

    def saved() -> dict[str, object]:
        with unchanged(request, lambda: locked_revision(crew)):
            return _version_json(actions.save_version(request.auth, crew, note=body.note).version)

    return Status(201, once(request, saved))


@router.get("/{slug:slug}/versions/{int:number}", response={200: VersionOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_version(request: ApiRequest, response: HttpResponse, slug: str, number: int) -> dict[str, object]:
    """One frozen version."""
    version = version_of(request.auth, slug, number)
    tagged(response, digest(version.note))
    return _version_json(version)


@router.put(
    "/{slug:slug}/versions/{int:number}/note",
    response={200: VersionOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def put_version_note(
    request: ApiRequest, response: HttpResponse, slug: str, number: int, body: NoteIn
) -> dict[str, object]:
    """Says what a version is for. Nothing else of it ever changes."""
    version = _own_version(request, slug, number)
    with unchanged(request, lambda: digest(CrewVersion.objects.select_for_update().get(pk=version.pk).note)):
        described = actions.describe(request.auth, version, note=body.note)
    tagged(response, digest(described.note))
    return _version_json(described)


@router.post(
    "/{slug:slug}/versions/{int:number}/restore",
    response={200: RestoredOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def restore_version(request: ApiRequest, slug: str, number: int) -> dict[str, object]:
    """Puts a version in the place of the draft. A draft that no version holds is frozen first, or, if it cannot run,
    copied as a crew of its own. ``If-Match`` is about the draft."""
    version = _own_version(request, slug, number)
    return once(request, lambda: _restored(request, version))


@router.get(
    "/{slug:slug}/versions/{int:old}/diff/{int:new}", response={200: DiffOut, **ERRORS}, auth=Bearer(Role.VIEWER)
)
def diff_versions(request: ApiRequest, slug: str, old: int, new: int) -> dict[str, object]:
    """What changed from one version to another: the fields that differ, their texts by word."""
    before, after = two_versions(request.auth, slug, old, new)
    return {
        "old": old,
        "new": new,
        "changes": [ChangeOut.of(change) for change in spec_diff(before.spec, after.spec)],
        "same_fields": same_fields(before.spec, after.spec),
    }


def _own_version(request: ApiRequest, slug: str, number: int) -> CrewVersion:
    return fetch(CrewVersion, request.auth, Role.EDITOR, crew=own_crew(request.auth, slug), number=number)


def _restored(request: ApiRequest, version: CrewVersion) -> dict[str, object]:
    with unchanged(request, lambda: locked_revision(version.crew)):
        restored = actions.restore(request.auth, version, expected_revision=version.crew.revision)
    return {
        "crew": crew_json(restored.crew),
        "kept_version": restored.kept.number if restored.kept else None,
        "kept_crew": restored.copy.slug if restored.copy else None,
    }


def _below(cursor: str) -> int | None:
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdecimal()) or len(cursor) > MAX_CURSOR_DIGITS:
        raise Invalid("This cursor is not one of ours.", fields={"cursor": "Pass on what `next` was."})
    return int(cursor)


def _version_json(version: CrewVersion) -> dict[str, object]:
    return {
        "number": version.number,
        "note": version.note,
        "revision": digest(version.note),
        "content_hash": version.content_hash,
        "created_at": time_text(version.created_at),
        "created_by": str(version.created_by) if version.created_by else None,
        "spec": version.spec,
    }
