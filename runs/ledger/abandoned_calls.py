"""Closes calls that a lost worker left open: when another worker claims the run, or a lease after the run ended."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from engine.record.journal import CallOutcome, CallStatus
from runs.ledger.call_lines import UnsettledCall, open_lines, settle
from runs.ledger.lease import LEASE_S
from runs.ledger.locks import lock_bills
from runs.models import ClockTimestamp, Run
from runs.money import to_usd
from runs.states import RUN_LIVE, CallState

WORKER_LOST = "worker_lost"


def close_open_calls(run_id: UUID) -> None:
    """Closes the run's open calls, which nobody will settle any more.

    A real one may have been billed, so it is booked at its worst case; a simulated one costs nothing.
    """
    Run.objects.select_for_update(no_key=True).get(pk=run_id)
    lines = open_lines(run_id)
    if real := [line for line in lines if not line.simulated]:
        lock_bills([run_id], teams=[], settled=[line.id for line in real])
    for line in lines:
        settle(line, _lost_simulation() if line.simulated else _lost_call(line), fresh=False)


def _lost_call(line: UnsettledCall) -> CallOutcome:
    return CallOutcome(
        status=CallStatus.UNKNOWN,
        cost_usd=to_usd(line.reserved_nusd) if line.priced or line.kind != "model" else None,
        error="The worker stopped before it learned how this call ended; it is booked at its worst case.",
        error_code=WORKER_LOST,
    )


def _lost_simulation() -> CallOutcome:
    error = "The worker stopped before this simulated call ended; nothing was asked, so it costs nothing."
    return CallOutcome(status=CallStatus.ERROR, error=error, error_code=WORKER_LOST)


def close_calls_of_ended_runs() -> int:
    """Closes what is still open in runs that ended a lease ago; returns how many runs those were, at most 100."""
    a_lease_ago = ClockTimestamp() - timedelta(seconds=LEASE_S)
    ended = Run.objects.exclude(state__in=RUN_LIVE).filter(finished_at__lt=a_lease_ago)
    overdue = ended.filter(calls__state=CallState.INTENT).distinct()
    run_ids = list(overdue.values_list("pk", flat=True)[:100])
    for run_id in run_ids:
        with transaction.atomic():
            close_open_calls(run_id)
    return len(run_ids)
