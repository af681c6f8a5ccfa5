"""When each call of a run began and how long it took, as bars to draw: one row per task, in thousandths of the span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from runs.models import Call, Run, TaskRun

SPAN = 1000.0
LEAST_WIDTH = 2.0
TICKS = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """One call."""

    call: Call
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Row:
    """One task that began: its own span, and the bars of its calls."""

    task: TaskRun
    x: float
    width: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """``ticks_ms`` are the times of equal distances along the span."""

    rows: tuple[Row, ...]
    ticks_ms: tuple[int, ...]


def timeline(run: Run, tasks: Sequence[TaskRun], calls: Sequence[Call]) -> Timeline | None:
    """None before the run began. What has not ended reaches to now."""
    if run.started_at is None:
        return None
    scale = _Scale(run.started_at, run.finished_at or timezone.now())
    rows = tuple(
        Row(task, *scale.place(task.started_at, task.finished_at), _bars(task, calls, scale))
        for task in tasks
        if task.started_at is not None
    )
    return Timeline(rows, tuple(round(scale.seconds * 1000 * tick / (TICKS - 1)) for tick in range(TICKS)))


class _Scale:
    def __init__(self, begin: datetime, end: datetime) -> None:
        self._begin, self._end = begin, end
        self.seconds = max((end - begin).total_seconds(), 0.001)

    def place(self, start: datetime, stop: datetime | None) -> tuple[float, float]:
        """Where a bar begins, and how wide it is: never so narrow that it cannot be seen, never beyond the end."""
        x = SPAN * (start - self._begin).total_seconds() / self.seconds
        width = SPAN * ((stop or self._end) - start).total_seconds() / self.seconds
        x = min(max(0.0, x), SPAN - LEAST_WIDTH)
        return x, max(LEAST_WIDTH, min(width, SPAN - x))


def _bars(task: TaskRun, calls: Sequence[Call], scale: _Scale) -> tuple[Bar, ...]:
    return tuple(
        Bar(call, *scale.place(call.started_at, call.finished_at)) for call in calls if call.task_run_id == task.pk
    )
