"""What bounds a batch as a whole: its failures and its money. All of it is counted from its runs.

A row starts only if all that it may spend is left, so that no batch spends more than its budget. Where each run was
ordered with a budget, that is what a row needs. Where only the whole has one, rows that start together share what is
left of it evenly; a row then needs as much as the dearest row of the batch has cost, and more than one that stopped at
its share had, since with less it would be likely to stop half-way. ``shares`` moves what rows do not use.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from runs.models import Batch, Run
from runs.money import dollars
from runs.states import BatchPause, RunState

LOOKED_AT = 20
"""Earlier runs of a version, by which its first rows are reckoned with."""

# What the runs of a batch have spent, what more they may spend (live ones by their own budgets, ended ones by calls
# that nobody has settled yet), what the dearest cost, more than what those had that stopped at their budgets, and the
# least that one under way has. Rows that succeeded say what a row costs; while there are none, those that ended
# otherwise. Of rows that wait at their budgets and may have more (others wait for a person): the least that one needs
# more, the most that one needs in all, and whether there are others under way.
SPENT = """
    WITH run AS MATERIALIZED (
        SELECT state, spent_nusd, reserved_nusd, budget_nusd, needs_nusd,
               state IN ('queued', 'running', 'waiting') AS live,
               state = 'failed' AND error_code = 'run_budget' AS stopped,
               state = 'waiting' AND waiting_for = 'run_budget'
                   AND spent_nusd + reserved_nusd + needs_nusd > budget_nusd
                   AND coalesce(spent_nusd + reserved_nusd + needs_nusd <= %(cap)s::bigint, true) AS short
        FROM runs_run WHERE batch_id = %(batch)s
    ),
    cost AS (
        SELECT max(spent_nusd) FILTER (WHERE state = 'succeeded') AS succeeded,
               max(spent_nusd) FILTER (WHERE NOT live) AS ended
        FROM run
    )
    SELECT coalesce(sum(spent_nusd), 0)::bigint,
           coalesce(sum(CASE WHEN live THEN greatest(coalesce(budget_nusd, 0) - spent_nusd, reserved_nusd)
                             ELSE reserved_nusd END), 0)::bigint,
           coalesce(min(cost.succeeded), min(cost.ended), 0),
           coalesce(max(budget_nusd + 1)
                    FILTER (WHERE stopped AND spent_nusd <= coalesce(cost.succeeded, spent_nusd)), 0),
           coalesce(min(budget_nusd) FILTER (WHERE live AND NOT short), 0),
           min(needs_nusd) FILTER (WHERE short), coalesce(max(spent_nusd + needs_nusd) FILTER (WHERE short), 0),
           count(*) FILTER (WHERE live AND NOT short) > 0
    FROM run, cost
"""


@dataclass(frozen=True, slots=True)
class Money:
    """What a batch with a budget stands at, in 1e-9 USD."""

    paid: int
    held: int  # what more its runs may spend
    row_needs: int  # of the budget, to start
    why: str  # a row needs as much
    least_share: int  # of its runs under way
    goes_on_with: int | None  # the least that a row which waits at its budget needs more; None if none waits so
    waits_for: int  # the most that such a row would have cost by then
    moves: bool  # whether others are under way

    def lets_one_go_on(self, budget_nusd: int) -> bool:
        """Whether a row that waits at its own budget could go on with what is left of the whole."""
        return self.goes_on_with is not None and self.paid + self.goes_on_with <= budget_nusd


@dataclass(frozen=True, slots=True)
class Room:
    """How many rows may start now, and what each may spend, in 1e-9 USD; None: no limit."""

    rows: int
    budget_nusd: int | None


def why_to_pause(batch: Batch) -> BatchPause | None:
    """What keeps its next row from being started until somebody does something; None if nothing does."""
    if batch.crew.archived_at is not None:
        return BatchPause.ARCHIVED
    if batch.stop_after_failures is not None:
        failed = batch.runs.filter(state=RunState.FAILED).count() - batch.failures_before
        if failed >= batch.stop_after_failures:
            return BatchPause.FAILURES
    if batch.budget_nusd is not None:
        money = money_of(batch)
        # Even if what is under way spent no more, the next row would not fit; or all that is under way waits for more.
        waits = money.goes_on_with is not None and not money.moves
        if money.paid + money.row_needs > batch.budget_nusd or (waits and not money.lets_one_go_on(batch.budget_nusd)):
            return BatchPause.BUDGET
    return None


def lets_waiting_go_on(batch: Batch) -> bool:
    """Whether a row that waits at its own budget could go on with what is left, be it that no other could start."""
    return batch.budget_nusd is not None and money_of(batch).lets_one_go_on(batch.budget_nusd)


def room(batch: Batch, most: int) -> Room:
    """``most``: rows that wait and have a place. What live ones still hold of the budget is left to them."""
    each = cap_of_rows(batch)
    if batch.budget_nusd is None:
        return Room(most, each)
    money = money_of(batch)
    left = batch.budget_nusd - money.paid - money.held
    needs = money.row_needs if money.row_needs > 1 or batch.run_budget_nusd is not None else _likely(batch, money, left)
    rows = max(0, min(most, left // needs if needs else most))
    if batch.run_budget_nusd is None and rows:
        each = lower(each, left // rows)
    return Room(rows, each)


def cap_of_rows(batch: Batch) -> int | None:
    """The most that one of its runs may have, in 1e-9 USD: what each was ordered with, or what the team gives."""
    return lower(batch.run_budget_nusd, batch.team.run_budget_nusd)


def budget_in_words(batch: Batch) -> str:
    """Why the budget of the whole does not cover another row."""
    money = money_of(batch)
    return f"{dollars(money.paid)} of its {dollars(batch.budget_nusd or 0)} are spent, and {money.why}."


def lower(asked: int | None, most: int | None) -> int | None:
    """The lower of two bounds, of which None is none."""
    return min((bound for bound in (asked, most) if bound is not None), default=None)


def money_of(batch: Batch) -> Money:
    cap = cap_of_rows(batch)
    with connection.cursor() as cursor:
        cursor.execute(SPENT, {"batch": batch.pk, "cap": cap})
        paid, held, dearest, more_than, least_share, goes_on_with, waits_for, moves = cursor.fetchone()
    if batch.run_budget_nusd is not None:
        needs, why = cap or 0, f"each row keeps back its own budget of {dollars(cap or 0)}"
    else:
        needs, why = lower(max(1, dearest, more_than), cap) or 1, f"the dearest row cost {dollars(dearest)}"
        if more_than > dearest:
            why = f"{dollars(more_than - 1)} were too little for a row"
    if goes_on_with is not None and not moves:
        why = f"the rows under way wait for {dollars(goes_on_with)} more at least"
    return Money(paid, held, needs, why, least_share, goes_on_with, waits_for, moves)


def _likely(batch: Batch, money: Money, left: int) -> int:
    """What a row needs while none of the batch says: as much as the dearest of the version's last runs, and no less
    than a row that is under way got. The first row starts with whatever there is."""
    newest = Run.objects.filter(version=batch.version_id, simulated=batch.simulated).order_by("-pk")
    before = newest.values_list("state", "spent_nusd")[:LOOKED_AT]
    dearest = max((nusd for state, nusd in before if state == RunState.SUCCEEDED), default=0)
    needs = max(1, money.least_share, money.waits_for, lower(dearest, cap_of_rows(batch)) or 0)
    return needs if money.held else max(1, min(needs, left))
