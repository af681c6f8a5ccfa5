"""When each call of a run began and how long it took, as bars to draw: one row per task, in thousandths of the run.

Waits for a turn at the provider and waits for a person are drawn apart from the calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.utils import timezone

from runs.models import Call, Review, Run, TaskRun

SPAN = 1000.0
"""How wide the whole run is drawn."""
LEAST_WIDTH = 2.0
TICKS = 5
OfTask = TypeVar("OfTask", Call, Review)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time: where it is drawn, and how long it was."""

    x: float
    width: float
    ms: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One call."""

    call: Call
    x: float
    width: float
    waited: Span | None  # before the call: for its turn at the provider


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A task that has begun, or the crew as a whole: when it ran, its calls, and its waits for people."""

    name: str
    duration_ms: int | None
    x: float
    width: float
    bars: tuple[Bar, ...]
    people: tuple[Span, ...] = ()
    key: str = ""  # the task's; "": the crew as a whole

    @property
    def waited_ms(self) -> int:
        """The sum of what its calls waited for their turns, also where they waited at once."""
        return sum(bar.call.waited_ms for bar in self.bars)

    @property
    def people_ms(self) -> int:
        return sum(span.ms for span in self.people)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The rows, with times at equal distances for the axis."""

    rows: tuple[TimelineRow, ...]
    ticks_ms: tuple[int, ...]

    @property
    def waited_ms(self) -> int:
        return sum(row.waited_ms for row in self.rows)

    @property
    def people_ms(self) -> int:
        return sum(row.people_ms for row in self.rows)


def timeline(
    run: Run,
    tasks: Sequence[TaskRun],
    calls: Sequence[Call],
    reviews: Sequence[Review] = (),
    *,
    least_s: float = 0.0,
) -> Timeline | None:
    """None before the run has begun. What has not ended is drawn up to now. ``least_s``: how many seconds the axis has
    at least, so that several runs can be drawn on one."""
    if run.started_at is None:
        return None
    scale = _Scale(run.started_at, run.finished_at or timezone.now(), least_s)
    calls_of, asked_of = _by_task(calls), _by_task(reviews)
    rows = [_crew_row(calls_of[None], scale)]
    for task in tasks:
        if task.started_at is not None:
            people = tuple(scale.span(review.asked_at, review.decided_at) for review in asked_of[task.pk])
            place = scale.place(task.started_at, task.finished_at)
            rows.append(
                TimelineRow(task.name, task.duration_ms, *place, _bars(calls_of[task.pk], scale), people, task.key)
            )
    ticks = tuple(round(scale.seconds * 1000 * tick / (TICKS - 1)) for tick in range(TICKS))
    return Timeline(tuple(row for row in rows if row is not None), ticks)


def _by_task(rows: Sequence[OfTask]) -> defaultdict[int | None, list[OfTask]]:
    by_task: defaultdict[int | None, list[OfTask]] = defaultdict(list)
    for row in rows:
        by_task[row.task_run_id].append(row)
    return by_task


class _Scale:
    def __init__(self, begin: datetime, end: datetime, least_s: float) -> None:
        self._begin, self._end = begin, end
        self.seconds = max((end - begin).total_seconds(), least_s, 0.001)

    def place(self, start: datetime, stop: datetime | None, *, least: float = LEAST_WIDTH) -> tuple[float, float]:
        """Where a bar begins and how wide it is: wide enough to be seen, and not beyond the end."""
        x = min(max(0.0, self._at(start)), SPAN - least)
        return x, max(least, min(self._at(stop or self._end), SPAN) - x)

    def _at(self, moment: datetime) -> float:
        return SPAN * (moment - self._begin).total_seconds() / self.seconds

    def span(self, start: datetime, stop: datetime | None) -> Span:
        ms = max(0, round(((stop or self._end) - start).total_seconds() * 1000))
        return Span(*self.place(start, stop, least=0.0), ms)


def _crew_row(calls: Sequence[Call], scale: _Scale) -> TimelineRow | None:
    """The calls that belong to no task, such as planning; None if there are none."""
    if not calls:
        return None
    start = min(_waits_from(call) for call in calls)
    ends = [call.finished_at for call in calls if call.finished_at is not None]
    stop = max(ends) if len(ends) == len(calls) else None
    duration_ms = None if stop is None else round((stop - start).total_seconds() * 1000)
    return TimelineRow("The crew", duration_ms, *scale.place(start, stop), _bars(calls, scale))


def _bars(calls: Sequence[Call], scale: _Scale) -> tuple[Bar, ...]:
    return tuple(
        Bar(
            call,
            *scale.place(call.started_at, call.finished_at),
            waited=scale.span(_waits_from(call), call.started_at) if call.waited_ms else None,
        )
        for call in calls
    )


def _waits_from(call: Call) -> datetime:
    return call.started_at - timedelta(milliseconds=call.waited_ms)
