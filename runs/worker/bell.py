"""Asks the workers to look for work: the one door from the web to the workers.

A message says only that there is work. It may be lost or doubled: a worker that hears it takes the run whose turn it
is, and the sweeper rings again. Nothing that a worker runs is imported here.
"""

from __future__ import annotations

import logging
import threading
from queue import SimpleQueue
from uuid import UUID

from celery import current_app

from runs.telemetry import metrics
from runs.worker.one_per_process import one_per_process

log = logging.getLogger(__name__)

WORK = "runs.work"
"""The name of the Celery task that a message asks for."""


class Bell:
    """Rings on a thread of its own. A broker that is down is logged and left at that: the sweeper rings again."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[UUID] = SimpleQueue()
        threading.Thread(target=self._ring, name="bell", daemon=True).start()

    def put(self, run_id: UUID) -> None:
        self._queue.put(run_id)

    def _ring(self) -> None:
        while True:
            ring_now(self._queue.get())


def ring(run_id: UUID) -> None:
    """Rings for this run or batch, on a thread of the process, so that the caller does not wait for the broker."""
    _bell().put(run_id)


def ring_now(run_id: UUID) -> bool:
    """Rings on the caller's thread. Returns whether the broker took the message."""
    try:
        current_app.send_task(WORK, retry=False)
    except Exception as error:  # each broker's client raises errors of its own, and none is worth failing for
        metrics.ring_failed()
        log.warning("Could not ring; the sweeper will", exc_info=error, extra={"run_id": str(run_id)})
        return False
    return True


@one_per_process
def _bell() -> Bell:
    """This process's own, made at its first ring and so never before a fork."""
    return Bell()
