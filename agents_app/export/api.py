"""The API's operations that give crews as files, and say what those files cannot say."""

from typing import Annotated, Any, Literal

from django.http import HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from agents_app.export.files import file_of, zip_of
from agents_app.export.queries import all_exported, draft_spec, version_spec
from agents_app.writers import FORMATS, Exported, ExportFormat, export
from engine.spec.crew_spec import CrewSpec
from teams.access import Principal
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Role

router = Router(tags=["crews"])
crews_router = Router(tags=["crews"])

Wanted = Annotated[
    ExportFormat,
    Query(
        alias="format",
        description="`python`: one file for CrewAI; `yaml`: a zip with agents.yaml, tasks.yaml and crew.py; `jsonc`: a "
        "zip with crew.jsonc and agents/*.jsonc; `json`: Crewsite's own, which says everything",
        examples=["python"],
    ),
]
Number = Annotated[int | None, Query(ge=1, le=999_999_999, description="a version; left out, the draft")]
BINARY = {"schema": {"type": "string", "format": "binary"}}
FILE: dict[str, Any] = {
    "responses": {
        200: {
            "description": "the file; its name is in `Content-Disposition`",
            "content": {
                **{form.content_type.partition(";")[0]: BINARY for form in FORMATS.values()},
                "application/json": {},
            },
        }
    }
}
ZIP: dict[str, Any] = {
    "responses": {
        200: {
            "description": "a zip with a folder for each crew",
            "content": {"application/zip": BINARY},
        }
    }
}


class ExportRemarkOut(Schema):
    level: Literal["info", "warning"] = Field(
        description="`warning`: left out, or not quite the same there; `info`: said otherwise, with the same meaning"
    )
    field: str = Field(description="the spec's field, by keys", examples=["agents.writer.llm.fallbacks"])
    message: str


class ExportReportOut(Schema):
    format: ExportFormat
    files: list[str] = Field(
        description="the paths of the format's files", examples=[["crew.py", "config/agents.yaml"]]
    )
    report: list[ExportRemarkOut] = Field(description="what is otherwise there than here; empty if nothing is")


@router.get("/{slug:slug}/export", response={200: None, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=FILE)
def export_crew(request: ApiRequest, slug: str, form: Wanted = "json", version: Number = None) -> HttpResponse:
    """A crew as a file to run or to edit elsewhere: its draft, or a version. What CrewAI cannot say stands in comments,
    and in `/export/report`. Nothing secret is in it."""
    return file_of(_exported(request.auth, slug, form, version))


@router.get("/{slug:slug}/export/report", response={200: ExportReportOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def export_report(request: ApiRequest, slug: str, form: Wanted = "json", version: Number = None) -> dict[str, object]:
    """What of a crew a format cannot say, field by field."""
    exported = _exported(request.auth, slug, form, version)
    remarks = [{"level": item.level, "field": item.field, "message": item.message} for item in exported.remarks]
    return {"format": form, "files": list(exported.files), "report": remarks}


@crews_router.get("/crews.zip", response={200: None, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=ZIP)
def export_crews(request: ApiRequest, form: Wanted = "json") -> HttpResponse:
    """The drafts of all crews of the team as one zip, each in a folder by its slug, with what its files cannot say."""
    crews = all_exported(request.auth, form)
    return zip_of(crews, name=f"{request.auth.team.slug}-crews-{form}.zip")


def _exported(who: Principal, slug: str, form: ExportFormat, version: int | None) -> Exported:
    spec: CrewSpec
    _, spec = draft_spec(who, slug) if version is None else version_spec(who, slug, version)
    return export(spec, form)
