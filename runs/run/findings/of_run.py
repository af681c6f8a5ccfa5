"""What a run's rows say of its time: the split of the wall time, the critical path, and what held each task back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from django.utils import timezone

from engine.spec.crew_spec import CrewSpec
from engine.spec.plan import make_plan
from runs.models import Review, Run, TaskRun
from runs.run.findings.critical_path import Span, Stretch, critical_path, stretches
from runs.run.findings.held_back import HeldBack, held_back
from runs.run.findings.task_times import TaskFacts, pause_beyond_people, task_times
from runs.run.findings.wall import KINDS, MODELS, MONEY, OWN, PEOPLE, QUEUE, RATE, SET_ASIDE, TOOLS, Doing, wall_parts

US = timedelta(microseconds=1)
CREW = ""
SHOWN_ON_PATH = 12


class CallTime(NamedTuple):
    """When one call was made. ``finished_at``: None while it is open."""

    task_run_id: int | None
    kind: str
    started_at: datetime
    finished_at: datetime | None
    latency_ms: int | None
    waited_ms: int
    budget_ms: int


class TaskSums(NamedTuple):
    """Of the settled calls of a task, or of the crew's own, in milliseconds."""

    asked_ms: int = 0  # models, and outputs that were taken over
    tool_ms: int = 0
    waited_ms: int = 0
    budget_ms: int = 0  # of that for money that calls in flight held
    nested_ms: int = 0  # what lies within tool calls: co-workers' calls with their waits


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of time. ``wall_ms`` sum to the wall time; ``task_ms`` and ``at_once_ms`` too."""

    kind: str
    wall_ms: int
    task_ms: int  # added up over tasks, as if they ran one after another
    x: float  # of the bar, in thousandths of the wall time
    width: float

    @property
    def percent(self) -> float:
        return self.width / 10


class OnPath(NamedTuple):
    """A task on the critical path, and for how long the run waited for it."""

    task: str
    ms: int


@dataclass(frozen=True, slots=True)
class Findings:
    wall_ms: int  # from launch to end, or until now
    parts: Sequence[Part]  # by ``KINDS``
    at_once_ms: int  # what is to be added to the sum of ``task_ms`` to get the wall time: what ran at once, less gaps
    path: Sequence[Stretch]
    held_back: Mapping[str, HeldBack]
    task_ms: int  # the sum of what its tasks took
    work_ms: int  # from the first claim to the end, or until now

    @property
    def critical(self) -> frozenset[str]:
        return frozenset(stretch.task for stretch in self.path if stretch.task)

    @property
    def tasks_on_path(self) -> list[OnPath]:
        """The first ``SHOWN_ON_PATH``."""
        on_path = [OnPath(one.task, round((one.stop - one.start) / 1000)) for one in self.path if one.task]
        return on_path[:SHOWN_ON_PATH]

    @property
    def path_rest(self) -> int:
        """How many more tasks are on the path."""
        return sum(bool(one.task) for one in self.path) - len(self.tasks_on_path)

    @property
    def critical_pairs(self) -> frozenset[tuple[str, str]]:
        """Tasks that follow each other on the path."""
        return frozenset(pairwise(one.task for one in self.path if one.task))

    @property
    def at_once(self) -> float | None:
        """How many tasks went on at once on average; None before anything took time."""
        return self.task_ms / self.work_ms if self.work_ms and self.task_ms else None


def findings_of(
    run: Run,
    spec: CrewSpec,
    tasks: Sequence[TaskRun],
    calls: Sequence[CallTime],
    reviews: Iterable[Review],
    sums: Mapping[str, TaskSums],
) -> Findings:
    """``sums``: by task key, "" for the crew's own calls."""
    end = run.finished_at or timezone.now()
    begin = run.started_at
    if begin is None:
        queue_ms = _ms(end - run.created_at)
        return Findings(queue_ms, _parts({QUEUE: queue_ms}, {QUEUE: queue_ms}, queue_ms), 0, (), {}, 0, 0)
    queue_ms, work_ms = _ms(begin - run.created_at), _ms(end - begin)
    clock = _Clock(begin, end)
    keys = {task.pk: task.key for task in tasks}
    spans = {task.key: clock.span(task.started_at, task.finished_at) for task in tasks if task.started_at is not None}
    plan = make_plan(spec)
    path = stretches(critical_path(spans, plan.waits_for), spans, clock.end)
    asked = [review for review in reviews if review.task_run_id in keys]
    doings = [*clock.doings(calls, keys), *(clock.asked(review, keys) for review in asked)]
    paused = run.paused_s + ((end - run.paused_at).total_seconds() if run.paused_at else 0.0)
    wall = {QUEUE: queue_ms} | wall_parts(path, doings, ms=work_ms, paused=round(paused * 1_000_000))
    people = _people(asked, keys, end)
    took = {task.key: _ms((task.finished_at or end) - task.started_at) for task in tasks if task.started_at}
    added = _added_up(took, sums, people, run.paused_s) | {QUEUE: queue_ms}
    wall_ms = queue_ms + work_ms
    waits = _waits(calls, keys)
    return Findings(
        wall_ms=wall_ms,
        parts=_parts(wall, added, wall_ms),
        at_once_ms=wall_ms - sum(added.values()),
        path=path,
        held_back={
            key: replace(held_back(key, spans, plan, spec), person_ms=people.get(key, 0), **waits.get(key, {}))
            for key in spans
        },
        task_ms=sum(took.values()),
        work_ms=work_ms,
    )


