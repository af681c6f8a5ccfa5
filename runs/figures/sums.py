"""Sums over the runs of a scope, and over their calls: rollups for what has ended, the runs themselves for the rest.

Each function reads two statements, however many runs there are. Runs count at the moment of their launch, so the sum
over the runs that were launched in a period is the figure of that period.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncDay, TruncHour, TruncWeek

from runs.figures.scope import Scope
from runs.ledger.statements import TOKEN_FIELDS
from runs.models import Call, CallSum, Run, RunSum
from runs.states import RUN_LIVE, CallState

Grain = Literal["hour", "day", "week"]
"""Stretches of time in UTC; weeks begin on Monday."""
RunKey = Literal["crew", "version", "state", "hour", "day", "week"]
CallKey = Literal["crew", "version", "state", "hour", "day", "week", "model", "cost_class"]
Key = tuple[Any, ...]
"""The values of the keys that were asked for, in their order: crews and versions as ids, hours and days as moments."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over runs, or over calls. ``took_ms``, ``runs`` and ratings are 0 of calls, ``calls`` and ``saved_nusd`` of
    runs."""

    spent_nusd: int = 0
    unpriced_calls: int = 0  # ``spent_nusd`` lacks their cost
    estimated_calls: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    successful_requests: int = 0
    runs: int = 0
    took_ms: int = 0
    calls: int = 0
    saved_nusd: int = 0
    rating_sum: int = 0  # stars of all ratings
    rating_count: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def rating(self) -> Fraction | None:
        """The mean of all ratings, in stars; None without any."""
        return Fraction(self.rating_sum, self.rating_count) if self.rating_count else None

    def __add__(self, other: Figures) -> Figures:
        # Spelled out: a page adds up some ten thousand of them.
        return Figures(
            self.spent_nusd + other.spent_nusd,
            self.unpriced_calls + other.unpriced_calls,
            self.estimated_calls + other.estimated_calls,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_prompt_tokens + other.cached_prompt_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.completion_tokens + other.completion_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.successful_requests + other.successful_requests,
            self.runs + other.runs,
            self.took_ms + other.took_ms,
            self.calls + other.calls,
            self.saved_nusd + other.saved_nusd,
            self.rating_sum + other.rating_sum,
            self.rating_count + other.rating_count,
        )


NONE = Figures()


def total(rows: Iterable[Figures]) -> Figures:
    return sum(rows, NONE)


def run_sums(scope: Scope, *, by: Sequence[RunKey] = (), only: Collection[str] = ()) -> dict[Key, Figures]:
    """Sums over runs by the keys; a key without runs is left out. ``only``: the figures that are summed, else all."""
    names = (*_SUMMED, *("successful_requests", "spent_nusd", "unpriced_calls", "estimated_calls"), *_RATED)
    sums = {name: Sum(name) for name in names}
    of_ended = _wanted(sums | {"runs": Sum("runs"), "took_ms": Sum("took_ms")}, only)
    ended = RunSum.objects.filter(scope.of_rollups(time="hour"))
    live = Run.objects.filter(scope.of_runs(), state__in=RUN_LIVE)
    return _added(
        _rows(ended, _keys(by, moment="hour"), of_ended, len(by)),
        _rows(live, _keys(by, moment="created_at"), _wanted(sums | {"runs": Count("pk")}, only), len(by)),
    )


def call_sums(scope: Scope, *, by: Sequence[CallKey] = (), only: Collection[str] = ()) -> dict[Key, Figures]:
    """Sums over the calls of the runs by the keys, of calls that have ended. ``state`` is their run's."""
    sums = {name: Sum(name) for name in (*_SUMMED, "successful_requests", "spent_nusd", "unpriced_calls")}
    sums |= {name: Sum(name) for name in ("estimated_calls", "calls", "saved_nusd")}
    ended = CallSum.objects.filter(scope.of_rollups(time="hour"))
    of_live = Call.objects.filter(scope.of_runs("run__"), run__state__in=RUN_LIVE).exclude(state=CallState.INTENT)
    keys = _keys(by, moment="created_at", prefix="run__", own=("model", "cost_class"))
    return _added(
        _rows(ended, _keys(by, moment="hour"), _wanted(sums, only), len(by)),
        _rows(of_live, keys, _wanted(_OF_CALLS, only), len(by)),
    )


def _wanted(sums: Mapping[str, Any], only: Collection[str]) -> Mapping[str, Any]:
    return {name: expression for name, expression in sums.items() if not only or name in only}


_SUMMED = TOKEN_FIELDS
_RATED = ("rating_sum", "rating_count")
_ANSWERED = Q(kind="model", state__in=(CallState.OK, CallState.LATE), cache_hit=False)
_OF_CALLS: dict[str, Any] = {
    **{name: Sum(name) for name in _SUMMED},
    "successful_requests": Count("pk", filter=_ANSWERED),
    "spent_nusd": Coalesce(Sum("cost_nusd"), 0),
    "unpriced_calls": Count("pk", filter=Q(cost_nusd=None)),
    "estimated_calls": Count("pk", filter=Q(usage_estimated=True)),
    "calls": Count("pk"),
    "saved_nusd": Coalesce(Sum("saved_nusd"), 0),
}


def _keys(by: Sequence[str], *, moment: str, prefix: str = "", own: Sequence[str] = ()) -> dict[str, Any]:
    """Expressions named ``key_0``, ``key_1`` ... for the keys; all but the ``own`` ones lie behind the prefix."""
    moments = {"hour": TruncHour(f"{prefix}{moment}"), "day": TruncDay(f"{prefix}{moment}")}
    moments["week"] = TruncWeek(f"{prefix}{moment}")
    columns = {"crew": F(f"{prefix}crew_id"), "version": F(f"{prefix}version_id"), "state": F(f"{prefix}state")}
    known = moments | columns
    return {f"key_{place}": known.get(name, F(name)) for place, name in enumerate(by)}


def _rows(
    rows: QuerySet[Any], keys: Mapping[str, Any], sums: Mapping[str, Any], length: int
) -> Iterable[tuple[Key, Figures]]:
    figures = {f"sum_{name}": expression for name, expression in sums.items()}
    for row in rows.order_by().values(**keys).annotate(**figures) if keys else [rows.aggregate(**figures)]:
        key = tuple(row[f"key_{place}"] for place in range(length))
        yield key, Figures(**{name: row[f"sum_{name}"] or 0 for name in sums})


def _added(*parts: Iterable[tuple[Key, Figures]]) -> dict[Key, Figures]:
    added: defaultdict[Key, Figures] = defaultdict(Figures)
    for part in parts:
        for key, figures in part:
            added[key] += figures
    return {key: figures for key, figures in added.items() if figures != NONE}
