"""The API's operations on crews: import, create, read, replace, archive, and their frozen versions."""

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404
from ninja import Router, Schema, Status
from pydantic import Field, ValidationError

from agents_app.actions import archive_crew, create_crew, replace_spec
from agents_app.formats import Imported, Note, read, read_files
from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from engine.spec import CrewSpec
from engine.validate import placeholders, validate
from teams.access import Principal, fetch, visible_to
from teams.bearer import ERRORS, ApiRequest, Bearer, Strict, once
from teams.models import Role
from teams.refusals import Invalid, Refusal

router = Router(tags=["crews"])

MAX_SOURCE_BYTES = 2_000_000


class ImportIn(Strict):
    source: str = Field(
        description="CrewAI Python source, agents.yaml and tasks.yaml, or our JSON", max_length=2_000_000
    )
    filename: str = Field("", max_length=255)
    name: str = Field("", max_length=200)


class NoteOut(Schema):
    level: str = Field(description="info, warning or error")
    line: int | None
    message: str


class ComplaintOut(Schema):
    level: str
    code: str
    field: str
    message: str


class CrewOut(Schema):
    slug: str
    name: str
    version: int | None = Field(description="the latest version's number; null while the draft was never launched")
    spec: dict[str, object]
    inputs: dict[str, str | None] = Field(description="the placeholders in order of use, each with its default or null")
    complaints: list[ComplaintOut]


class ImportOut(Schema):
    crew: CrewOut
    report: list[NoteOut]


class CrewList(Schema):
    items: list[CrewOut]
    next: str | None = None


class VersionOut(Schema):
    number: int
    note: str
    content_hash: str
    created_at: str
    spec: dict[str, object]


class VersionList(Schema):
    items: list[VersionOut]
    next: str | None = None


IMPORT_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ImportIn.model_json_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "name": {"type": "string"},
                    },
                }
            },
        },
    }
}


@router.post("/import", response={201: ImportOut, **ERRORS}, auth=Bearer(Role.EDITOR), openapi_extra=IMPORT_BODY)
def import_crew(request: ApiRequest) -> Status[dict[str, object]]:
    """A new crew from somebody's source. The report says line by line what was not understood."""
    return Status(201, once(request, lambda: _import(request)))


