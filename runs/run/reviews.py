"""What waits for a person in a run, with the form to answer it, and what people said before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.spec.crew_spec import CrewSpec
from runs.models import Review, Run
from runs.run.forms import DecisionForm


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer, or a lost tool call, that waits for a person. ``data`` is the answer's parsed form where the task has
    a schema.
    """

    review: Review
    data: Any
    form: DecisionForm


@dataclass(frozen=True, slots=True)
class Reviews:
    """``unsent`` is a comment that was typed for an answer that no longer waits."""

    waiting: Sequence[Asked]
    earlier: Sequence[Review]
    unsent: DecisionForm | None

    @property
    def all(self) -> list[Review]:
        return [*self.earlier, *(asked.review for asked in self.waiting)]


def reviews_of(run: Run, spec: CrewSpec, refused: DecisionForm | None = None) -> Reviews:
    """In one query. ``refused`` is a form that was sent and is to be shown again, with what was typed."""
    found = Review.objects.filter(task_run__run=run).select_related("task_run", "decided_by", "call")
    rows = list(found.order_by("task_run__position", "number"))
    waiting = [row for row in rows if row.approved is None and not run.ended]
    shown = {(row.task_run.key, str(row.call_id or "")) for row in waiting}
    return Reviews(
        waiting=[_asked(row, spec, refused) for row in waiting],
        earlier=[row for row in rows if row not in waiting],
        unsent=refused if refused is not None and (refused.task, refused.call) not in shown else None,
    )


def _asked(review: Review, spec: CrewSpec, refused: DecisionForm | None) -> Asked:
    key = review.task_run.key
    task = spec.task(key)
    call = str(review.call_id or "")
    is_refused = refused is not None and (refused.task, refused.call) == (key, call)
    form = refused if refused is not None and is_refused else DecisionForm(key, call=call)
    form.show(review.number)
    return Asked(review, _parsed(review.answer) if task is not None and task.output_schema else None, form)


def _parsed(answer: str) -> Any:
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        return None
