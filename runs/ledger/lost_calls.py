"""What becomes of calls that their worker left open: nobody will settle them, so they are closed by what is known.

Calls of a run are closed when another worker claims it, or a lease after it ended.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from engine.record.journal import CallOutcome, CallStatus
from runs.ledger.lease import LEASE_S
from runs.ledger.lines import UnsettledCall, open_lines, settle
from runs.models import Run
from runs.money import to_usd
from runs.states import RUN_LIVE, CallState

WORKER_LOST = "worker_lost"


def close_open_calls(run_id: UUID) -> None:
    """Closes calls that nobody will settle. Nobody knows whether they were billed, so they are booked at their worst;
    a simulated one, which nobody bills, at nothing."""
    Run.objects.select_for_update(no_key=True).get(pk=run_id)
    for line in open_lines(run_id):
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
    """Closes what zombies left open in runs that ended a lease ago; returns how many runs that were."""
    overdue = (
        Run.objects.filter(calls__state=CallState.INTENT)
        .exclude(state__in=RUN_LIVE)
        .extra(where=["runs_run.finished_at < clock_timestamp() - make_interval(secs => %s)"], params=[LEASE_S])
        .distinct()
    )
    run_ids = list(overdue.values_list("pk", flat=True)[:100])
    for run_id in run_ids:
        with transaction.atomic():
            close_open_calls(run_id)
    return len(run_ids)