class _Clock:
    """Moments as microseconds since the run's first claim, none beyond its end."""

    def __init__(self, begin: datetime, end: datetime) -> None:
        self._begin = begin
        self.end = max(0, (end - begin) // US)

    def at(self, moment: datetime | None) -> int:
        return self.end if moment is None else min(self.end, max(0, (moment - self._begin) // US))

    def span(self, start: datetime, stop: datetime | None) -> Span:
        return Span(self.at(start), self.at(stop))

    def doings(self, calls: Iterable[CallTime], keys: Mapping[int, str]) -> Iterable[Doing]:
        for call in calls:
            key = CREW if call.task_run_id is None else keys[call.task_run_id]
            span = self.span(call.started_at, _ended(call))
            yield Doing(key, TOOLS if call.kind == "tool" else MODELS, span)
            if call.waited_ms:
                begin, until = (max(0, span.start - 1000 * ms) for ms in (call.waited_ms, call.budget_ms))
                yield Doing(key, RATE, Span(begin, until))
                yield Doing(key, MONEY, Span(until, span.start))

    def asked(self, review: Review, keys: Mapping[int, str]) -> Doing:
        return Doing(keys[review.task_run_id], PEOPLE, self.span(review.asked_at, review.decided_at))


def _ended(call: CallTime) -> datetime | None:
    """When it was answered: what it took to write that down is not the model's or the tool's."""
    if call.latency_ms is None or call.finished_at is None:
        return call.finished_at
    return min(call.finished_at, call.started_at + timedelta(milliseconds=call.latency_ms))


def _ms(length: timedelta) -> int:
    return max(0, round(length.total_seconds() * 1000))


def _people(reviews: Iterable[Review], keys: Mapping[int, str], end: datetime) -> dict[str, int]:
    """How long each task waited for people, in milliseconds."""
    people: defaultdict[str, int] = defaultdict(int)
    for review in reviews:
        people[keys[review.task_run_id]] += _ms((review.decided_at or end) - review.asked_at)
    return people


def _waits(calls: Iterable[CallTime], keys: Mapping[int, str]) -> dict[str, dict[str, Any]]:
    """What each task's calls waited for, in milliseconds: fields of ``HeldBack``."""
    waits: dict[str, dict[str, Any]] = {}
    for call in calls:
        if call.waited_ms and call.task_run_id is not None:
            of_task = waits.setdefault(keys[call.task_run_id], {"rate_ms": 0, "budget_ms": 0})
            of_task["budget_ms"] += call.budget_ms
            of_task["rate_ms"] += call.waited_ms - call.budget_ms
    return waits


def _added_up(
    took: Mapping[str, int], sums: Mapping[str, TaskSums], people: Mapping[str, int], paused_s: float
) -> dict[str, int]:
    """By kind, all but the queue: what comparisons split, and by their rules."""
    facts = {CREW: _facts(0, sums.get(CREW, TaskSums()), 0)}
    facts |= {key: _facts(took_ms, sums.get(key, TaskSums()), people.get(key, 0)) for key, took_ms in took.items()}
    pause = pause_beyond_people(Fraction(round(paused_s * 1000)), Fraction(sum(people.values())))
    times = task_times(facts, pause).values()
    budget = sum(sums.get(key, TaskSums()).budget_ms for key in facts)
    added = {
        MODELS: sum(one.asked for one in facts.values()),
        TOOLS: sum(time.tools for time in times),
        RATE: sum(time.waited for time in times) - budget,
        MONEY: budget,
        PEOPLE: sum(time.person for time in times),
        SET_ASIDE: pause,
        OWN: sum(time.own for time in times),
    }
    return {kind: int(ms) for kind, ms in added.items()}


def _facts(took_ms: int, sums: TaskSums, person_ms: int) -> TaskFacts:
    tools = sums.tool_ms - sums.nested_ms
    return TaskFacts(*map(Fraction, (took_ms, sums.asked_ms, tools, sums.waited_ms, person_ms)))


def _parts(wall: Mapping[str, int], added: Mapping[str, int], whole: int) -> list[Part]:
    parts: list[Part] = []
    x = 0.0
    for kind in KINDS:
        ms, task_ms = wall.get(kind, 0), added.get(kind, 0)
        width = 1000 * ms / whole if whole else 0.0
        if ms or task_ms:
            parts.append(Part(kind, ms, task_ms, x, width))
        x += width
    return parts
