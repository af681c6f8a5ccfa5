"""What the API takes and answers about a team's limits. ``LimitsOut`` is made of ``queries.LimitsNow``."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from ninja import Schema
from pydantic import BeforeValidator, Field, StrictInt

from runs.api_fields import TimeText, UsdText, UsdTextOrNull
from runs.models import Alert, AlertKind
from teams.api.request_body import Strict
from teams.models import AtLimit


def _only_text(value: object) -> object:
    """Refuses a float: 0.1 has no exact one, so it is not what was meant."""
    if value is not None and not isinstance(value, str):
        raise ValueError('Give the amount as a decimal text, such as "12.50".')
    return value


def _month_text(month: date) -> str:
    return f"{month:%Y-%m}"


Usd = Annotated[Decimal, BeforeValidator(_only_text)]
MonthText = Annotated[str, BeforeValidator(_month_text)]


class LimitsIn(Strict):
    """All of the limits: what is not given is refused, so that nothing is lifted unawares."""

    budget_usd: Usd | None = Field(description="of the team, per month; null is no limit")
    run_budget_usd: Usd | None = Field(description="of each run, at most, and what a launch gets that names none")
    run_max_calls: StrictInt | None = Field(description="model requests of each run, likewise")
    run_max_seconds: StrictInt | None = Field(description="of each run without its pauses, likewise")
    runs_at_once: StrictInt | None = Field(
        description="runs of the team that are worked on at the same time; 1 to 10,000, null is no limit"
    )
    user_budget_usd: Usd | None = Field(description="of each member, per month")
    at_limit: AtLimit = Field(description="what a run does at a budget")
    fallback_model: str = Field(description="what fallback asks after an agent's own fallbacks; empty for none")
    launch_quota: StrictInt | None = Field(
        description="runs that each member may launch in any launch_window_s seconds"
    )
    launch_window_s: StrictInt
    members: dict[int, Usd] = Field(description="own monthly budgets by user id, in place of user_budget_usd")


class StandingOut(Schema):
    budget_usd: UsdTextOrNull = Field(validation_alias="budget_nusd")
    spent_usd: UsdText = Field(validation_alias="spent_nusd")
    held_usd: UsdText = Field(validation_alias="reserved_nusd", description="reserved for calls in flight")
    left_usd: UsdTextOrNull = Field(validation_alias="left_nusd")
    unpriced_calls: int = Field(description="whose cost nobody knows: it is not in spent_usd")


class MemberOut(StandingOut):
    budget_usd: UsdTextOrNull = Field(validation_alias="standing.budget_nusd")
    spent_usd: UsdText = Field(validation_alias="standing.spent_nusd")
    held_usd: UsdText = Field(validation_alias="standing.reserved_nusd", description="reserved for calls in flight")
    left_usd: UsdTextOrNull = Field(validation_alias="standing.left_nusd")
    unpriced_calls: int = Field(validation_alias="standing.unpriced_calls")
    id: int = Field(validation_alias="user.pk")
    email: str = Field(validation_alias="user.email")
    own_budget_usd: UsdTextOrNull = Field(
        validation_alias="own_nusd", description="set for this member in place of user_budget_usd"
    )


class AlertOut(Schema):
    budget: AlertKind = Field(validation_alias="kind")
    member: str | None
    month: MonthText
    threshold: int
    message: str = Field(validation_alias="words")
    made_at: TimeText

    @staticmethod
    def resolve_member(alert: Alert) -> str | None:
        return alert.user.email if alert.user else None


class LimitsOut(Schema):
    revision: str = Field(description="differs as soon as one of the limits does")
    budget_usd: UsdTextOrNull = Field(validation_alias="team.budget_nusd")
    run_budget_usd: UsdTextOrNull = Field(validation_alias="team.run_budget_nusd")
    run_max_calls: int | None = Field(validation_alias="team.run_max_calls")
    run_max_seconds: int | None = Field(validation_alias="team.run_max_seconds")
    runs_at_once: int | None = Field(validation_alias="team.runs_at_once")
    user_budget_usd: UsdTextOrNull = Field(validation_alias="team.user_budget_nusd")
    at_limit: AtLimit = Field(validation_alias="team.at_limit")
    fallback_model: str = Field(validation_alias="team.fallback_model")
    launch_quota: int | None = Field(validation_alias="team.launch_quota")
    launch_window_s: int = Field(validation_alias="team.launch_window_s")
    launches: int | None = Field(
        validation_alias="standings.launches",
        description="your own in the window that ends now; null without a quota",
    )
    month: MonthText = Field(validation_alias="standings.month")
    team: StandingOut = Field(validation_alias="standings.team")
    members: list[MemberOut] = Field(
        validation_alias="standings.members", description="for an owner everybody, for others themselves"
    )
    alerts: list[AlertOut]
