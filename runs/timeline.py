"""When each call of a run began and how long it took, as bars to draw: percent of the run's span, one row per task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from runs.models import Call, Run, TaskRun


@dataclass(frozen=True, slots=True)
class Bar:
    """One call. ``x`` and ``width`` are in thousandths of the span."""

    call: Call
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Row:
    """One task: its own span as ``x`` and ``width``, and the bars of its calls."""

    task: TaskRun
    x: float
    width: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """``seconds`` is the whole span; ``ticks`` are (x, seconds)."""

    seconds: float
    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, float], ...]


def timeline(run: Run, tasks: Sequence[TaskRun], calls: Sequence[Call]) -> Timeline | None:
    """None before the run began."""
    if run.started_at is None:
        return None
    begin, end = run.started_at, run.finished_at or timezone.now()
    seconds = max((end - begin).total_seconds(), 0.001)

    def place(start: datetime, stop: datetime | None) -> tuple[float, float]:
        x = 1000 * (start - begin).total_seconds() / seconds
        width = 1000 * ((stop or end) - start).total_seconds() / seconds
        return max(0.0, x), max(2.0, min(width, 1000 - x))

    rows = []
    for task in tasks:
        if task.started_at is not None:
            bars = tuple(
                Bar(call, *place(call.started_at, call.finished_at)) for call in calls if call.task_run_id == task.pk
            )
            rows.append(Row(task, *place(task.started_at, task.finished_at), bars))
    ticks = tuple((250.0 * part, seconds * part / 4) for part in range(5))
    return Timeline(seconds, tuple(rows), ticks)
