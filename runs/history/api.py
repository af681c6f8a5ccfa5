"""The API's list of runs, by the same filter as the page."""

from typing import Annotated, Literal

from ninja import Query, Router
from pydantic import Field

from agents_app.queries import own_crew
from runs.history import queries
from runs.history.filters import RunFilter
from runs.history.schemas import RunList, VersionFiguresList
from runs.history.version_figures import VersionFigures, version_figures
from runs.models import Run
from runs.paging import MAX_PAGE, Page
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Role

router = Router(tags=["runs"])
crew_router = Router(tags=["crews"])

MAX_VERSIONS = 50
VersionNumber = Annotated[int, Field(ge=1, lt=10**9)]

Sort = Literal[
    "newest",
    "oldest",
    "cost",
    "cost-asc",
    "duration",
    "duration-asc",
    "tokens",
    "tokens-asc",
    "calls",
    "calls-asc",
    "waste",
    "waste-asc",
    "queued",
    "queued-asc",
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


@crew_router.get(
    "/{slug:slug}/versions/figures", response={200: VersionFiguresList, **ERRORS}, auth=Bearer(Role.VIEWER)
)
def list_version_figures(
    request: ApiRequest, slug: str, version: Annotated[list[VersionNumber], Query(max_length=MAX_VERSIONS)]
) -> dict[str, list[VersionFigures]]:
    """What the runs of these versions cost and took and how they were rated, real and simulated apart. A kind without
    runs is left out."""
    crew = own_crew(request.auth, slug)
    figures = version_figures(request.auth, crew.slug, list(dict.fromkeys(version)))
    return {"items": [one for number in figures for one in figures[number]]}
