"""What bounds a batch as a whole: its failures and its money. All of it is counted from its runs.

A row starts only if all that it may spend is left, so that no batch spends more than its budget. Where each run was
ordered with a budget, that is what a row needs. Where only the whole has one, rows that start together share what is
left of it evenly; a row then needs as much as the dearest row of the batch has cost, since with less it would be likely
to stop half-way.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from runs.models import Batch
from runs.money import dollars
from runs.states import BatchPause, RunState

# What the runs of a batch have spent, what more those that are live may spend by their own budgets, and what the
# dearest of those that succeeded cost.
SPENT = """
    SELECT coalesce(sum(spent_nusd), 0)::bigint,
           coalesce(sum(greatest(coalesce(budget_nusd, 0) - spent_nusd, reserved_nusd))
                    FILTER (WHERE state IN ('queued', 'running', 'waiting')), 0)::bigint,
           coalesce(max(spent_nusd) FILTER (WHERE state = 'succeeded'), 0)
    FROM runs_run WHERE batch_id = %(batch)s
"""


@dataclass(frozen=True, slots=True)
class Money:
    """What a batch with a budget stands at, in 1e-9 USD."""

    paid: int
    held: int  # what more its live runs may spend
    row_needs: int  # of the budget, to start


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
        money = _money(batch)
        # Even if what is under way spent no more, the next row would not fit.
        if money.paid + money.row_needs > batch.budget_nusd:
            return BatchPause.BUDGET
    return None


def room(batch: Batch, most: int) -> Room:
    """``most``: rows that wait and have a place. What live ones still hold of the budget is left to them."""
    each = lower(batch.run_budget_nusd, batch.team.run_budget_nusd)
    if batch.budget_nusd is None:
        return Room(most, each)
    money = _money(batch)
    left = batch.budget_nusd - money.paid - money.held
    rows = max(0, min(most, left // money.row_needs if money.row_needs else most))
    if batch.run_budget_nusd is None and rows:
        each = lower(each, left // rows)
    return Room(rows, each)


def budget_in_words(batch: Batch) -> str:
    """Why the budget of the whole does not cover another row."""
    money = _money(batch)
    needs = (
        f"the dearest row cost {dollars(money.row_needs)}"
        if batch.run_budget_nusd is None
        else f"each row keeps back its own budget of {dollars(money.row_needs)}"
    )
    return f"{dollars(money.paid)} of its {dollars(batch.budget_nusd or 0)} are spent, and {needs}."


def lower(asked: int | None, most: int | None) -> int | None:
    """The lower of two bounds, of which None is none."""
    return min((bound for bound in (asked, most) if bound is not None), default=None)


def _money(batch: Batch) -> Money:
    with connection.cursor() as cursor:
        cursor.execute(SPENT, {"batch": batch.pk})
        paid, held, dearest = cursor.fetchone()
    if batch.run_budget_nusd is None:
        return Money(paid, held, max(1, dearest))
    return Money(paid, held, lower(batch.run_budget_nusd, batch.team.run_budget_nusd) or 0)
