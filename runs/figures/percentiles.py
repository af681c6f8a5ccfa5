"""Percentiles of what runs cost and took: exact over a few thousand runs, else from the buckets of the rollups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, LiteralString

from django.db import connection
from psycopg.sql import SQL

from runs.figures.scope import Scope
from runs.ledger.rollups import GAMMA, NOTHING, PRECISION, bucket_of
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


def percentiles(scope: Scope, measure: Measure, *, runs: int) -> Percentiles:
    """``runs`` is how many the scope has, as ``sums`` counts them: it decides how they are read. One statement."""
    return _exact(scope, measure) if runs <= MOST_EXACT else _from_buckets(scope, measure)


def _exact(scope: Scope, measure: Measure) -> Percentiles:
    n, median, p95 = _execute(_EXACT, _parameters(scope, measure))[0]
    return Percentiles(n, median, p95, exact=True)


def _from_buckets(scope: Scope, measure: Measure) -> Percentiles:
    counts = _execute(_BUCKETS[measure], _parameters(scope, measure))
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


def _parameters(scope: Scope, measure: Measure) -> dict[str, Any]:
    first, last = full_days(scope)
    return {
        "team": scope.who.team.pk,
        "simulated": scope.simulated,
        "crew": scope.crew and scope.crew.pk,
        "version": scope.version and scope.version.pk,
        "since": scope.period.since,
        "until": scope.period.until,
        "measure": measure.value,
        "first": first,
        "last": last,
        "edge_before": _midnight(first),
        "edge_after": _midnight(last),
    }


def full_days(scope: Scope) -> tuple[date, date]:
    """The first day that lies in the period as a whole, and the first behind it that no longer does."""
    since, until = scope.period.since, scope.period.until
    first = since.date() if since == _midnight(since.date()) else since.date() + timedelta(days=1)
    return first, max(first, until.date())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _execute(query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


_OF_CREW = SQL("""
    (%(crew)s::bigint IS NULL OR run.crew_id = %(crew)s)
    AND (%(version)s::bigint IS NULL OR run.version_id = %(version)s)
""")
_OF_TEAM = SQL("run.team_id = %(team)s AND run.simulated = %(simulated)s")

_EXACT = statement(
    """
    SELECT count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY value),
           percentile_disc(0.95) WITHIN GROUP (ORDER BY value)
    FROM (SELECT CASE WHEN %(measure)s = 'cost' THEN run.ended_nusd ELSE run.ended_ms END AS value
          FROM runs_run AS run
          WHERE {of_team} AND run.created_at >= %(since)s AND run.created_at < %(until)s AND {of_crew}
            AND run.ended_ms >= 0 AND (%(measure)s <> 'cost' OR run.unpriced_calls = 0)) AS ended
    """,
    of_team=_OF_TEAM,
    of_crew=_OF_CREW,
)

# A run's value, and whether it has one.
_VALUES: Mapping[Measure, tuple[LiteralString, LiteralString]] = {
    Measure.COST: ("run.ended_nusd::float8", "run.unpriced_calls = 0"),
    Measure.DURATION: ("run.ended_ms::float8", "true"),
}


def _with_buckets(measure: Measure) -> str:
    """Reads the buckets of the days that lie in the period as a whole, and the runs of the hours before and after."""
    value, is_known = _VALUES[measure]
    return statement(
        """
        SELECT bucket, sum(runs)::bigint FROM (
            SELECT run.bucket, run.runs FROM runs_runbucket AS run
            WHERE {of_team} AND run.measure = %(measure)s AND run.day >= %(first)s AND run.day < %(last)s AND {of_crew}
            UNION ALL
            SELECT {bucket}, 1 FROM runs_run AS run
            WHERE {in_all} AND run.created_at >= %(since)s AND run.created_at < least(%(edge_before)s, %(until)s)
            UNION ALL
            SELECT {bucket}, 1 FROM runs_run AS run
            WHERE {in_all} AND run.created_at >= greatest(%(edge_after)s, %(since)s) AND run.created_at < %(until)s
        ) AS counted GROUP BY bucket ORDER BY bucket
        """,
        of_team=_OF_TEAM,
        of_crew=_OF_CREW,
        in_all=SQL(" AND ").join([_OF_TEAM, _OF_CREW, SQL("run.ended_ms >= 0"), SQL(is_known)]),
        bucket=SQL(bucket_of(value)),
    )


_BUCKETS = {measure: _with_buckets(measure) for measure in Measure}
