"""The API's operations on a team's limits. The rules are those of the page."""

from django.http import HttpResponse
from ninja import Router

from runs.limits.actions import TeamLimits, limits_of, set_limits
from runs.limits.queries import LimitsNow, limits_now
from runs.limits.schemas import LimitsIn, LimitsOut
from teams.access import Principal
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.if_match import ERRORS_OF_WRITES, HEADER, IF_MATCH, tagged, unchanged
from teams.models import Role

router = Router(tags=["limits"])


@router.get("", response={200: LimitsOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_limits(request: ApiRequest, response: HttpResponse) -> LimitsNow:
    """The team's limits, and what this month's budgets stand at."""
    limits = limits_now(request.auth)
    tagged(response, limits.revision)
    return limits


@router.put("", response={200: LimitsOut, **ERRORS_OF_WRITES}, auth=Bearer(Role.OWNER), openapi_extra=IF_MATCH)
def put_limits(request: ApiRequest, response: HttpResponse, body: LimitsIn) -> LimitsNow:
    """Sets all of the limits, from now on and for this month too. Runs that they now cover go on.

    With ``If-Match`` only the limits that you read."""
    seen = limits_of(request.auth.team).digest
    with unchanged(request, lambda: seen):
        team = set_limits(request.auth, TeamLimits(**body.model_dump()), seen=seen if HEADER in request.headers else "")
    limits = limits_now(Principal(request.auth.user, team, request.auth.role))
    tagged(response, limits.revision)
    return limits
