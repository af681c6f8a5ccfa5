"""The lease: claim a run, keep it, give it back, end it. Every write names the epoch, so that a lost lease writes
nothing.

Only the database's clock is used.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from engine.errors import Cancelled
from runs import metrics
from runs.announcements import announce_run
from runs.lost_calls import close_open_calls
from runs.models import ClockTimestamp, Review, Run, TaskRun
from runs.notify import run_changed
from runs.states import RUN_LIVE, TASK_ENDED, CallState, RunState, TaskState
from runs.storable import storable_json, storable_text

log = logging.getLogger(__name__)

LEASE_S = 30
MAX_FRUITLESS_TAKEOVERS = 5
NO_WAIT = {"waits_for": "", "waits_until": None}

CLAIM = """
    WITH before AS (SELECT state FROM runs_run WHERE id = %(run)s)
    UPDATE runs_run
    SET state = 'running', lease_owner = %(owner)s, lease_epoch = lease_epoch + 1,
        lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
        started_at = coalesce(started_at, clock_timestamp()), revision = revision + 1,
        takeovers = takeovers + (state = 'running')::int,
        paused_s = paused_s + coalesce(extract(epoch FROM clock_timestamp() - paused_at), 0), paused_at = NULL,
        fruitless_takeovers = fruitless_takeovers + (lease_until IS NOT NULL)::int
    WHERE id = %(run)s AND state IN ('queued', 'running') AND (lease_until IS NULL OR lease_until < clock_timestamp())
    RETURNING lease_epoch, (SELECT state FROM before)
"""
"""A lease that ran out was a lost worker's; one that was given back is no sign of a run that takes workers down."""

BEAT = """
    UPDATE runs_run SET lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
    WHERE id = %(run)s AND lease_epoch = %(epoch)s AND state = 'running' AND lease_until IS NOT NULL
"""
"""One that was given back meanwhile is not taken again."""


@transaction.atomic
def claim(run_id: UUID, *, owner: str) -> Run | None:
    """The run, now leased to ``owner`` at a new epoch; None if it is not to be had, and the message is dropped.

    Calls that an older epoch left open become ``unknown`` at what was reserved for them.
    """
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"run": run_id, "owner": owner, "lease_s": LEASE_S})
        claimed = cursor.fetchone()
    if claimed is None:
        return None
    epoch, before = claimed
    metrics.run_claimed(takeover=before == RunState.RUNNING)
    if epoch > 1:
        close_open_calls(run_id)
        TaskRun.objects.filter(run_id=run_id).exclude(waits_for="").update(**NO_WAIT)
    run_changed(run_id)
    return Run.objects.select_related("team", "crew", "version").get(pk=run_id)


def beat(leases: Iterable[tuple[UUID, int]]) -> set[tuple[UUID, int]]:
    """Extends the leases, given as (run, epoch), that are still held; those that are lost."""
    lost = set()
    with connection.cursor() as cursor:
        for run_id, epoch in leases:
            cursor.execute(BEAT, {"run": run_id, "epoch": epoch, "lease_s": LEASE_S})
            if cursor.rowcount == 0:
                lost.add((run_id, epoch))
    return lost


def cancel_requested(run_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these runs were asked to stop."""
    asked = Run.objects.filter(pk__in=list(run_ids), cancel_requested_at__isnull=False)
    return set(asked.values_list("pk", flat=True))


@transaction.atomic
def end(
    run: Run, *, state: RunState, raw: str = "", data: object = None, error: str = "", error_code: str = ""
) -> bool:
    """Moves a run that is still ours to a terminal state; False, and nothing written, if its lease was lost."""
    ended = Run.objects.filter(pk=run.pk, lease_epoch=run.lease_epoch, state=RunState.RUNNING).update(
        state=state,
        lease_owner="",
        lease_until=None,
        finished_at=ClockTimestamp(),
        output_raw=storable_text(raw),
        output_json=storable_json(data),
        error=storable_text(error),
        error_code=error_code,
        revision=F("revision") + 1,
    )
    if not ended:
        return False
    metrics.run_ended(state)
    log.info("Ended", extra={"state": str(state), "error_code": error_code})
    close_tasks(run.pk)
    announce_run(run)
    run_changed(run.pk)
    return True


@transaction.atomic
def pause(run: Run, *, waiting_for: str, decisions: int = 0, needs_nusd: int | None = None) -> bool:
    """Sets a run that is still ours aside, holding no worker; False, and nothing written, if its lease was lost.

    ``decisions`` are those of people that it went by: if there are more by now, it is queued again at once.
    ``needs_nusd`` is what the call that a budget did not cover may cost. One that somebody asked to stop ends.
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
    under_way = TaskRun.objects.filter(run_id=run.pk, state=TaskState.RUNNING)
    under_way.update(state=TaskState.WAITING, **NO_WAIT)
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
    """Lets a waiting run go on; False if it no longer waits. Whoever calls this rings for it."""
    queued = Run.objects.filter(pk=run_id, state=RunState.WAITING).update(
        state=RunState.QUEUED,
        waiting_for="",
        needs_nusd=None,
        rung_at=None,
        fruitless_takeovers=0,
        revision=F("revision") + 1,
    )
    return bool(queued)


@transaction.atomic
def end_unclaimed(run_id: UUID) -> bool:
    """Cancels a run that nobody runs: queued, or waiting; False if it is no longer either."""
    ended = Run.objects.filter(pk=run_id, state__in=(RunState.QUEUED, RunState.WAITING)).update(
        state=RunState.CANCELLED,
        waiting_for="",
        needs_nusd=None,
        finished_at=ClockTimestamp(),
        error="Cancelled while nobody worked on it.",
        error_code=Cancelled.code,
        revision=F("revision") + 1,
    )
    if not ended:
        return False
    close_tasks(run_id)
    run_changed(run_id)
    return True


def release(leases: Iterable[tuple[UUID, int]]) -> None:
    """Gives runs back so that another worker may take them at once."""
    for run_id, epoch in leases:
        Run.objects.filter(pk=run_id, lease_epoch=epoch, state=RunState.RUNNING).update(
            lease_until=None, lease_owner="", rung_at=None
        )


def close_tasks(run_id: UUID) -> None:
    """Tasks that had not ended when their run did were cancelled with it."""
    left = TaskRun.objects.filter(run_id=run_id).exclude(state__in=TASK_ENDED)
    left.update(state=TaskState.CANCELLED, finished_at=ClockTimestamp(), **NO_WAIT)


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
