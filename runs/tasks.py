"""Celery shells, one line each, the bell and the sweeper: a message carries a run's id and may be lost or doubled.

Whoever is rung takes the run whose turn it is, which need not be the one that rang.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from runs import alerts, claim, execution, invariants, metrics, turns
from runs.one_per_process import one_per_process
from runs.outbox import Outbox
from runs.presence import forget_absent
from runs.runtime import warm_up
from runs.worker import worker_process

log = logging.getLogger(__name__)

SWEEP_EVERY_S = 5.0
RING_AGAIN_AFTER_S = 10.0
_working = threading.Event()
_stopping = threading.Event()
_outbox = Outbox()


@shared_task(name="runs.execute")
def execute(run_id: str) -> None:
    execution.work(worker=worker_process())


def ring(run_id: UUID) -> None:
    """Asks some worker to look for a run. Nobody waits for the broker: a thread of this process talks to it."""
    _bell().put(run_id)


class Bell:
    """Rings in a thread of its own. A broker that is down is logged and ignored: the sweeper rings again."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[UUID] = SimpleQueue()
        threading.Thread(target=self._ring, name="bell", daemon=True).start()

    def put(self, run_id: UUID) -> None:
        self._queue.put(run_id)

    def _ring(self) -> None:
        while True:
            _send(self._queue.get())


def _send(run_id: UUID) -> bool:
    """Whether the broker took it."""
    try:
        execute.apply_async((str(run_id),), retry=False)
    except Exception as error:
        metrics.ring_failed()
        log.warning("Could not ring; the sweeper will", exc_info=error, extra={"run_id": str(run_id)})
        return False
    return True


@one_per_process
def _bell() -> Bell:
    """This process's own, made at its first ring: never before a fork."""
    return Bell()


def sweep() -> None:
    """Rings for runs that nobody works on, closes what dead workers left open and wakes what waited for money: first
    what rescues, so that nothing else that fails can keep it from runs. Any number of sweepers may run; each rings for
    as many as its own process could take."""
    worker = worker_process()
    free = worker.capacity - len(worker.held)
    rung = _ring_all(turns.ring_again(patience_s=RING_AGAIN_AFTER_S, most=free)) if free > 0 else 0
    if _working.is_set():
        _lend_hands(rung)
    claim.close_calls_of_ended_runs()
    rung += _ring_all(turns.wake_covered())
    metrics.swept(rung)
    alerts.find_crossed()
    forget_absent()


def _lend_hands(count: int) -> None:
    """Works without being rung: a bell may lie with a worker that has no thread free, which takes more messages than it
    has room for, and a broker may be away for hours."""
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
        ring(run_id)
    return len(run_ids)


@worker_ready.connect
def start_working(**kwargs: Any) -> None:
    """From here on the worker is seen, also before its first run."""
    worker_process().presence.begin()
    log.info("Ready for runs", extra={"worker": worker_process().name})
    metrics.serve()
    _working.set()
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    threading.Thread(target=_sweep_until_stopped, name="sweeper", daemon=True).start()
    _outbox.start()


@worker_shutting_down.connect
def stop_working(**kwargs: Any) -> None:
    """Runs in Celery's signal handler, so the waiting is left to a thread; Celery itself waits for its pool."""
    _stopping.set()
    _outbox.stop()
    threading.Thread(target=_stop_working, name="shutdown").start()


def _stop_working() -> None:
    """What was given back is rung for, so that another worker takes it at once and not at its next sweep."""
    worker = worker_process()
    worker.stop(grace_s=settings.SHUTDOWN_GRACE_S)
    for run_id in worker.released:
        if not _send(run_id):
            return  # a broker that is away would be waited for once for each


def _warm_up() -> None:
    try:
        warm_up()
    except (DatabaseError, InterfaceError) as error:
        log.warning("Could not warm up; the first run does", exc_info=error)
    finally:
        connection.close()


def _sweep_until_stopped() -> None:
    while True:
        try:
            sweep()
            invariants.check_once_a_day()
        except (DatabaseError, InterfaceError) as error:
            log.warning("Could not sweep; trying again", exc_info=error)
        except Exception:  # an outer edge: without its sweeper a worker would look well and rescue nothing
            log.exception("Sweeping failed by a bug; trying again")
        finally:
            connection.close()
        if _stopping.wait(SWEEP_EVERY_S):
            return
