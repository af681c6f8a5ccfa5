"""The API's operations on a team's limits. The rules are those of the page."""

from decimal import Decimal
from typing import Annotated, Any

from ninja import Router, Schema
from pydantic import BeforeValidator, Field

from runs.bounds.standings import MemberStanding, Standing, standings
from runs.limits.actions import TeamLimits, limits_of, set_limits
from runs.money import usd_text
from runs.notices import alerts
from teams.access import Principal
from teams.bearer import ApiRequest, Bearer
from teams.error_body import ERRORS
from teams.models import Role
from teams.request_body import Strict
from teams.times import time_text

router = Router(tags=["limits"])


def _only_text(value: object) -> object:
    """A float is not what was meant: 0.1 has no exact one."""
    if value is not None and not isinstance(value, str):
        raise ValueError('Give the amount as a decimal text, such as "12.50".')
    return value


Usd = Annotated[Decimal, BeforeValidator(_only_text)]


class LimitsIn(Strict):
    """All of the limits: what is not given is refused, so that nothing is lifted unawares."""

    budget_usd: Usd | None = Field(description="of the team, per month; null is no limit")
    run_budget_usd: Usd | None = Field(description="of each run, at most")
    user_budget_usd: Usd | None = Field(description="of each member, per month")
    at_limit: str = Field(description="at a budget a run does: pause, stop or fallback")
    fallback_model: str = Field(description="what fallback asks after an agent's own fallbacks; empty for none")
    launch_quota: int | None = Field(description="runs that each member may launch in any launch_window_s seconds")
    launch_window_s: int
    members: dict[int, Usd] = Field(description="own monthly budgets by user id, in place of user_budget_usd")


class StandingOut(Schema):
    budget_usd: str | None
    spent_usd: str
    held_usd: str = Field(description="reserved for calls in flight")
    left_usd: str | None


class MemberOut(StandingOut):
    id: int
    email: str
    own_budget_usd: str | None = Field(description="set for this member in place of user_budget_usd")


class AlertOut(Schema):
    budget: str = Field(description="team or member")
    member: str | None
    month: str
    threshold: int
    message: str
    made_at: str


class LimitsOut(Schema):
    budget_usd: str | None
    run_budget_usd: str | None
    user_budget_usd: str | None
    at_limit: str
    fallback_model: str
    launch_quota: int | None
    launch_window_s: int
    launches: int | None = Field(description="your own in the window that ends now; null without a quota")
    month: str
    team: StandingOut
    members: list[MemberOut] = Field(description="for an owner everybody, for others themselves")
    alerts: list[AlertOut]


@router.get("", response={200: LimitsOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_limits(request: ApiRequest) -> dict[str, Any]:
    """The team's limits, and what this month's budgets stand at."""
    return _answer(request.auth)


@router.put("", response={200: LimitsOut, **ERRORS}, auth=Bearer(Role.OWNER))
def put_limits(request: ApiRequest, body: LimitsIn) -> dict[str, Any]:
    """Sets all of the limits, from now on and for this month too. Runs that they now cover go on."""
    team = set_limits(request.auth, TeamLimits(**body.model_dump()))
    return _answer(Principal(request.auth.user, team, request.auth.role))


def _answer(who: Principal) -> dict[str, Any]:
    limits, found = limits_of(who.team), standings(who)
    return {
        "budget_usd": usd_text(who.team.budget_nusd),
        "run_budget_usd": usd_text(who.team.run_budget_nusd),
        "user_budget_usd": usd_text(who.team.user_budget_nusd),
        "at_limit": limits.at_limit,
        "fallback_model": limits.fallback_model,
        "launch_quota": limits.launch_quota,
        "launch_window_s": limits.launch_window_s,
        "launches": found.launches,
        "month": f"{found.month:%Y-%m}",
        "team": _standing(found.team),
        "members": [_member(one) for one in found.members],
        "alerts": [_alert(one) for one in alerts.listed(who)],
    }


def _standing(one: Standing) -> dict[str, Any]:
    return {
        "budget_usd": usd_text(one.budget_nusd),
        "spent_usd": usd_text(one.spent_nusd),
        "held_usd": usd_text(one.reserved_nusd),
        "left_usd": usd_text(one.left_nusd),
    }


def _member(one: MemberStanding) -> dict[str, Any]:
    own = {"id": one.user.pk, "email": one.user.email, "own_budget_usd": usd_text(one.own_nusd)}
    return _standing(one.standing) | own


def _alert(one: Any) -> dict[str, Any]:
    return {
        "budget": one.kind,
        "member": one.user.email if one.user else None,
        "month": f"{one.month:%Y-%m}",
        "threshold": one.threshold,
        "message": one.words,
        "made_at": time_text(one.made_at),
    }
