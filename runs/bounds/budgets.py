"""What the budgets over a run stand at, and which of them keeps a call from being opened.

Reserving is one statement of ``ledger_sql``; this reads the same rows to say why it refused, and whether it would now
be covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db import connection

from engine.errors import LimitReached
from runs.bounds.lanes import POLL_S, Wait
from runs.money import dollars, to_nusd, to_usd
from runs.states import CallWait
from runs.words import BUDGET_TITLES
from teams.access import Principal
from teams.refusals import Invalid

MAX_BUDGET_USD = Decimal(1_000_000)

RUN, TEAM, USER = "run_budget", "team_budget", "user_budget"


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget over a run, in 1e-9 USD: what is spent of it and what calls in flight hold.

    ``budget_nusd`` None is no limit. ``closed``: the month's bill takes no more calls.
    """

    name: str
    budget_nusd: int | None
    spent_nusd: int
    reserved_nusd: int
    closed: bool = False

    def covers(self, needs_nusd: int) -> bool:
        """Whether a call that may cost so much could be opened now."""
        return self.budget_nusd is None or self.spent_nusd + self.reserved_nusd + needs_nusd <= self.budget_nusd

    def would_cover(self, needs_nusd: int) -> bool:
        """Whether it could be, if what is in flight turned out to cost nothing."""
        return self.budget_nusd is None or self.spent_nusd + needs_nusd <= self.budget_nusd


def budgets_of(run_id: UUID) -> Sequence[Budget]:
    """The run's own, and for real runs its team's and its person's of the present month. One query."""
    with connection.cursor() as cursor:
        cursor.execute(READ, [run_id])
        simulated, closed, *figures = cursor.fetchone()
    budgets = [Budget(name, *figures[at : at + 3]) for name, at in ((RUN, 0), (TEAM, 3), (USER, 6))]
    if simulated:
        return budgets[:1]
    return [budgets[0], Budget(*_fields(budgets[1]), closed=closed), budgets[2]]


def covered(run_id: UUID, needs_nusd: int, *, promised_nusd: int = 0) -> bool:
    """Whether every budget over the run covers a call that may cost so much, besides what its team is to need yet."""
    own, *shared = budgets_of(run_id)
    return own.covers(needs_nusd) and all(not one.closed and one.covers(needs_nusd + promised_nusd) for one in shared)


def refusal(run_id: UUID, needs_nusd: int) -> LimitReached | Wait:
    """Why a reservation was refused: a budget that is used up, or one that calls in flight still hold."""
    for one in budgets_of(run_id):
        if one.closed or not one.would_cover(needs_nusd):
            return LimitReached(
                standing(one, needs_nusd), limit=one.name, figure=to_usd(one.spent_nusd), needs_usd=to_usd(needs_nusd)
            )
    return Wait(POLL_S, CallWait.BUDGET)


def refuse_used_up(who: Principal) -> None:
    """Raises ``Invalid`` if nothing is left of the team's or the member's budget of this month: such a run would wait
    before its first call."""
    with connection.cursor() as cursor:
        cursor.execute(USED_UP, {"team": who.team.pk, "user": who.user.pk})
        rows = cursor.fetchall()
    for name, budget_nusd, spent_nusd in rows:
        raise Invalid(
            f"{BUDGET_TITLES[name]} of {dollars(budget_nusd)} is used up: {dollars(spent_nusd)} are spent. "
            "Nothing was launched. An owner can raise it on the page Limits; or wait for next month."
        )


def standing(one: Budget, needs_nusd: int) -> str:
    """What a budget stands at that does not cover a call which may cost so much."""
    if one.closed:
        return "The bill of this month is closed, so that nothing more can be spent in it."
    return (
        f"{BUDGET_TITLES[one.name]} of {dollars(one.budget_nusd or 0)} does not cover the next call: "
        f"{dollars(one.spent_nusd)} are spent, and it may cost up to {dollars(needs_nusd)}."
    )


def this_month() -> date:
    """The first day of the present month in UTC, by the database's clock, which is what calls are booked by."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')::date")
        found: date = cursor.fetchone()[0]
    return found


def usd(nusd: int | None) -> Decimal | None:
    return None if nusd is None else to_usd(nusd)


def nusd(usd: Decimal | None) -> int | None:
    return None if usd is None else to_nusd(usd)


def _fields(one: Budget) -> tuple[str, int | None, int, int]:
    return one.name, one.budget_nusd, one.spent_nusd, one.reserved_nusd


READ = """
    SELECT run.simulated, coalesce(bill.closed_at IS NOT NULL, false),
           run.budget_nusd, run.spent_nusd, run.reserved_nusd,
           CASE WHEN bill.id IS NULL THEN team.budget_nusd ELSE bill.budget_nusd END,
           coalesce(bill.spent_nusd, 0), coalesce(bill.reserved_nusd, 0),
           CASE WHEN allowance.id IS NOT NULL THEN allowance.budget_nusd
                WHEN run.created_by_id IS NOT NULL THEN coalesce(membership.budget_nusd, team.user_budget_nusd) END,
           coalesce(allowance.spent_nusd, 0), coalesce(allowance.reserved_nusd, 0)
    FROM runs_run AS run
    JOIN teams_team AS team ON team.id = run.team_id
    CROSS JOIN (SELECT date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')::date AS begins) AS month
    LEFT JOIN runs_bill AS bill ON bill.team_id = team.id AND bill.month = month.begins
    LEFT JOIN teams_membership AS membership
        ON membership.team_id = team.id AND membership.user_id = run.created_by_id
    LEFT JOIN runs_allowance AS allowance
        ON allowance.team_id = team.id AND allowance.user_id = run.created_by_id AND allowance.month = month.begins
    WHERE run.id = %s
"""

USED_UP = f"""
    SELECT '{TEAM}', budget_nusd, spent_nusd FROM runs_bill
    WHERE team_id = %(team)s AND month = date_trunc('month', statement_timestamp() AT TIME ZONE 'UTC')::date
      AND spent_nusd >= budget_nusd
    UNION ALL
    SELECT '{USER}', budget_nusd, spent_nusd FROM runs_allowance
    WHERE team_id = %(team)s AND user_id = %(user)s AND spent_nusd >= budget_nusd
      AND month = date_trunc('month', statement_timestamp() AT TIME ZONE 'UTC')::date
"""  # noqa: S608 - names from here
