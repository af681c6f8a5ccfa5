"""What bounds a batch as a whole: its failures and its money. All of it is counted from its runs."""

from __future__ import annotations

from django.db import connection

from runs.models import Batch
from runs.states import BatchPause, RunState

# What the runs of a batch have spent, and what more those that are live may spend by their own budgets.
SPENT = """
    SELECT coalesce(sum(spent_nusd), 0)::bigint,
           coalesce(sum(greatest(coalesce(budget_nusd, 0) - spent_nusd, reserved_nusd))
                    FILTER (WHERE state IN ('queued', 'running', 'waiting')), 0)::bigint
    FROM runs_run WHERE batch_id = %(batch)s
"""


def why_to_pause(batch: Batch) -> BatchPause | None:
    """What keeps its next row from being started until somebody does something; None if nothing does."""
    if batch.crew.archived_at is not None:
        return BatchPause.ARCHIVED
    if batch.stop_after_failures is not None:
        failed = batch.runs.filter(state=RunState.FAILED).count() - batch.failures_before
        if failed >= batch.stop_after_failures:
            return BatchPause.FAILURES
    if batch.budget_nusd is not None:
        needed = run_budget_nusd(batch)
        # Even if what is under way spent no more, the next row would not fit.
        if needed is None or spent(batch)[0] + needed > batch.budget_nusd:
            return BatchPause.BUDGET
    return None


def spent(batch: Batch) -> tuple[int, int]:
    """What its runs have spent, and what more those that are live may spend, in 1e-9 USD."""
    with connection.cursor() as cursor:
        cursor.execute(SPENT, {"batch": batch.pk})
        paid, held = cursor.fetchone()
    return paid, held


def run_budget_nusd(batch: Batch) -> int | None:
    """What its next run may spend; None: no limit."""
    return lower(batch.run_budget_nusd, batch.team.run_budget_nusd)


def lower(asked: int | None, most: int | None) -> int | None:
    """The lower of two bounds, of which None is none."""
    return min((bound for bound in (asked, most) if bound is not None), default=None)
