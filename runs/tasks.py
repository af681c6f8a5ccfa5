"""Celery shells, one line each, the bell and the sweeper: a message carries a run's id and may be lost or doubled."""

from __future__ import annotations

import logging
import threading
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.db import DatabaseError, InterfaceError, connection
from kombu.exceptions import OperationalError

from runs import claim, execution, metrics
from runs.presence import forget_absent
from runs.worker import worker_process

log = logging.getLogger(__name__)

SWEEP_EVERY_S = 5.0
RING_AGAIN_AFTER_S = 30.0
SHUTDOWN_GRACE_S = 8.0
_stopping = threading.Event()


@shared_task(name="runs.execute")
def execute(run_id: str) -> None:
    execution.execute(UUID(run_id), worker=worker_process())


def ring(run_id: UUID) -> None:
    """Asks some worker to look at the run. A broker that is down is logged and ignored: the sweeper rings again."""
    try:
        execute.apply_async((str(run_id),), retry=False)
    except OperationalError as error:
        metrics.ring_failed()
        log.warning("Could not ring for run %s; the sweeper will", run_id, exc_info=error)


def sweep() -> None:
    """Rings for runs that nobody works on, and closes what dead workers left open. Any number of sweepers may run."""
    due = claim.ring_again(patience_s=RING_AGAIN_AFTER_S)
    for run_id in due:
        ring(run_id)
    claim.close_calls_of_ended_runs()
    forget_absent()
    metrics.swept(len(due))


@worker_ready.connect
def start_working(**kwargs: Any) -> None:
    """From here on the worker is seen, also before its first run."""
    worker_process().presence.begin()
    log.info("Ready for runs", extra={"worker": worker_process().name})
    metrics.serve()
    threading.Thread(target=_sweep_until_stopped, name="sweeper", daemon=True).start()


@worker_shutting_down.connect
def stop_working(**kwargs: Any) -> None:
    """Runs in Celery's signal handler, so the waiting is left to a thread; Celery itself waits for its pool."""
    _stopping.set()
    threading.Thread(target=lambda: worker_process().stop(grace_s=SHUTDOWN_GRACE_S), name="shutdown").start()


def _sweep_until_stopped() -> None:
    while not _stopping.wait(SWEEP_EVERY_S):
        try:
            sweep()
        except (DatabaseError, InterfaceError) as error:
            connection.close()
            log.warning("Could not sweep; trying again", exc_info=error)
