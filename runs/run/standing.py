"""How a run really stands: what it waits for right now, and what went wrong on the way and what that means in money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce

from engine.record.journal import TaskStatus
from runs.models import Correction, Run, TaskRun
from runs.states import QUEUE, CallState, RunState


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that is waited for: ``queue``, ``person``, a budget by its name, ``rate_limit``, ``retry`` or
    ``budget``, which is money that calls in flight still hold. ``task`` is its row, None for the run as a whole;
    ``until`` when it is looked at again, where that is known. ``ahead``: the team's runs before it in the queue."""

    what: str
    task: TaskRun | None = None
    until: datetime | None = None
    ahead: int | None = None


@dataclass(frozen=True, slots=True)
class Troubles:
    """What a run met besides its work, and what of its cost that is, in 1e-9 USD.

    ``retries`` are calls made again and ``refused`` those that ended with an error; ``unknown`` are booked at their
    worst case, ``late`` were paid but answered a worker that no longer held the run. ``corrected`` had been unknown and
    became exact, ``over_booked_nusd`` is by how much they had been booked too high.
    """

    takeovers: int
    retries: int
    refused: int
    refused_nusd: int
    unknown: int
    unknown_nusd: int
    late: int
    late_nusd: int
    corrected: int
    over_booked_nusd: int

    def __bool__(self) -> bool:
        return any((self.takeovers, self.retries, self.refused, self.unknown, self.late, self.corrected))


def waits_of(run: Run, tasks: Sequence[TaskRun]) -> list[Waiting]:
    """Everything that the run waits for now; nothing while it works, or has ended. One query at most."""
    if run.state == RunState.QUEUED:
        return [Waiting(QUEUE, ahead=_ahead(run))]
    if run.state == RunState.WAITING:
        asked = [task for task in tasks if task.state == TaskStatus.WAITING]
        return [Waiting(run.waiting_for, task) for task in asked] or [Waiting(run.waiting_for)]
    if run.state != RunState.RUNNING:
        return []
    return [Waiting(task.waits_for, task, task.waits_until) for task in tasks if task.waits_for]


def waits_for(run: Run, tasks: Sequence[TaskRun]) -> str:
    """What the run as a whole waits for, "" while some task of it works."""
    waits = waits_of(run, tasks)
    if run.state != RunState.RUNNING:
        return waits[0].what if waits else ""
    at_work = [task for task in tasks if task.state == TaskStatus.RUNNING]
    return waits[0].what if waits and len(waits) == len(at_work) else ""


def troubles_of(run: Run) -> Troubles:
    """In two queries."""
    unknown, late = Q(state=CallState.UNKNOWN), Q(state=CallState.LATE)
    refused = Q(state=CallState.ERROR, kind="model")
    cost = Coalesce(F("cost_nusd"), 0)
    found = run.calls.aggregate(
        retries=Count("pk", filter=Q(attempt__gt=1)),
        refused=Count("pk", filter=refused),
        refused_nusd=Coalesce(Sum(cost, filter=refused), 0),
        unknown=Count("pk", filter=unknown),
        unknown_nusd=Coalesce(Sum(cost, filter=unknown), 0),
        late=Count("pk", filter=late),
        late_nusd=Coalesce(Sum(cost, filter=late), 0),
    )
    corrections = Correction.objects.filter(call__run=run)
    difference = Coalesce(F("booked_nusd"), 0) - Coalesce(F("cost_nusd"), 0)
    corrected = corrections.aggregate(corrected=Count("pk"), over_booked_nusd=Coalesce(Sum(difference), 0))
    return Troubles(takeovers=run.takeovers, **found, **corrected)


def _ahead(run: Run) -> int:
    before = Q(rank__lt=run.rank) | Q(rank=run.rank, pk__lt=run.pk)
    return Run.objects.filter(before, team_id=run.team_id, state=RunState.QUEUED).count()
