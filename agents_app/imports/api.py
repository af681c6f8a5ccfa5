"""The API's operation that makes crews of a source in another format."""

from typing import Literal

from ninja import Router, Schema, Status
from pydantic import Field, StrictInt

from agents_app.crews.api import CrewOut, crew_json
from agents_app.formats import Imported, ImportedCrew, Level, Remark, Understood
from agents_app.imports.actions import keep_crews
from agents_app.imports.apart import read_text_apart, read_uploads_apart
from agents_app.imports.uploads import named
from agents_app.models import Crew
from teams.access import Principal
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once_prepared
from teams.api.request_body import Strict, is_upload, read_body, read_fields
from teams.models import Role
from teams.refusals import Invalid, Refusal

router = Router(tags=["crews"])

MAX_SOURCE_CHARS = 2_000_000
WHICH = (
    "Which of a project's crews are made. Left out: the best one, which is the first of `crews` in the answer. `all`: "
    "all that are meant, so not those of tests and examples. Otherwise their indexes there."
)


class ImportIn(Strict):
    source: str = Field(
        description="CrewAI Python source, agents.yaml and tasks.yaml, crew.jsonc, or our JSON",
        max_length=MAX_SOURCE_CHARS,
    )
    filename: str = Field("", max_length=255)
    name: str = Field("", max_length=200, description="of the crew; only where one is made")
    crews: Literal["all"] | list[StrictInt] | None = Field(None, description=WHICH)


class UploadIn(Strict):
    """The fields beside the files."""

    name: str = Field("", max_length=200, description="of the crew; only where one is made")
    crews: str = Field("", pattern=r"^(all|\d{1,4}(,\d{1,4}){0,99})?$", description=WHICH + " As in `0,2`.")
    paths: list[str] = Field(
        [],
        description="The path of each file in its project, in the order of the files: upload parts carry names alone.",
    )


class NoteOut(Schema):
    level: Level
    file: str = Field(description="its path; empty if there is only one")
    line: int | None
    message: str


class ShareOut(Schema):
    read: int
    of: int


class UnderstoodOut(Schema):
    """How many of a crew's parts were read whole, and how many there are."""

    agents: ShareOut
    tasks: ShareOut
    texts: ShareOut
    tools: ShareOut


class ToolUseOut(Schema):
    name: str = Field(description="as in the source")
    stands_for: str = Field(description="the tool here that takes its place; empty if none does")
    why: str
    by: list[str] = Field(description="the agents and tasks that have it")


class ImportedCrewOut(Schema):
    index: int
    name: str
    file: str
    line: int | None
    agents: int
    tasks: int
    meant: bool = Field(description="false for crews of a project's tests and examples")
    slug: str | None = Field(description="of the crew that was made of it; null if none was")
    understood: UnderstoodOut
    tools: list[ToolUseOut]
    report: list[NoteOut] = Field(description="what is to be said of this crew alone")


class ImportOut(Schema):
    crew: CrewOut = Field(description="the crew that was made, or the first of several")
    crews: list[ImportedCrewOut] = Field(description="all crews of the source, the best one first")
    report: list[NoteOut] = Field(description="what is to be said of the whole source and of `crew`, worst first")


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
                        "files": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "A project's files, or a zip archive of it",
                        },
                        **UploadIn.model_json_schema()["properties"],
                    },
                }
            },
        },
    }
}

Which = Literal["all"] | list[int] | None


@router.post("/import", response={201: ImportOut, **ERRORS}, auth=Bearer(Role.EDITOR), openapi_extra=IMPORT_BODY)
def import_crew(request: ApiRequest) -> Status[dict[str, object]]:
    """New crews from somebody's source: the best one, all or those that are named. The report says at which file and
    line something was not understood."""
    return Status(201, once_prepared(request, lambda: _read(request), lambda read: _keep(request.auth, *read)))


def _read(request: ApiRequest) -> tuple[Imported, Which, str]:
    """What the source says, which of its crews are to be made, and the name that the crew is to have."""
    if not is_upload(request):
        body = read_body(request, ImportIn)
        return read_text_apart(body.source, body.filename), body.crews, body.name
    fields = read_fields(request, UploadIn, files="files", lists=("paths",))
    uploads = request.FILES.getlist("files")
    if not uploads:
        raise Invalid("No file was sent.", fields={"files": "Send at least one file."})
    which: Which = (
        "all" if fields.crews == "all" else [int(number) for number in fields.crews.split(",") if number] or None
    )
    return read_uploads_apart(named(uploads, fields.paths)), which, fields.name


def _keep(who: Principal, imported: Imported, which: Which, name: str) -> dict[str, object]:
    if imported.spec is None:
        errors = [remark for remark in imported.report if remark.level == "error"]
        where = f" (line {errors[0].line})" if errors and errors[0].line else ""
        reason = errors[0].message if errors else "Nothing in it was understood."
        raise Refusal(f"No crew could be read{where}: {reason}", fields=_by_line(errors), code="unreadable_source")
    indexes = _chosen(imported, which)
    if name and len(indexes) > 1:
        raise Invalid("A name is for one crew.", fields={"name": f"There are {len(indexes)} crews to be made."})
    specs = [imported.crews[index].spec for index in indexes]
    made = dict(zip(indexes, keep_crews(who, [(name or spec.name, spec) for spec in specs]), strict=True))
    return {
        "crew": crew_json(made[indexes[0]]),
        "crews": [_crew_json(index, crew, made.get(index)) for index, crew in enumerate(imported.crews)],
        "report": [_note_json(remark) for remark in imported.report],
    }


def _chosen(imported: Imported, which: Which) -> list[int]:
    """The indexes of the crews to be made. Raises ``Invalid`` for those that there are not."""
    if which is None:
        return [0]
    if which == "all":
        return [index for index, crew in enumerate(imported.crews) if crew.meant]
    count = len(imported.crews)
    if not which or not all(0 <= index < count for index in which):
        raise Invalid("There are no such crews.", fields={"crews": f"The source has {count}: 0 to {count - 1}."})
    return list(dict.fromkeys(which))


def _crew_json(index: int, crew: ImportedCrew, made: Crew | None) -> dict[str, object]:
    spec = crew.spec
    return {
        "index": index,
        "name": spec.name,
        "file": crew.file,
        "line": crew.line,
        "agents": len(spec.agents),
        "tasks": len(spec.tasks),
        "meant": crew.meant,
        "slug": made.slug if made else None,
        "understood": _understood_json(crew.understood),
        "tools": [
            {"name": tool.name, "stands_for": tool.stands_for, "why": tool.why, "by": list(tool.by)}
            for tool in crew.tools
        ],
        "report": [_note_json(remark) for remark in crew.report],
    }


def _understood_json(understood: Understood) -> dict[str, object]:
    kinds = ("agents", "tasks", "texts", "tools")
    return {kind: dict(zip(("read", "of"), getattr(understood, kind), strict=True)) for kind in kinds}


def _note_json(remark: Remark) -> dict[str, object]:
    return {"level": remark.level, "file": remark.file, "line": remark.line, "message": remark.message}


def _by_line(errors: list[Remark]) -> dict[str, str]:
    return {
        f"{error.file or 'source'}.{error.line}" if error.line else error.file or "source": error.message
        for error in errors
    }
