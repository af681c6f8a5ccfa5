"""Sums over all ended runs of a version, read from rollups, however many there are: the same figures as
``runs.compare.reads.queries`` adds up from the runs and calls themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from django.db import connection
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from agents_app.models import CrewVersion
from runs.compare.reads.queries import spread_among
from runs.compare.splits.facts import TOKEN_KINDS, CallSums, Spread, TaskSums, Totals
from runs.models import Run, RunSum, TaskCallSum, TaskRun, TaskTime
from runs.states import RUN_LIVE, RunState

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
_NEWEST = """
    SELECT array_agg(spent_nusd ORDER BY spent_nusd) FILTER (WHERE unpriced_calls = 0),
           array_agg(ended_ms ORDER BY ended_ms) FILTER (WHERE ended_ms >= 0)
    FROM (
        SELECT spent_nusd, unpriced_calls, ended_ms FROM runs_run
        WHERE version_id = %(version)s AND simulated = %(simulated)s AND finished_at IS NOT NULL
        ORDER BY id DESC LIMIT %(most)s
    ) AS newest
"""
_CALLS = ("calls", "requests", "cost_nusd", "fees_nusd", "latency_ms", "waited_ms", "nested_ms")
_BY = ("task", "model", "cost_class", "kind", "priced")


def totals_of_version(version: CrewVersion, *, simulated: bool) -> Totals:
    """One query."""
    sums: dict[str, Any] = {f"sum_{name}": Sum(column) for name, column in _TOTALS.items()}
    row = _of(RunSum, version, simulated).aggregate(succeeded=Sum("runs", filter=Q(state=RunState.SUCCEEDED)), **sums)
    return Totals(succeeded=row["succeeded"] or 0, **{name: int(row[f"sum_{name}"] or 0) for name in _TOTALS})


def counts_of_version(version: CrewVersion) -> dict[str, int]:
    """How many of its runs have ended, of each kind, and how many have not. Two queries."""
    ended = RunSum.objects.filter(version=version, team=version.crew.team_id, crew=version.crew_id)
    counts = ended.aggregate(
        real=Coalesce(Sum("runs", filter=Q(simulated=False)), 0),
        made_up=Coalesce(Sum("runs", filter=Q(simulated=True)), 0),
    )
    live = Run.objects.filter(version=version, team=version.crew.team_id, state__in=RUN_LIVE)
    return counts | {"live": live.count()}


def spreads_of_version(version: CrewVersion, *, simulated: bool, most: int) -> tuple[Spread | None, Spread | None]:
    """How cost, where it is known in full, and time are spread over its newest ``most`` runs. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, {"version": version.pk, "simulated": simulated, "most": most})
        costs, times = cursor.fetchone()
    return spread_among(costs or []), spread_among(times or [])


def calls_of_version(version: CrewVersion, *, simulated: bool) -> list[CallSums]:
    """One query."""
    sums: dict[str, Any] = {f"sum_{name}": Sum(name) for name in _CALLS}
    sums |= {f"sum_{part}_{kind}": Sum(f"{part}_{kind}") for part in ("tokens", "spend") for kind in TOKEN_KINDS}
    rows = _of(TaskCallSum, version, simulated).values(*_BY).annotate(**sums).filter(sum_calls__gt=0).order_by(*_BY)
    return [_calls(row) for row in rows]


def tasks_of_version(version: CrewVersion, *, simulated: bool) -> list[TaskSums]:
    """In the order of their positions, named as in the newest run. Two queries."""
    rows = _of(TaskTime, version, simulated).values("task")
    sums = rows.annotate(sum_begun=Sum("begun"), sum_ms=Sum("took_ms"), sum_person_ms=Sum("person_ms"))
    timed: Mapping[str, Any] = {row["task"]: row for row in sums.order_by()}
    newest = version.runs.filter(simulated=simulated, finished_at__isnull=False).order_by("-pk").values("pk")[:1]
    named = TaskRun.objects.filter(run__in=newest).values("position", "name", "agent", "agent_role", task=F("key"))
    return [
        TaskSums(
            key=one["task"],
            position=one["position"],
            name=one["name"],
            agent=one["agent"],
            agent_role=one["agent_role"],
            runs=timed[one["task"]]["sum_begun"],
            duration_ms=int(timed[one["task"]]["sum_ms"]),
            person_ms=int(timed[one["task"]]["sum_person_ms"]),
        )
        for one in named.order_by("position", "key")
        if one["task"] in timed
    ]


def _of(rollup: Any, version: CrewVersion, simulated: bool) -> Any:
    team, crew = version.crew.team_id, version.crew_id
    return rollup.objects.filter(version=version, simulated=simulated, team=team, crew=crew)


def _calls(row: Mapping[str, Any]) -> CallSums:
    of_all: dict[str, Any] = {name: row[name] for name in _BY} | {name: int(row[f"sum_{name}"]) for name in _CALLS}
    return CallSums(
        **of_all,
        tokens={kind: int(row[f"sum_tokens_{kind}"]) for kind in TOKEN_KINDS},
        spend={kind: Fraction(row[f"sum_spend_{kind}"]) for kind in TOKEN_KINDS},
    )
