"""What every worker does every few seconds: rescue runs that nobody works on, find alerts that are due, tidy up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection

from runs.feeding import feed
from runs.inbox import forgetting
from runs.ledger import invariants
from runs.ledger.abandoned_calls import close_calls_of_ended_runs
from runs.ledger.wake_covered import wake_covered
from runs.notices import alerts
from runs.reports.making import make_now_and_then
from runs.retention.removal import remove_now_and_then
from runs.telemetry import metrics
from runs.worker import bell, duties, execution, next_run
from runs.worker.presence import forget_absent
from runs.worker.process import worker_process
from teams import leftovers
from teams.guessing import tries

log = logging.getLogger(__name__)

SWEEP_EVERY_S = 5.0
RING_AGAIN_AFTER_S = 10.0

working = threading.Event()
"""Set once this process takes runs."""
stopping = threading.Event()
"""Set once this process is to end."""


def sweep() -> None:
    """Rings for runs that nobody works on, closes what dead workers left open and wakes runs that waited for money.

    Rescuing comes first, so that no failure of the rest keeps it from runs. Any number of sweepers may run; each rings
    for as many runs as its own process could take.
    """
    worker = worker_process()
    free = worker.free_places
    rung = _ring_all([*next_run.ring_again(patience_s=RING_AGAIN_AFTER_S, most=free), *feed.feed()]) if free > 0 else 0
    if working.is_set():
        _lend_hands(rung)
    close_calls_of_ended_runs()
    rung += _ring_all(wake_covered())
    metrics.swept(rung)
    duties.do_all()
    alerts.find_crossed()
    forget_absent()
    tries.forget_ended()
    leftovers.forget_now_and_then()
    remove_now_and_then()
    make_now_and_then()
    forgetting.forget_now_and_then()


def _lend_hands(count: int) -> None:
    """Works without being rung. A message may lie with a worker that has no free thread, because a worker takes more
    messages than it has room for; and a broker may be away for hours."""
    for _ in range(count):
        threading.Thread(target=_work, name="unrung", daemon=True).start()


def _work() -> None:
    try:
        execution.work(worker=worker_process())
    except (DatabaseError, InterfaceError) as error:
        log.warning("Could not work; the next sweep rings again", exc_info=error)
    finally:
        connection.close()


def _ring_all(run_ids: Sequence[UUID]) -> int:
    for run_id in run_ids:
        bell.ring(run_id)
    return len(run_ids)


def sweep_until_stopped() -> None:
    """Sweeps every few seconds, whatever fails; the sweeper's thread."""
    while True:
        try:
            sweep()
            invariants.check_once_a_day()
        except (DatabaseError, InterfaceError) as error:
            log.warning("Could not sweep; trying again", exc_info=error)
        except Exception:  # an outer edge: a worker without its sweeper would look well and rescue nothing
            log.exception("Sweeping failed by a bug; trying again")
        finally:
            connection.close()
        if stopping.wait(SWEEP_EVERY_S):
            return