@router.get("", response={200: CrewList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_crews(request: ApiRequest, cursor: str = "", limit: int = 50) -> dict[str, object]:
    """The team's crews by slug. ``next`` is the cursor of the following page."""
    limit = max(1, min(limit, 200))
    crews = visible_to(request.auth, Crew).filter(archived_at=None, builtin_key="", slug__gt=cursor.replace("\x00", ""))
    rows = list(crews.order_by("slug").prefetch_related("agents", "tasks", "versions")[: limit + 1])
    more = len(rows) > limit
    return {"items": [crew_json(crew) for crew in rows[:limit]], "next": rows[limit - 1].slug if more else None}


@router.post("", response={201: CrewOut, **ERRORS}, auth=Bearer(Role.EDITOR))
def post_crew(request: ApiRequest, body: CrewSpec) -> Status[dict[str, object]]:
    """A new crew from a CrewSpec."""
    return Status(201, once(request, lambda: crew_json(create_crew(request.auth, name=body.name, spec=body))))


@router.get("/{slug:slug}", response={200: CrewOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_crew(request: ApiRequest, slug: str) -> dict[str, object]:
    """One crew: its draft, the inputs it takes, and what keeps it from running."""
    return crew_json(_crew(request.auth, slug))


@router.put("/{slug:slug}", response={200: CrewOut, **ERRORS}, auth=Bearer(Role.EDITOR))
def put_crew(request: ApiRequest, slug: str, body: CrewSpec) -> dict[str, object]:
    """Replaces the draft; its versions stay."""
    crew = _crew(request.auth, slug, Role.EDITOR)
    return crew_json(replace_spec(crew, expected_revision=crew.revision, spec=body))


@router.delete("/{slug:slug}", response={204: None, **ERRORS}, auth=Bearer(Role.EDITOR))
def delete_crew(request: ApiRequest, slug: str) -> Status[None]:
    """Archives a crew; its runs and what they cost stay."""
    archive_crew(_crew(request.auth, slug, Role.EDITOR))
    return Status(204, None)


@router.get("/{slug:slug}/versions", response={200: VersionList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_versions(request: ApiRequest, slug: str) -> dict[str, object]:
    """A crew's frozen versions, newest first."""
    versions = _crew(request.auth, slug).versions.order_by("-number")
    return {"items": [_version_json(version) for version in versions], "next": None}


@router.get("/{slug:slug}/versions/{int:number}", response={200: VersionOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_version(request: ApiRequest, slug: str, number: int) -> dict[str, object]:
    """One frozen version."""
    return _version_json(fetch(CrewVersion, request.auth, crew=_crew(request.auth, slug), number=number))


def crew_json(crew: Crew) -> dict[str, object]:
    """A crew as the API shows it."""
    spec = spec_of(crew)
    numbers = [version.number for version in crew.versions.all()]
    return {
        "slug": crew.slug,
        "name": crew.name,
        "version": max(numbers, default=None),
        "spec": spec.to_json(),
        "inputs": {name: spec.inputs.get(name) for name in placeholders(spec)},
        "complaints": [
            {"level": item.level, "code": item.code, "field": item.field, "message": item.message}
            for item in validate(spec)
        ],
    }


def _import(request: ApiRequest) -> dict[str, object]:
    imported, name = _read_upload(request) if request.FILES else _read_body(request)
    report = [_note_json(note) for note in imported.report]
    if imported.spec is None:
        errors = [note for note in imported.report if note.level == "error"]
        where = f" (line {errors[0].line})" if errors and errors[0].line else ""
        reason = errors[0].message if errors else "Nothing in it was understood."
        raise Refusal(f"No crew could be read{where}: {reason}", fields=_lines(errors), code="unreadable_source")
    crew = create_crew(request.auth, name=name or imported.spec.name, spec=imported.spec)
    return {"crew": crew_json(crew), "report": report}


def _read_body(request: ApiRequest) -> tuple[Imported, str]:
    try:
        body = ImportIn.model_validate_json(request.body)
    except ValidationError as error:
        raise invalid_body(error) from error
    return read(body.source, body.filename), body.name


def _read_upload(request: ApiRequest) -> tuple[Imported, str]:
    uploads = [upload for _, several in request.FILES.lists() for upload in several]
    if sum(upload.size or 0 for upload in uploads) > MAX_SOURCE_BYTES:
        raise Invalid(f"The files are larger than {MAX_SOURCE_BYTES:,} bytes together.", fields={"files": "Too large."})
    return read_files({_file_name(upload): _text(upload) for upload in uploads}), request.POST.get("name", "")


def _file_name(upload: "UploadedFile[bytes]") -> str:
    return upload.name or "file"


def _text(upload: "UploadedFile[bytes]") -> str:
    text: str = upload.read().decode("utf-8-sig", "replace")
    return text


def invalid_body(error: ValidationError) -> Invalid:
    fields = {".".join(str(part) for part in item["loc"]) or "body": item["msg"] for item in error.errors()}
    return Invalid("The request's body is not as it should be.", fields=fields)


def _crew(who: Principal, slug: str, role: Role = Role.VIEWER) -> Crew:
    crew = fetch(Crew, who, role, slug=slug)
    if crew.archived_at is not None:
        raise Http404("This crew was archived.")
    return crew


def _version_json(version: CrewVersion) -> dict[str, object]:
    return {
        "number": version.number,
        "note": version.note,
        "content_hash": version.content_hash,
        "created_at": version.created_at.isoformat().replace("+00:00", "Z"),
        "spec": version.spec,
    }


def _note_json(note: Note) -> dict[str, object]:
    return {"level": note.level, "line": note.line, "message": note.message}


def _lines(notes: list[Note]) -> dict[str, str]:
    return {f"source.{note.line}" if note.line else "source": note.message for note in notes}
