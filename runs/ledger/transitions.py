"""Moves a run from one state to the next: ends it, sets it aside, queues it again. Claiming is ``runs.worker.claim``'s.

Every write names the state that it starts from, and the epoch where a worker holds the run.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from engine.errors import Cancelled
from engine.record.journal import TaskStatus
from engine.text import storable, storable_json
from runs.ledger import rollups
from runs.live.notify import run_changed, runs_changed
from runs.models import ClockTimestamp, Review, Run, TaskRun
from runs.notices.events import announce_run
from runs.states import BUDGETS, TASK_ENDED, RunState
from runs.telemetry import metrics

log = logging.getLogger(__name__)

NO_WAIT = {"waits_for": "", "waits_until": None}
QUEUED_AGAIN: dict[str, Any] = {
    "state": RunState.QUEUED,
    "waiting_for": "",
    "needs_nusd": None,
    "rung_at": None,
    "fruitless_takeovers": 0,
    "revision": F("revision") + 1,
}


@transaction.atomic
def end(
    run: Run, *, state: RunState, raw: str = "", data: object = None, error: str = "", error_code: str = ""
) -> bool:
    """Moves a run that is still held to an ended state. Writes nothing and returns False if its lease was lost."""
    ended = Run.objects.filter(pk=run.pk, lease_epoch=run.lease_epoch, state=RunState.RUNNING).update(
        state=state,
        lease_owner="",
        lease_until=None,
        finished_at=ClockTimestamp(),
        output_raw=storable(raw),
        output_json=storable_json(data),
        error=storable(error),
        error_code=error_code,
        ended_waste_nusd=rollups.waste_at_end(state),
        revision=F("revision") + 1,
    )
    if not ended:
        return False
    metrics.run_ended(state)
    log.info("Ended", extra={"state": str(state), "error_code": error_code})
    close_tasks(run.pk)
    rollups.add(run.pk)
    announce_run(run)
    run_changed(run.pk)
    return True


@transaction.atomic
def pause(run: Run, *, waiting_for: str, decisions: int = 0, needs_nusd: int | None = None) -> bool:
    """Lets a run that is still held wait without a worker. Writes nothing and returns False if its lease was lost.

    ``decisions`` is how many reviews had been decided when it was claimed: if there are more by now, it is queued again
    at once. ``needs_nusd`` is what the call that a budget did not cover may cost. A run that was asked to stop is
    cancelled instead.
    """
    paused = Run.objects.filter(pk=run.pk, lease_epoch=run.lease_epoch, state=RunState.RUNNING).update(
        state=RunState.WAITING,
        waiting_for=waiting_for,
        needs_nusd=needs_nusd,
        paused_at=ClockTimestamp(),
        lease_owner="",
        lease_until=None,
        revision=F("revision") + 1,
    )
    if not paused:
        return False
    under_way = TaskRun.objects.filter(run_id=run.pk, state=TaskStatus.RUNNING)
    under_way.update(state=TaskStatus.WAITING, **NO_WAIT)
    log.info("Set aside", extra={"waiting_for": waiting_for})
    if Run.objects.filter(pk=run.pk, cancel_requested_at__isnull=False).exists():
        end_unclaimed(run.pk)
    elif needs_nusd is None and _decisions(run.pk) > decisions:
        queue_again(run.pk)
    announce_run(run)
    run_changed(run.pk)
    return True


def _decisions(run_id: UUID) -> int:
    return Review.objects.filter(task_run__run_id=run_id, approved__isnull=False).count()


def queue_again(run_id: UUID) -> bool:
    """Lets a waiting run go on; False if it no longer waits. The caller rings for it."""
    return bool(Run.objects.filter(pk=run_id, state=RunState.WAITING).update(**QUEUED_AGAIN))


@transaction.atomic
def queue_covered(run_ids: Sequence[UUID]) -> list[UUID]:
    """Lets runs go on that wait for money, in three statements; those of them that now do, in the same order. The
    caller rings for them.

    Whoever holds the row of one just now is not waited for: the next sweep comes to it.
    """
    waiting = Run.objects.filter(pk__in=run_ids, state=RunState.WAITING, waiting_for__in=BUDGETS).order_by("pk")
    locked = set(waiting.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True))
    Run.objects.filter(pk__in=locked).update(**QUEUED_AGAIN)
    queued = [run_id for run_id in run_ids if run_id in locked]
    runs_changed(queued)
    return queued


@transaction.atomic
def end_unclaimed(run_id: UUID) -> bool:
    """Cancels a run that is queued or waiting; False if it is neither any more."""
    ended = Run.objects.filter(pk=run_id, state__in=(RunState.QUEUED, RunState.WAITING)).update(
        state=RunState.CANCELLED,
        waiting_for="",
        needs_nusd=None,
        finished_at=ClockTimestamp(),
        error="Cancelled while nobody worked on it.",
        error_code=Cancelled.code,
        ended_waste_nusd=rollups.waste_at_end(RunState.CANCELLED),
        revision=F("revision") + 1,
    )
    if not ended:
        return False
    close_tasks(run_id)
    rollups.add(run_id)
    run_changed(run_id)
    return True


def close_tasks(run_id: UUID) -> None:
    """Cancels the tasks that had not ended when their run did."""
    still_open = TaskRun.objects.filter(run_id=run_id).exclude(state__in=TASK_ENDED)
    still_open.update(state=TaskStatus.CANCELLED, finished_at=ClockTimestamp(), **NO_WAIT)
