"""Moves what rows of a batch do not use of its budget to those that need it.

A row that waits at its budget would wait for ever, since what is left of the whole may lie with rows that wait as it
does: it gets what they have and do not use, in the order of the rows, as far as that covers its next call. And where
the whole gets a lower budget, or its first one, rows that are under way share what is left of that.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import F, Q, Sum
from psycopg.sql import SQL

from runs.feeding.batch_bounds import cap_of_rows, money_of
from runs.live.notify import run_changed
from runs.models import Batch, Run
from runs.states import RUN_BUDGET, RUN_LIVE, RunState

# Batches, the running ones and those that their budget paused, of which a row waits at its own budget; not where it
# may have no more. ``least`` leaves out what is null.
SHORT = SQL("""
    SELECT DISTINCT batch.id FROM runs_run AS run
    JOIN runs_batch AS batch ON batch.id = run.batch_id JOIN teams_team AS team ON team.id = batch.team_id
    WHERE run.state = 'waiting' AND run.waiting_for = 'run_budget' AND batch.budget_nusd IS NOT NULL
      AND run.spent_nusd + run.reserved_nusd + run.needs_nusd > run.budget_nusd
      AND coalesce(run.spent_nusd + run.reserved_nusd + run.needs_nusd
                   <= least(batch.run_budget_nusd, team.run_budget_nusd), true)
      AND (batch.state = 'running' OR batch.state = 'paused' AND batch.paused_for = 'budget')
""")


def share_anew(batch: Batch, *, starting: int) -> None:
    """What is left of the budget and what those have that wait at theirs goes to as many of these as it lets go on;
    sweepers wake them. ``starting``: rows that may start now, for whom as much is left. The caller holds the batch."""
    if batch.budget_nusd is None:
        return
    short = _short(batch)
    money = money_of(batch) if short else None
    if money is None:
        return
    pool = batch.budget_nusd - money.paid - money.held + sum(_unused(run) for run in short)
    goes_on: list[Run] = []
    for run in short:
        if run.needs_nusd is not None and run.needs_nusd <= pool:
            goes_on.append(run)
            pool -= run.needs_nusd
    if not goes_on:
        return
    more, cap = pool // (len(goes_on) + starting), cap_of_rows(batch)
    for run in short:
        if run in goes_on:
            budget = _used(run) + (run.needs_nusd or 0) + more
            _give(run, budget if cap is None else min(budget, cap))
        elif _unused(run):
            _give(run, _used(run))


def hold_to_budget(batch: Batch) -> None:
    """Rows under way may spend no more than what is left of the batch's new budget. The caller holds the batch. What
    calls in flight hold already is theirs."""
    if batch.budget_nusd is None:
        return
    live = list(batch.runs.filter(state__in=RUN_LIVE).order_by("pk").select_for_update(no_key=True))
    sums = batch.runs.aggregate(paid=Sum("spent_nusd", default=0), held=Sum("reserved_nusd", default=0))
    left = max(0, batch.budget_nusd - sums["paid"] - sums["held"])
    if all(run.budget_nusd is not None for run in live) and sum(map(_unused, live)) <= left:
        return
    most = left // len(live)
    for run in live:
        if run.budget_nusd is None or _unused(run) > most:
            _give(run, _used(run) + most)


def _short(batch: Batch) -> Sequence[Run]:
    """Its runs that wait at their own budgets, locked, but for those that may have no more than they have."""
    waiting = batch.runs.filter(state=RunState.WAITING, waiting_for=RUN_BUDGET)
    needs = F("spent_nusd") + F("reserved_nusd") + F("needs_nusd")
    fits = Q() if (cap := cap_of_rows(batch)) is None else Q(total_nusd__lte=cap)
    found = waiting.annotate(total_nusd=needs).filter(fits, total_nusd__gt=F("budget_nusd")).order_by("batch_row", "pk")
    return list(found.select_for_update(no_key=True, skip_locked=True))


def _used(run: Run) -> int:
    return run.spent_nusd + run.reserved_nusd


def _unused(run: Run) -> int:
    return max(0, (run.budget_nusd or 0) - _used(run))


def _give(run: Run, budget_nusd: int) -> None:
    if budget_nusd != run.budget_nusd:
        Run.objects.filter(pk=run.pk).update(budget_nusd=budget_nusd, revision=F("revision") + 1)
        run_changed(run.pk)
