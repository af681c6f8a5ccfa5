"""Sums over all ended runs of a version, or of a filter of crews, versions and whole days, read from rollups, however
many they are: the same figures as ``runs.compare.reads.queries`` adds up from the runs and calls themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from fractions import Fraction
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import F, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum

from agents_app.models import CrewVersion
from runs.compare.reads.queries import spread_among
from runs.history.fields.values import moment
from runs.history.filters import RunFilter
from runs.models import Run, RunSum, TaskCallSum, TaskRun, TaskTime
from runs.months import midnight
from runs.splits.facts import TOKEN_KINDS, CallSums, Spread, TaskSums, Totals
from runs.states import RunState

_TOTALS = {
    "spent_nusd": "spent_nusd",
    "unpriced_calls": "unpriced_calls",
    "unpriced_runs": "unpriced_runs",
    "prompt_tokens": "prompt_tokens",
    "cached_prompt_tokens": "cached_prompt_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "completion_tokens": "completion_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "requests": "successful_requests",
    "queue_ms": "queue_ms",
    "duration_ms": "took_ms",
    "paused_ms": "paused_ms",
    "runs": "runs",
    "timed": "timed",
    "rating_sum": "rating_sum",
    "rating_count": "rating_count",
    "rated_runs": "rated_runs",
}
_CALLS = ("calls", "requests", "cost_nusd", "fees_nusd", "latency_ms", "waited_ms", "nested_ms")
_BY = ("task", "model", "cost_class", "kind", "priced")


_IN_ROLLUPS = ("crew", "version", "simulated")
"""Fields of the filter whose conditions hold of a rollup's row as they do of a run."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Runs that rollups tell apart. ``conditions`` are on columns that runs and rollups share."""

    team_id: int
    conditions: tuple[Q, ...]
    since: date | None = None  # the first day on which they were launched, in UTC
    until: date | None = None  # the day behind the last one

    def by_day(self, rollup: Any, *, simulated: bool) -> QuerySet[Any]:
        """Rows of ``TaskCallSum`` or ``TaskTime``."""
        days = {"day__gte": self.since, "day__lt": self.until}
        return self._of(rollup, {name: day for name, day in days.items() if day}).filter(simulated=simulated)

    def by_hour(self) -> QuerySet[RunSum]:
        hours = {"hour__gte": self.since, "hour__lt": self.until}
        return self._of(RunSum, {name: midnight(day) for name, day in hours.items() if day})

    def _of(self, rollup: Any, period: Mapping[str, Any]) -> QuerySet[Any]:
        rows: QuerySet[Any] = rollup.objects.filter(team=self.team_id, **period)
        for condition in self.conditions:
            rows = rows.filter(condition)
        return rows


def whole_version(version: CrewVersion) -> Whole:
    return Whole(version.crew.team_id, (Q(version=version, crew=version.crew_id),))


def whole_filter(team_id: int, asked: RunFilter) -> Whole | None:
    """None if the filter asks for more than rollups know, such as a state, or for a part of a day."""
    conditions: list[Q] = []
    days: dict[str, list[date]] = {"since": [], "until": []}
    for word, condition in zip(asked.words, asked.conditions, strict=True):
        if word.name in _IN_ROLLUPS:
            conditions.append(condition)
        elif word.name in days and not word.negated and (day := _whole_day(word.value.text)):
            days[word.name].append(day)
        else:
            return None
    return Whole(
        team_id, tuple(conditions), since=max(days["since"], default=None), until=min(days["until"], default=None)
    )


def _whole_day(text: str) -> date | None:
    at = moment(text, datetime.now(UTC))
    return at.date() if at.time() == time() else None


def totals_of(whole: Whole) -> dict[bool, Totals]:
    """Of its ended runs, the simulated ones under True; a kind without runs is left out. One query."""
    sums: dict[str, Any] = {f"sum_{name}": Sum(column) for name, column in _TOTALS.items()}
    succeeded = Sum("runs", filter=Q(state=RunState.SUCCEEDED), default=0)
    rows = whole.by_hour().order_by().values("simulated").annotate(succeeded=succeeded, **sums)
    return {
        row["simulated"]: Totals(succeeded=row["succeeded"], **{name: int(row[f"sum_{name}"]) for name in _TOTALS})
        for row in rows
        if row["sum_runs"]
    }


def spreads_of(newest: QuerySet[Run], *, most: int) -> tuple[Spread | None, Spread | None]:
    """How cost, where it is known in full, and time are spread over the first ``most`` of these runs. One query."""
    found = newest.values("spent_nusd", "unpriced_calls", "ended_ms")[:most].aggregate(
        costs=ArrayAgg("spent_nusd", filter=Q(unpriced_calls=0), order_by="spent_nusd"),
        times=ArrayAgg("ended_ms", filter=Q(ended_ms__gte=0), order_by="ended_ms"),
    )
    return spread_among(found["costs"] or []), spread_among(found["times"] or [])


def calls_of(whole: Whole, *, simulated: bool) -> list[CallSums]:
    """One query."""
    sums: dict[str, Any] = {f"sum_{name}": Sum(name) for name in _CALLS}
    sums |= {f"sum_{part}_{kind}": Sum(f"{part}_{kind}") for part in ("tokens", "spend") for kind in TOKEN_KINDS}
    rows = whole.by_day(TaskCallSum, simulated=simulated).values(*_BY).annotate(**sums)
    return [_calls(row) for row in rows.filter(sum_calls__gt=0).order_by(*_BY)]


def tasks_of(whole: Whole, *, simulated: bool) -> list[TaskSums]:
    """In the order of their positions. Two queries."""
    sums: dict[str, Any] = {"sum_begun": Sum("begun"), "sum_ms": Sum("took_ms"), "sum_person_ms": Sum("person_ms")}
    rows = whole.by_day(TaskTime, simulated=simulated).order_by().values("task")
    rows = rows.annotate(of_versions=ArrayAgg("version", distinct=True), **sums)
    timed: Mapping[str, Any] = {row["task"]: row for row in rows}
    versions = sorted({version for row in timed.values() for version in row["of_versions"]})
    return [
        TaskSums(
            key=one["task"],
            position=one["place"],
            name=one["title"],
            agent=one["who"],
            agent_role=one["role"],
            runs=timed[one["task"]]["sum_begun"],
            duration_ms=int(timed[one["task"]]["sum_ms"]),
            person_ms=int(timed[one["task"]]["sum_person_ms"]),
        )
        for one in _named(versions, simulated)
        if one["task"] in timed
    ]


def _named(versions: Sequence[int], simulated: bool) -> Any:
    """The tasks, named as in the newest ended run of each version: all runs of a version name them alike."""
    ended = Run.objects.filter(version=OuterRef("pk"), simulated=simulated, finished_at__isnull=False)
    newest = CrewVersion.objects.filter(pk__in=versions).values(newest=Subquery(ended.order_by("-pk").values("pk")[:1]))
    tasks = TaskRun.objects.filter(run__in=newest).order_by().values(task=F("key"))
    named = tasks.annotate(place=Min("position"), title=Max("name"), who=Max("agent"), role=Max("agent_role"))
    return named.order_by("place", "task")


def _calls(row: Mapping[str, Any]) -> CallSums:
    of_all: dict[str, Any] = {name: row[name] for name in _BY} | {name: int(row[f"sum_{name}"]) for name in _CALLS}
    return CallSums(
        **of_all,
        tokens={kind: int(row[f"sum_tokens_{kind}"]) for kind in TOKEN_KINDS},
        spend={kind: Fraction(row[f"sum_spend_{kind}"]) for kind in TOKEN_KINDS},
    )
