"""What Celery runs in a worker: the one task, and what starts and stops with the worker."""

from __future__ import annotations

import logging
import threading
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from runs.inbox.mail import send_due_inboxes
from runs.notices.mail import send_due_mails
from runs.notices.outbox import Outbox
from runs.reports.mail import send_due_reports
from runs.telemetry import port
from runs.worker import execution, sweeper
from runs.worker.bell import WORK, ring_now
from runs.worker.process import worker_process
from runs.worker.runtime import warm_up

log = logging.getLogger(__name__)

_outbox = Outbox(mails=(send_due_mails, send_due_reports, send_due_inboxes))


@shared_task(name=WORK)
def work() -> None:
    """Takes the run whose turn it is, which need not be the one that rang."""
    execution.work(worker=worker_process())


@worker_ready.connect
def start_working(**kwargs: Any) -> None:
    """From here on operators see the worker, also before its first run."""
    worker_process().presence.begin()
    log.info("Ready for runs", extra={"worker": worker_process().name})
    worker_process().watchdog.arm()
    port.serve(worker_process().readiness)
    sweeper.working.set()
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    threading.Thread(target=sweeper.sweep_until_stopped, name="sweeper", daemon=True).start()
    _outbox.start()


@worker_shutting_down.connect
def stop_working(**kwargs: Any) -> None:
    """Runs in Celery's signal handler, so a thread does the waiting. Celery itself waits for its pool."""
    sweeper.stopping.set()
    _outbox.stop()
    threading.Thread(target=_stop_working, name="shutdown").start()


def _stop_working() -> None:
    """Rings for the runs that were given back, so that another worker takes them at once and not at its next sweep."""
    worker = worker_process()
    worker.stop(grace_s=settings.SHUTDOWN_GRACE_S)
    for run_id in worker.released:
        if not ring_now(run_id):
            return  # else a broker that is away would be waited for at each run


def _warm_up() -> None:
    try:
        warm_up()
    except (DatabaseError, InterfaceError) as error:
        log.warning("Could not warm up; the first run does", exc_info=error)
    finally:
        connection.close()
