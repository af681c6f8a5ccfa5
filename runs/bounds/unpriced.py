"""Which budgets would hold back a run's calls, and counts of those that no budget holds back: calls without a price."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from django.db.models import Count, Q, QuerySet

from runs.models import Call
from runs.states import RUN_BUDGET, TEAM_BUDGET, USER_BUDGET, CallState
from runs.words import BUDGET_TITLES
from teams.models import Membership, Team

MOST_COUNTED = 1000
"""Of a team's calls without a price so many are counted at most, where only their being there matters."""


def budgets_over(team: Team, user_id: int | None, run_budget_nusd: int | None) -> list[str]:
    """What the budgets are called that a run of this person is held by, its own first."""
    own = Membership.objects.filter(team=team, user=user_id).values_list("budget_nusd", flat=True).first()
    user_budget_nusd = team.user_budget_nusd if own is None else own
    amounts = {RUN_BUDGET: run_budget_nusd, TEAM_BUDGET: team.budget_nusd, USER_BUDGET: user_budget_nusd}
    return [BUDGET_TITLES[name] for name, amount in amounts.items() if amount is not None]


def unpriced_calls(team: Team, month: date) -> int:
    """How many real calls of the month have no known cost, at most ``MOST_COUNTED``. One query."""
    return unpriced_of(team, month)[:MOST_COUNTED].count()


def unpriced_calls_by_person(team: Team, month: date) -> Mapping[int | None, int]:
    """The same of each person who launched their runs, all of them counted. One query."""
    rows = unpriced_of(team, month).values("run__created_by_id").annotate(calls=Count("pk"))
    return {row["run__created_by_id"]: row["calls"] for row in rows}


def unpriced_of(team: Team, *months: date) -> QuerySet[Call]:
    """The team's real calls of the months whose cost nobody knows."""
    return Call.objects.filter(
        ~Q(state=CallState.INTENT), team=team, billed_month__in=months, cost_nusd=None, simulated=False
    ).order_by()
