"""The API's list of runs, by the same filter as the page."""

from typing import Literal

from ninja import Router

from runs.history import queries
from runs.history.filters import RunFilter
from runs.history.schemas import RunList
from runs.models import Run
from runs.paging import MAX_PAGE, Page
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Role

router = Router(tags=["runs"])

Sort = Literal[
    "newest",
    "oldest",
    "cost",
    "cost-asc",
    "waste",
    "waste-asc",
    "duration",
    "duration-asc",
    "queued",
    "queued-asc",
    "tokens",
    "tokens-asc",
    "calls",
    "calls-asc",
    "crew",
    "crew-desc",
    "state",
    "state-desc",
    "by",
    "by-desc",
]
"""One of ``orders.ORDERS``."""


@router.get("", response={200: RunList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_runs(request: ApiRequest, q: str = "", sort: Sort = "newest", cursor: str = "", limit: int = 50) -> Page[Run]:
    """Runs that fit the typed filter of the runs page, such as ``status:failed -crew:support cost:>0.1``."""
    run_filter = RunFilter.parse(q, request.auth)
    return queries.list_runs(request.auth, run_filter, sort=sort, cursor=cursor, limit=max(1, min(limit, MAX_PAGE)))
