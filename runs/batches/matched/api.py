"""The API's operations on matched rows. The rules are those of the pages."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import StreamingHttpResponse
from ninja import Query, Router

from runs.batches.matched.files import as_csv, full_pairs, name_of, pieces
from runs.batches.matched.matching import Matching, matching
from runs.batches.matched.queries import matched
from runs.batches.matched.schemas import MatchedOut
from runs.export.answers import file_for
from runs.feeding.launchers import mark_stranded
from runs.paging import MAX_PAGE
from teams.api.bearer import ApiRequest, Bearer, right_of
from teams.api.error_body import ERRORS
from teams.models import Role

router = Router(tags=["batches"])

Batches = Annotated[str, Query(description="the ids of two batches, with a comma between them")]
Baseline = Annotated[str, Query(description="the one of them that the other is held against; else the first")]
Show = Annotated[
    Literal["", "worse", "better", "dearer", "cheaper", "slower", "faster", "differ", "baseline", "other"],
    Query(
        description="which rows: all that both batches have; `worse`, `better`: that failed only in the other, only in "
        "the baseline; by cost or time; `differ`: whose answers differ; `baseline`, `other`: that this batch alone has"
    ),
]
Sort = Annotated[
    Literal["worst", "-cost", "cost", "-seconds", "seconds", "row", "-row"],
    Query(
        description="`worst`: what fails anew, then by how much dearer and slower; `-cost`: the largest increase "
        "first; rows that one batch alone has stand in their own order"
    ),
]
FILE: dict[str, Any] = {
    "responses": {
        200: {
            "description": "the file; its name is in `Content-Disposition`",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    }
}


@router.get("/rows", response={200: MatchedOut, **ERRORS}, auth=Bearer(Role.VIEWER), by_alias=True)
def match_batch_rows(
    request: ApiRequest,
    batches: Batches,
    baseline: Baseline = "",
    show: Show = "",
    field: Annotated[str, Query(description="of the answers; with `show=differ`")] = "",
    sort: Sort = "worst",
    cursor: str = "",
    limit: int = 50,
) -> dict[str, Any]:
    """The rows of two batches side by side, matched by equal inputs. Of rows that repeat their inputs the first goes
    with the first of the other batch, the second with the second.

    ``both`` sums the rows that both have, so that like is held against like; ``baseline`` and ``other`` sum all."""
    found = matched(
        _matching(request, batches, baseline),
        show=show,
        field=field,
        sort=sort,
        cursor=cursor,
        limit=max(1, min(limit, MAX_PAGE)),
    )
    pairs = full_pairs(found.matching, found.pairs)
    for nth, batch in enumerate(found.matching.sides):
        rows = [row for pair in pairs if (row := (pair.baseline, pair.other)[nth])]
        mark_stranded(batch, rows)
        for row in rows:
            if row.run is not None:
                row.run.team = batch.team  # for its address
    return MatchedOut.of(found, pairs)


@router.get("/rows/file", response={200: None, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=FILE)
def get_matched_rows_file(request: ApiRequest, batches: Batches, baseline: Baseline = "") -> StreamingHttpResponse:
    """All matched rows as CSV, the worst first, then those that one batch alone has. A team has two files written at
    once, more are 429. What cannot be finished ends with a broken connection."""
    found = _matching(request, batches, baseline)
    right = right_of(request)
    return file_for(request.auth, right, lambda: pieces(found), as_csv(found), name_of(found))


def _matching(request: ApiRequest, batches: str, baseline: str) -> Matching:
    return matching(request.auth, [text.strip() for text in batches.split(",") if text.strip()], baseline)
