"""Percentiles of what runs cost and took: exact over a few thousand runs, else from the buckets of the rollups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, LiteralString

from django.db import connection
from psycopg.sql import SQL, Composed

from runs.figures.scope import Period, Scope
from runs.figures.stretches import DAY, Days, Hours, edges_of, full_days, full_weeks
from runs.ledger.rollups.tables import GAMMA, NOTHING, PRECISION, bucket_of
from runs.states import Measure

MOST_EXACT = 3000
"""So many runs are looked at one by one."""
SHARES = (0.5, 0.95)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of runs that ended after a worker had begun them; of costs, only of those whose cost is known in full.

    Values in nano-dollars or milliseconds. Each is that of a run (the smallest that covers the share of all); if it is
    not ``exact``, up to ``rollups.PRECISION`` of itself beside it.
    """

    n: int
    median: int | None  # None without runs
    p95: int | None
    exact: bool

    @property
    def error(self) -> float:
        """How far off a value may be, in parts of itself."""
        return 0.0 if self.exact else PRECISION


def percentiles(scope: Scope, *, runs: int) -> Mapping[Measure, Percentiles]:
    """Of each measure. ``runs`` is how many the scope has, as ``sums`` counts them: it decides how they are read. One
    statement."""
    return percentiles_of([(scope, runs)])[0]


def percentiles_of(scopes: Sequence[tuple[Scope, int]]) -> list[Mapping[Measure, Percentiles]]:
    """Of several scopes, each with how many runs it has. One statement for all of them."""
    kinds = tuple("exact" if runs <= MOST_EXACT else "buckets" for _, runs in scopes)
    values = {f"{name}_{nth}": value for nth, (scope, _) in enumerate(scopes) for name, value in _values(scope).items()}
    with connection.cursor() as cursor:
        cursor.execute(_statement(kinds), values)
        rows = cursor.fetchall()
    return [_of_kind(kind, [row[1:] for row in rows if row[0] == nth]) for nth, kind in enumerate(kinds)]


def _of_kind(kind: str, rows: Sequence[tuple[Any, ...]]) -> Mapping[Measure, Percentiles]:
    if kind == "exact":
        found = {measure: (n, values or (None, None)) for measure, n, values in rows}
        return {measure: _exact(*found[measure]) for measure in Measure}
    counts: dict[str, list[tuple[int, int]]] = {measure: [] for measure in Measure}
    for measure, count, (bucket,) in rows:
        counts[measure].append((bucket, count))
    return {measure: _among(sorted(counts[measure])) for measure in Measure}


def _exact(n: int, values: tuple[int | None, int | None]) -> Percentiles:
    median, p95 = values
    return Percentiles(n, median, p95, exact=True)


def _among(counts: Sequence[tuple[int, int]]) -> Percentiles:
    n = sum(count for _, count in counts)
    median, p95 = (_value(counts, math.ceil(share * n)) for share in SHARES)
    return Percentiles(n, median, p95, exact=False)


def _value(counts: Sequence[tuple[int, int]], rank: int) -> int | None:
    """The middle of the bucket that holds the value of this rank. ``counts`` are in order."""
    seen = 0
    for bucket, count in counts:
        seen += count
        if count and seen >= rank:
            return 0 if bucket == NOTHING else round(2 * GAMMA**bucket / (GAMMA + 1))
    return None


def _values(scope: Scope) -> dict[str, Any]:
    values: dict[str, Any] = {
        "team": scope.who.team.pk,
        "simulated": scope.simulated,
        "crew": scope.crew and scope.crew.pk,
        "version": scope.version and scope.version.pk,
        "since": scope.period.since,
        "until": scope.period.until,
    }
    parts = _parts(scope.period)
    for name, (begin, end) in zip(_STRETCHES, (*parts.days, parts.weeks), strict=True):
        values |= {f"{name}_from": begin, f"{name}_to": end}
    for name, (sign, (edge_begin, edge_end)) in zip(_EDGES, parts.edges, strict=True):
        values |= {f"{name}_sign": sign, f"{name}_from": edge_begin, f"{name}_to": edge_end}
    return values


_STRETCHES = ("days", "more_days", "weeks")
_EDGES = ("before", "after")
_NAMES = (
    *("team", "simulated", "crew", "version", "since", "until"),
    *(f"{name}_{end}" for name in (*_STRETCHES, *_EDGES) for end in ("from", "to")),
    *(f"{name}_sign" for name in _EDGES),
)
"""Of the values that each part of the statement is given."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a period's distribution is summed from. Each may be empty."""

    weeks: Days
    days: tuple[Days, Days]
    edges: tuple[tuple[int, Hours], tuple[int, Hours]]  # hours whose runs are added (1), or taken off a day's (-1)


