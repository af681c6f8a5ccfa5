"""What the budgets over a run stand at, and which of them keeps a call from being opened.

The ledger's ``OPEN`` statement reserves. This reads the same rows afterwards to say why it refused, or whether it would
succeed now.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import connection
from psycopg.sql import Literal

from engine.errors import LimitReached
from runs.bounds.lanes import POLL_S, Wait
from runs.money import dollars, to_usd
from runs.months import THIS_MONTH
from runs.sql import statement
from runs.states import RUN_BUDGET, TEAM_BUDGET, USER_BUDGET, CallWait
from runs.words import BUDGET_TITLES
from teams.access import Principal
from teams.refusals import Invalid

MAX_BUDGET_USD = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget over a run."""

    name: str  # one of ``BUDGETS``
    budget_nusd: int | None  # None: no limit
    spent_nusd: int
    reserved_nusd: int  # held for calls in flight
    closed: bool  # the month's bill takes no more calls

    def covers(self, needs_nusd: int) -> bool:
        """Whether a call that may cost ``needs_nusd`` could be opened now."""
        return self.budget_nusd is None or self.spent_nusd + self.reserved_nusd + needs_nusd <= self.budget_nusd

    def would_cover(self, needs_nusd: int) -> bool:
        """Whether it could be opened if the calls in flight turned out to cost nothing."""
        return self.budget_nusd is None or self.spent_nusd + needs_nusd <= self.budget_nusd


def budgets_of(run_id: UUID) -> Sequence[Budget]:
    """The run's own budget and, unless it is simulated, its team's and its person's for this month. One query."""
    return budgets_of_each([run_id]).get(run_id, [])


def budgets_of_each(run_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Budget]]:
    """The same of many runs; nothing of a run that is gone. One query."""
    found: dict[UUID, list[Budget]] = {}
    with connection.cursor() as cursor:
        cursor.execute(READ, {"runs": list(run_ids)})
        for run_id, *budget in cursor.fetchall():
            found.setdefault(run_id, []).append(Budget(*budget))
    return found


def cover(over_a_run: Sequence[Budget], needs_nusd: int, *, promised_nusd: int = 0) -> bool:
    """Whether every budget over a run covers a call that may cost ``needs_nusd``.

    ``promised_nusd`` is what other runs of the team are about to need of the budgets that they share.
    """
    own, *shared = over_a_run
    return own.covers(needs_nusd) and all(
        not budget.closed and budget.covers(needs_nusd + promised_nusd) for budget in shared
    )


def refusal(run_id: UUID, needs_nusd: int) -> LimitReached | Wait:
    """Why a reservation was refused: a budget is used up, or calls in flight hold what is left of one."""
    for budget in budgets_of(run_id):
        if budget.closed or not budget.would_cover(needs_nusd):
            return LimitReached(
                standing(budget, needs_nusd),
                limit=budget.name,
                figure=to_usd(budget.spent_nusd),
                needs_usd=to_usd(needs_nusd),
            )
    return Wait(POLL_S, CallWait.BUDGET)


def refuse_used_up(who: Principal) -> None:
    """Raises ``Invalid`` if nothing is left of the team's or the member's budget of this month: a run would wait before
    its first call."""
    with connection.cursor() as cursor:
        cursor.execute(USED_UP, {"team": who.team.pk, "user": who.user.pk})
        used_up = cursor.fetchall()
    for name, budget_nusd, spent_nusd in used_up:
        raise Invalid(
            f"{BUDGET_TITLES[name]} of {dollars(budget_nusd)} is used up: {dollars(spent_nusd)} are spent. "
            "Nothing was launched. An owner can raise it on the page Limits; or wait for next month."
        )


def standing(budget: Budget, needs_nusd: int) -> str:
    """Says to people why the budget does not cover a call that may cost ``needs_nusd``."""
    if budget.closed:
        return "The bill of this month is closed, so that nothing more can be spent in it."
    return (
        f"{BUDGET_TITLES[budget.name]} of {dollars(budget.budget_nusd or 0)} does not cover the next call: "
        f"{dollars(budget.spent_nusd)} are spent, and it may cost up to {dollars(needs_nusd)}."
    )


# The budgets over runs. A month's bill and allowance have their own figure; before they begin, the team's counts.
READ = statement(
    """
    SELECT run.id, budget.name, budget.budget_nusd, budget.spent_nusd, budget.reserved_nusd, budget.closed
    FROM runs_run AS run
    JOIN teams_team AS team ON team.id = run.team_id
    CROSS JOIN (SELECT {this_month} AS begins) AS month
    LEFT JOIN runs_bill AS bill ON bill.team_id = team.id AND bill.month = month.begins
    LEFT JOIN teams_membership AS membership
        ON membership.team_id = team.id AND membership.user_id = run.created_by_id
    LEFT JOIN runs_allowance AS allowance
        ON allowance.team_id = team.id AND allowance.user_id = run.created_by_id AND allowance.month = month.begins
    CROSS JOIN LATERAL (VALUES
        (1, {run}, run.budget_nusd, run.spent_nusd, run.reserved_nusd, false),
        (2, {team}, CASE WHEN bill.id IS NULL THEN team.budget_nusd ELSE bill.budget_nusd END,
            coalesce(bill.spent_nusd, 0), coalesce(bill.reserved_nusd, 0), bill.closed_at IS NOT NULL),
        (3, {user}, CASE WHEN allowance.id IS NOT NULL THEN allowance.budget_nusd
                         WHEN run.created_by_id IS NOT NULL
                         THEN coalesce(membership.budget_nusd, team.user_budget_nusd) END,
            coalesce(allowance.spent_nusd, 0), coalesce(allowance.reserved_nusd, 0), false)
    ) AS budget (place, name, budget_nusd, spent_nusd, reserved_nusd, closed)
    WHERE run.id = ANY(%(runs)s) AND (budget.place = 1 OR NOT run.simulated)
    ORDER BY run.id, budget.place
    """,
    this_month=THIS_MONTH,
    run=Literal(RUN_BUDGET),
    team=Literal(TEAM_BUDGET),
    user=Literal(USER_BUDGET),
)

# This month's budgets of a team and a member of which nothing is left.
USED_UP = statement(
    """
    SELECT {team}, budget_nusd, spent_nusd FROM runs_bill
    WHERE team_id = %(team)s AND month = {this_month} AND spent_nusd >= budget_nusd
    UNION ALL
    SELECT {user}, budget_nusd, spent_nusd FROM runs_allowance
    WHERE team_id = %(team)s AND user_id = %(user)s AND month = {this_month} AND spent_nusd >= budget_nusd
    """,
    this_month=THIS_MONTH,
    team=Literal(TEAM_BUDGET),
    user=Literal(USER_BUDGET),
)
