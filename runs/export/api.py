"""The API's file of runs: all that fit a filter, as the pages give it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from django.http import StreamingHttpResponse
from ninja import Query, Router

from runs.export.answers import file_for
from runs.export.batches import batches, begin
from runs.export.formats import CSV, JSON_LINES
from runs.history.api import Sort
from runs.history.filters import RunFilter
from teams.api.bearer import ApiRequest, Bearer, right_of
from teams.api.error_body import ERRORS
from teams.models import Role

router = Router(tags=["runs"])

FORMS = {"csv": CSV, "jsonl": JSON_LINES}
RunsForm = Annotated[
    Literal["csv", "jsonl"],
    Query(alias="format", description="`csv`: texts made safe for spreadsheets; `jsonl`: a JSON object on each line"),
]
TEXT: dict[str, Any] = {"schema": {"type": "string"}}
FILE: dict[str, Any] = {
    "responses": {
        200: {
            "description": "the file; its name is in `Content-Disposition`",
            "content": {"text/csv": TEXT, "application/jsonl": TEXT},
        }
    }
}


@router.get("/file", response={200: None, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=FILE)
def get_runs_file(
    request: ApiRequest, q: str = "", sort: Sort = "newest", form: RunsForm = "csv"
) -> StreamingHttpResponse:
    """All runs that fit the typed filter, a million at most, in one file that is written while it is sent. A team has
    two files written at once, more are 429. What cannot be finished ends with a broken connection, also once the token
    no longer works."""
    run_filter = RunFilter.parse(q, request.auth)
    right = right_of(request)

    def rows() -> Iterator[list[Any]]:
        return batches(begin(request.auth, run_filter, sort))

    return file_for(request.auth, right, rows, FORMS[form], f"{request.auth.team.slug}-runs")