def _parts(period: Period) -> _Parts:
    """Of a day that lies in the period by more than half, the day is counted and the runs of its other hours are taken
    off again: so at most half a day's runs are looked at at either end."""
    first, last = full_days(period)
    nothing = (0, (period.until, period.until))
    if last < first:
        return _Parts((first, first), ((first, first), (first, first)), ((1, (period.since, period.until)), nothing))
    edges = edges_of(period)
    for edge in edges:
        if edge.is_most:
            first, last = min(first, edge.day), max(last, edge.day + DAY)
    monday, behind = full_weeks((first, last))
    days = ((first, monday), (behind, last)) if monday < behind else ((first, last), (last, last))
    looked_at = [(-1, edge.others) if edge.is_most else (1, edge.hours) for edge in edges]
    before, after, *_ = *looked_at, nothing, nothing
    return _Parts((monday, behind), days, (before, after))


_ENDED: LiteralString = """
    SELECT run.ended_nusd, run.ended_ms, run.unpriced_calls FROM runs_run AS run
    WHERE run.team_id = {team} AND run.simulated = {simulated} AND run.ended_ms >= 0 AND {of_crew}
    AND run.created_at >= {begin} AND run.created_at < {end}
"""
_OF_CREW: LiteralString = """
    ({crew}::bigint IS NULL OR run.crew_id = {crew}) AND ({version}::bigint IS NULL OR run.version_id = {version})
"""
# Measure, number, and median and 95th percentile in an array, so that values are sorted once.
_EXACT: LiteralString = """
    (WITH ended AS MATERIALIZED ({ended})
    SELECT {nth}, 'cost', count(*), percentile_disc({shares}) WITHIN GROUP (ORDER BY ended_nusd)
    FROM ended WHERE unpriced_calls = 0
    UNION ALL
    SELECT {nth}, 'duration', count(*), percentile_disc({shares}) WITHIN GROUP (ORDER BY ended_ms) FROM ended)
"""
# Measure, number and bucket: the buckets of weeks and days, and the runs of the hours at the period's ends.
_BUCKETS: LiteralString = """
    SELECT {nth}, measure, sum(runs)::bigint, ARRAY[bucket::bigint] FROM (
        SELECT run.measure, run.bucket, run.runs FROM runs_weekbucket AS run
        WHERE run.team_id = {team} AND run.simulated = {simulated}
        AND run.week >= {weeks_from} AND run.week < {weeks_to} AND {of_crew}
        UNION ALL
        SELECT run.measure, run.bucket, run.runs FROM runs_runbucket AS run
        WHERE run.team_id = {team} AND run.simulated = {simulated} AND run.measure = ANY({measures}) AND {of_crew}
        AND (run.day >= {days_from} AND run.day < {days_to} OR run.day >= {more_days_from} AND run.day < {more_days_to})
        UNION ALL
        SELECT measure, bucket::smallint, sign FROM (
            SELECT {before_sign} AS sign, edge.* FROM ({before}) AS edge
            UNION ALL SELECT {after_sign}, edge.* FROM ({after}) AS edge
        ) AS edges CROSS JOIN LATERAL (VALUES
            ('cost', {cost}, unpriced_calls = 0), ('duration', {duration}, true)
        ) AS figure (measure, bucket, known) WHERE known
    ) AS counted GROUP BY measure, bucket
"""


@cache
def _statement(kinds: Sequence[str]) -> str:
    return SQL(" UNION ALL ").join([_part(nth, kind) for nth, kind in enumerate(kinds)]).as_string()


def _part(nth: int, kind: str) -> Composed:
    """``nth``: of the scopes, by which its parameters are told apart."""
    own = {name: SQL(f"%({name}_{nth})s") for name in _NAMES}
    of_crew = SQL(_OF_CREW).format(**own)

    def ended(begin: str, end: str) -> Composed:
        bounds = {"begin": SQL(begin).format(**own), "end": SQL(end).format(**own)}
        return SQL(_ENDED).format(of_crew=of_crew, **own, **bounds)

    if kind == "exact":
        shares = SQL(f"ARRAY{list(SHARES)}::float8[]")
        return SQL(_EXACT).format(nth=SQL(str(nth)), ended=ended("{since}", "{until}"), shares=shares)
    return SQL(_BUCKETS).format(
        nth=SQL(str(nth)),
        of_crew=of_crew,
        measures=SQL(f"ARRAY{[measure.value for measure in Measure]}"),
        before=ended("{before_from}", "{before_to}"),
        after=ended("{after_from}", "{after_to}"),
        cost=SQL(bucket_of("ended_nusd::float8")),
        duration=SQL(bucket_of("ended_ms::float8")),
        **own,
    )
