"""What a run asks people, with the form to answer it, and what people decided before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from engine.spec.crew_spec import CrewSpec, TaskSpec
from runs.models import Review, Run
from runs.run.forms import DecisionForm

_ARE_ANY = """
    SELECT EXISTS (SELECT 1 FROM runs_review AS review JOIN runs_taskrun AS task ON task.id = review.task_run_id
                   WHERE task.run_id = %s)
"""
SHOWN_WAITING = 10
"""Each brings an answer of up to 50,000 characters and a form."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer, a lost tool call or a request that waits for a person."""

    review: Review
    data: Any  # the answer as parsed JSON, if the task has a schema
    form: DecisionForm


@dataclass(frozen=True, slots=True)
class Reviews:
    """What is asked of people in a run, and was."""

    waiting: Sequence[Asked]
    earlier: Sequence[Review]
    unsent: DecisionForm | None  # a comment that was typed for an answer that no longer waits

    @property
    def shown(self) -> list[Asked]:
        """The first ``SHOWN_WAITING``, and one whose form was refused."""
        return [asked for place, asked in enumerate(self.waiting) if place < SHOWN_WAITING or asked.form.is_bound]

    @property
    def hidden(self) -> int:
        """How many more wait."""
        return len(self.waiting) - len(self.shown)

    @property
    def all(self) -> list[Review]:
        return [*self.earlier, *(asked.review for asked in self.waiting)]


def reviews_of(run: Run, spec: CrewSpec, refused: DecisionForm | None = None) -> Reviews:
    """Two queries; one where nobody was asked. ``refused`` is a form that was sent and is shown again with what was
    typed."""
    reviews = _reviews(run)
    waiting = [review for review in reviews if review.approved is None and not run.ended]
    shown = {(review.task_run.key, str(review.call_id or ""), review.step) for review in waiting}
    tasks = {task.key: task for task in spec.tasks}
    return Reviews(
        waiting=[_asked(review, tasks.get(review.task_run.key), refused) for review in waiting],
        earlier=[review for review in reviews if review.approved is not None or run.ended],
        unsent=refused if refused is not None and (refused.task, refused.call, refused.step) not in shown else None,
    )


def _reviews(run: Run) -> list[Review]:
    """Most runs ask nobody, and to compose the query takes ten times as long as to see that."""
    with connection.cursor() as cursor:
        cursor.execute(_ARE_ANY, [run.pk])
        if not cursor.fetchone()[0]:
            return []
    of_run = Review.objects.filter(task_run__run=run).select_related("task_run", "decided_by", "call")
    return list(of_run.order_by("task_run__position", "number"))


def _asked(review: Review, task: TaskSpec | None, refused: DecisionForm | None) -> Asked:
    key = review.task_run.key
    call, step = str(review.call_id or ""), review.step
    is_refused = refused is not None and (refused.task, refused.call, refused.step) == (key, call, step)
    form = refused if refused is not None and is_refused else DecisionForm(key, call=call, step=step)
    form.show(review.number)
    has_data = review.about == "answer" and task is not None and task.output_schema
    return Asked(review, _parsed(review.answer) if has_data else None, form)


def _parsed(answer: str) -> Any:
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        return None
