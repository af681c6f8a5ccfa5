"""The tables of moves say exactly what the statements do: each verb is tried on a run, or a task, in every state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from engine.record.journal import TaskStatus
from runs.ledger import transitions
from runs.ledger.statements import END_TASK, START_TASK
from runs.models import Run, TaskRun
from runs.states import RUN_ENDED, RUN_LIVE, RUN_MOVES, TASK_ENDED, TASK_MOVES, RunState
from runs.worker import claim
from tests.cast import make_cast, make_crew
from tests.ledger import make_run, make_task

pytestmark = pytest.mark.django_db

RUN_VERBS: tuple[Callable[[Run], object], ...] = (
    lambda run: claim.claim(run.pk, owner="worker-2"),
    *(lambda run, state=state: transitions.end(run, state=state) for state in RUN_ENDED),
    lambda run: transitions.pause(run, waiting_for="person"),
    lambda run: transitions.queue_again(run.pk),
    lambda run: transitions.end_unclaimed(run.pk),
)


def test_runs_move_as_the_table_says() -> None:
    cast = make_cast()
    crew = make_crew(cast.owner)
    moves = set()
    for state in RunState:
        for verb in RUN_VERBS:
            run = make_run(cast.owner, crew, state=state, lease_epoch=1)
            if state == RunState.RUNNING:
                Run.objects.filter(pk=run.pk).update(
                    lease_owner="worker-1", lease_until=timezone.now() - timedelta(seconds=1)
                )
            verb(run)
            now = Run.objects.get(pk=run.pk)
            if (now.state, now.lease_epoch) != (state, 1):
                moves.add((state, now.state))
    assert moves == {(before, after) for before, states in RUN_MOVES.items() for after in states}
    assert set(RUN_MOVES) == set(RUN_LIVE), "a run that ended moves no more"


def begin(run: Run, task: TaskRun) -> None:
    _execute(START_TASK, run, task, agent="writer")


def end_as(status: TaskStatus) -> Callable[[Run, TaskRun], None]:
    nothing = {"cache_key": "", "raw": "", "data": None, "note": "", "error": "", "error_code": ""}
    return lambda run, task: _execute(END_TASK, run, task, state=status.value, **nothing)


def _execute(statement: str, run: Run, task: TaskRun, **values: object) -> None:
    held = {"run": run.pk, "epoch": run.lease_epoch, "task": task.pk, "channel": "nobody"}
    with connection.cursor() as cursor:
        cursor.execute(statement, held | values)


TASK_VERBS: tuple[Callable[[Run, TaskRun], object], ...] = (
    begin,
    *(end_as(status) for status in (TaskStatus.WAITING, *TASK_ENDED)),
    lambda run, task: transitions.pause(run, waiting_for="person"),
    lambda run, task: transitions.close_tasks(run.pk),
)


def test_tasks_move_as_the_table_says() -> None:
    cast = make_cast()
    crew = make_crew(cast.owner)
    moves = set()
    for status in TaskStatus:
        for verb in TASK_VERBS:
            run = make_run(cast.owner, crew, state=RunState.RUNNING, lease_epoch=1)
            task = make_task(run, "figures", state=status)
            verb(run, task)
            task.refresh_from_db()
            if task.state != status:
                moves.add((status, task.state))
    assert moves == {(before, after) for before, statuses in TASK_MOVES.items() for after in statuses}
    assert not set(TASK_MOVES) & set(TASK_ENDED), "a task that ended moves no more"
