"""The API's list of runs, by the same filter as the page."""

from typing import Any

from ninja import Router, Schema

from runs.history import queries
from runs.history.filters import RunFilter
from runs.paging import MAX_PAGE
from runs.run.answers import summary_json
from runs.run.api import RunSummary
from teams.bearer import ApiRequest, Bearer
from teams.error_body import ERRORS
from teams.models import Role

router = Router(tags=["runs"])


class RunList(Schema):
    items: list[RunSummary]
    next: str | None


@router.get("", response={200: RunList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_runs(
    request: ApiRequest, q: str = "", sort: str = "newest", cursor: str = "", limit: int = 50
) -> dict[str, Any]:
    """Runs that fit the typed filter of the runs page, such as ``status:failed cost:>0.1``."""
    run_filter = RunFilter.parse(q)
    page = queries.list_runs(request.auth, run_filter, sort=sort, cursor=cursor, limit=max(1, min(limit, MAX_PAGE)))
    return {"items": [summary_json(run) for run in page.items], "next": page.next or None}
