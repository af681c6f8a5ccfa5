"""Percentiles of what runs cost and took: exact over a few thousand runs, else from the buckets of the rollups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from psycopg.sql import SQL

from runs.figures.scope import Scope
from runs.ledger.rollups.tables import GAMMA, NOTHING, PRECISION, bucket_of
from runs.months import midnight
from runs.sql import statement
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
    return _exact(scope) if runs <= MOST_EXACT else _from_buckets(scope)


def _exact(scope: Scope) -> Mapping[Measure, Percentiles]:
    found = {measure: (n, median, p95) for measure, n, median, p95 in _execute(_EXACT, scope)}
    return {measure: Percentiles(*found[measure], exact=True) for measure in Measure}


def _from_buckets(scope: Scope) -> Mapping[Measure, Percentiles]:
    counts: dict[str, list[tuple[int, int]]] = {measure: [] for measure in Measure}
    for measure, bucket, count in _execute(_BUCKETS, scope):
        counts[measure].append((bucket, count))
    return {measure: _among(counts[measure]) for measure in Measure}


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


def _parameters(scope: Scope) -> dict[str, Any]:
    first, last = full_days(scope)
    return {
        "team": scope.who.team.pk,
        "simulated": scope.simulated,
        "crew": scope.crew and scope.crew.pk,
        "version": scope.version and scope.version.pk,
        "since": scope.period.since,
        "until": scope.period.until,
        "first": first,
        "last": last,
        "edge_before": midnight(first),
        "edge_after": midnight(last),
    }


def full_days(scope: Scope) -> tuple[date, date]:
    """The first day that lies in the period as a whole, and the first behind it that no longer does."""
    since, until = scope.period.since, scope.period.until
    first = since.date() if since == midnight(since.date()) else since.date() + timedelta(days=1)
    return first, max(first, until.date())


def _execute(query: str, scope: Scope) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, _parameters(scope))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


_OF_CREW = SQL("""
    (%(crew)s::bigint IS NULL OR run.crew_id = %(crew)s)
    AND (%(version)s::bigint IS NULL OR run.version_id = %(version)s)
""")
_OF_TEAM = SQL("run.team_id = %(team)s AND run.simulated = %(simulated)s")
_ENDED = SQL("SELECT {values} FROM runs_run AS run WHERE {whose} AND run.ended_ms >= 0").format(
    values=SQL("run.ended_nusd, run.ended_ms, run.unpriced_calls"), whose=SQL(" AND ").join([_OF_TEAM, _OF_CREW])
)

_EXACT = statement(
    """
    WITH ended AS MATERIALIZED ({ended} AND run.created_at >= %(since)s AND run.created_at < %(until)s)
    SELECT 'cost', count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY ended_nusd),
           percentile_disc(0.95) WITHIN GROUP (ORDER BY ended_nusd) FROM ended WHERE unpriced_calls = 0
    UNION ALL
    SELECT 'duration', count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY ended_ms),
           percentile_disc(0.95) WITHIN GROUP (ORDER BY ended_ms) FROM ended
    """,
    ended=_ENDED,
)

# The buckets of the days that lie in the period as a whole, and the runs of the hours before and after.
_BUCKETS = statement(
    """
    WITH edges AS MATERIALIZED (
        {ended} AND run.created_at >= %(since)s AND run.created_at < least(%(edge_before)s, %(until)s)
        UNION ALL
        {ended} AND run.created_at >= greatest(%(edge_after)s, %(since)s) AND run.created_at < %(until)s)
    SELECT measure, bucket, sum(runs)::bigint FROM (
        SELECT run.measure, run.bucket::float8, run.runs FROM runs_runbucket AS run
        WHERE {of_team} AND run.day >= %(first)s AND run.day < %(last)s AND {of_crew}
        UNION ALL SELECT 'cost', {cost}, 1 FROM edges WHERE unpriced_calls = 0
        UNION ALL SELECT 'duration', {duration}, 1 FROM edges
    ) AS counted GROUP BY measure, bucket ORDER BY measure, bucket
    """,
    ended=_ENDED,
    of_team=_OF_TEAM,
    of_crew=_OF_CREW,
    cost=SQL(bucket_of("ended_nusd::float8")),
    duration=SQL(bucket_of("ended_ms::float8")),
)
