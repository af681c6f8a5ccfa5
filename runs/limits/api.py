"""The API's operations on a team's limits. The rules are those of the page."""

from ninja import Router

from runs.limits.actions import TeamLimits, set_limits
from runs.limits.queries import LimitsNow, limits_now
from runs.limits.schemas import LimitsIn, LimitsOut
from teams.access import Principal
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Role

router = Router(tags=["limits"])


@router.get("", response={200: LimitsOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_limits(request: ApiRequest) -> LimitsNow:
    """The team's limits, and what this month's budgets stand at."""
    return limits_now(request.auth)


@router.put("", response={200: LimitsOut, **ERRORS}, auth=Bearer(Role.OWNER))
def put_limits(request: ApiRequest, body: LimitsIn) -> LimitsNow:
    """Sets all of the limits, from now on and for this month too. Runs that they now cover go on."""
    team = set_limits(request.auth, TeamLimits(**body.model_dump()))
    return limits_now(Principal(request.auth.user, team, request.auth.role))
