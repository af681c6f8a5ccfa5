"""How a run stands: what it waits for now, and what went wrong on the way and what that cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Q

from engine.record.journal import TaskStatus
from runs.bounds import runs_at_once
from runs.models import Run, TaskRun
from runs.states import PLACE, QUEUE, RunState

# In the order of ``Troubles``' fields, after the takeovers.
TROUBLES = """
    SELECT count(*) FILTER (WHERE attempt > 1),
           count(*) FILTER (WHERE state = 'error' AND kind = 'model'),
           coalesce(sum(call.cost_nusd) FILTER (WHERE state = 'error' AND kind = 'model'), 0)::bigint,
           count(*) FILTER (WHERE state = 'unknown'),
           coalesce(sum(call.cost_nusd) FILTER (WHERE state = 'unknown'), 0)::bigint,
           count(*) FILTER (WHERE state = 'late'),
           coalesce(sum(call.cost_nusd) FILTER (WHERE state = 'late'), 0)::bigint,
           count(correction.id),
           coalesce(sum(coalesce(correction.booked_nusd, 0) - coalesce(correction.cost_nusd, 0))
                    FILTER (WHERE correction.id IS NOT NULL), 0)::bigint
    FROM runs_call AS call LEFT JOIN runs_correction AS correction ON correction.call_id = call.id
    WHERE call.run_id = %(run)s
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that a run waits for."""

    what: str  # a name in ``runs.states``: what a queued or waiting run waits for, or a ``CallWait``
    task: TaskRun | None = None  # None: the run as a whole waits
    until: datetime | None = None  # when it is looked at again, if that is known
    ahead: int | None = None  # in the queue: how many of the team's runs come before it
    at_once: int | None = None  # for a place: how many runs of the team may be under way


@dataclass(frozen=True, slots=True)
class Troubles:
    """What went wrong in a run, in calls, and what that cost."""

    takeovers: int
    retries: int  # calls that were made again
    refused: int  # calls that ended with an error
    refused_nusd: int
    unknown: int  # calls of unknown outcome, booked at their worst case
    unknown_nusd: int
    late: int  # paid, but answered to a worker that no longer held the run
    late_nusd: int
    corrected: int  # were unknown, until their exact cost came
    over_booked_nusd: int  # by how much the corrected ones had been booked too high

    def __bool__(self) -> bool:
        return any((self.takeovers, self.retries, self.refused, self.unknown, self.late, self.corrected))


def waits_of(run: Run, tasks: Sequence[TaskRun]) -> list[Waiting]:
    """Everything that the run waits for now; nothing while it works or once it has ended. At most two queries."""
    if run.state == RunState.QUEUED:
        what = queued_for(run)
        return [Waiting(what, ahead=_ahead(run), at_once=run.team.runs_at_once if what == PLACE else None)]
    if run.state == RunState.WAITING:
        waiting = [task for task in tasks if task.state == TaskStatus.WAITING]
        return [Waiting(run.waiting_for, task) for task in waiting] or [Waiting(run.waiting_for)]
    if run.state != RunState.RUNNING:
        return []
    return [Waiting(task.waits_for, task, task.waits_until) for task in tasks if task.waits_for]


def queued_for(run: Run) -> str:
    """What a queued run waits for. One query, unless it was read with ``runs_at_once.kept_back``."""
    kept_back = run.__dict__.get("kept_back")
    if kept_back is None:
        kept_back = runs_at_once.is_full(run.team)
    return PLACE if kept_back else QUEUE


def waits_for(run: Run, tasks: Sequence[TaskRun]) -> str:
    """What the run as a whole waits for; "" while a task of it works."""
    waits = waits_of(run, tasks)
    if run.state != RunState.RUNNING:
        return waits[0].what if waits else ""
    at_work = [task for task in tasks if task.state == TaskStatus.RUNNING]
    return waits[0].what if waits and len(waits) == len(at_work) else ""


def troubles_of(run: Run) -> Troubles:
    """One query."""
    with connection.cursor() as cursor:
        cursor.execute(TROUBLES, {"run": run.pk})
        return Troubles(run.takeovers, *cursor.fetchone())


def _ahead(run: Run) -> int:
    before = Q(rank__lt=run.rank) | Q(rank=run.rank, pk__lt=run.pk)
    return Run.objects.filter(before, team_id=run.team_id, state=RunState.QUEUED).count()
