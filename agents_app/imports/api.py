"""The API's operation that makes a crew of a source in another format."""

from django.core.files.uploadedfile import UploadedFile
from ninja import Router, Schema, Status
from pydantic import Field

from agents_app.actions import create_crew
from agents_app.crews.api import CrewOut, crew_json
from agents_app.formats import Imported, Level, Remark
from agents_app.imports.apart import read_apart
from teams.access import Principal
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once_prepared
from teams.api.request_body import Strict, is_upload, read_body, read_fields
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


class UploadIn(Strict):
    """The fields beside the files."""

    name: str = Field("", max_length=200)


class NoteOut(Schema):
    level: Level
    line: int | None
    message: str


class ImportOut(Schema):
    crew: CrewOut
    report: list[NoteOut]


IMPORT_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ImportIn.model_json_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "additionalProperties": False,
                    "properties": {
                        "files": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}},
                        **UploadIn.model_json_schema()["properties"],
                    },
                }
            },
        },
    }
}


@router.post("/import", response={201: ImportOut, **ERRORS}, auth=Bearer(Role.EDITOR), openapi_extra=IMPORT_BODY)
def import_crew(request: ApiRequest) -> Status[dict[str, object]]:
    """A new crew from somebody's source. The report says line by line what was not understood."""
    return Status(201, once_prepared(request, lambda: _read(request), lambda read: _keep(request.auth, *read)))


def _read(request: ApiRequest) -> tuple[Imported, str]:
    """What the source says, and the name that the crew is to have."""
    return _read_upload(request) if is_upload(request) else _read_body(request)


def _keep(who: Principal, imported: Imported, name: str) -> dict[str, object]:
    report = [_note_json(remark) for remark in imported.report]
    if imported.spec is None:
        errors = [remark for remark in imported.report if remark.level == "error"]
        where = f" (line {errors[0].line})" if errors and errors[0].line else ""
        reason = errors[0].message if errors else "Nothing in it was understood."
        raise Refusal(f"No crew could be read{where}: {reason}", fields=_by_line(errors), code="unreadable_source")
    crew = create_crew(who, name=name or imported.spec.name, spec=imported.spec)
    return {"crew": crew_json(crew), "report": report}


def _read_body(request: ApiRequest) -> tuple[Imported, str]:
    body = read_body(request, ImportIn)
    return read_apart({body.filename: body.source}), body.name


def _read_upload(request: ApiRequest) -> tuple[Imported, str]:
    fields, uploads = read_fields(request, UploadIn, files="files"), request.FILES.getlist("files")
    if not uploads:
        raise Invalid("No file was sent.", fields={"files": "Send at least one file."})
    if sum(upload.size or 0 for upload in uploads) > MAX_SOURCE_BYTES:
        raise Invalid(f"The files are larger than {MAX_SOURCE_BYTES:,} bytes together.", fields={"files": "Too large."})
    return read_apart({_file_name(upload): _text(upload) for upload in uploads}), fields.name


def _file_name(upload: "UploadedFile[bytes]") -> str:
    return upload.name or "file"


def _text(upload: "UploadedFile[bytes]") -> str:
    text: str = upload.read().decode("utf-8-sig", "replace")
    return text


def _note_json(remark: Remark) -> dict[str, object]:
    return {"level": remark.level, "line": remark.line, "message": remark.message}


def _by_line(errors: list[Remark]) -> dict[str, str]:
    return {f"source.{error.line}" if error.line else "source": error.message for error in errors}
