"""Celery shells, one line each, and the bell: a message carries a run's id and nothing else, and may be lost or doubled."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from runs import execution
from runs.worker import worker_process

log = logging.getLogger(__name__)


@shared_task(name="runs.execute")
def execute(run_id: str) -> None:
    execution.execute(UUID(run_id), worker=worker_process())


def ring(run_id: UUID) -> None:
    """Asks some worker to look at the run. A broker that is down is logged and ignored: the sweeper rings again."""
    try:
        execute.apply_async((str(run_id),), retry=False)
    except OperationalError as error:
        log.warning("Could not ring for run %s; the sweeper will", run_id, exc_info=error)
