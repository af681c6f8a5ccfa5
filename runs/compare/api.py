"""The API's comparison of runs, versions and filters: the page's, as JSON."""

from typing import Any

from ninja import Query, Router

from runs.api_fields import YesOrNo
from runs.compare import addresses
from runs.compare.answer import answer
from runs.compare.comparison import compare
from runs.compare.schemas import ComparisonOut
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Role
from teams.refusals import Invalid

router = Router(tags=["runs"])
NONE: list[str] = []


@router.get("", response={200: ComparisonOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def compare_runs(
    request: ApiRequest,
    runs: str = "",
    versions: str = "",
    batches: str = "",
    q: Query[list[str]] = NONE,
    baseline: str = "",
    align: Query[list[str]] = NONE,
    simulated: YesOrNo | None = None,
) -> dict[str, Any]:
    """Up to six runs (`runs=a,b`), versions (`versions=crew@3,crew@4`), batches (`batches=a,b`) and filters as on the
    page of runs (each `q`), against `baseline`, one of their ids, or the first. `align=old:new` says which task of the
    baseline is which. `simulated=yes` or `no` chooses a group's runs; by default its real ones, if there are any.

    Parts sum to their difference exactly. What cannot be shown is named in `problems`; the rest is still answered."""
    asked = addresses.read(request.GET)
    if asked.is_empty:
        raise Invalid("Name what to compare.", fields={"runs": "Give runs, versions, batches or q."})
    return answer(compare(request.auth, asked))
