"""How the runs of a batch's rows are spread over what they cost and took: exact figures, and columns of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from django.db import connection
from psycopg.sql import SQL

from runs.gallery.spread import Spread, edges_between, spread_of
from runs.models import Batch
from runs.sql import statement

# Of each row its newest run, once it has ended.
_ENDED: LiteralString = """
    FROM runs_batchrow AS line JOIN runs_run AS run ON run.id = line.run_id AND run.batch_id = %(batch)s
    WHERE line.batch_id = %(batch)s AND run.ended_ms >= 0
"""
_FIGURES = statement(
    """
    SELECT count(*), min(ended_ms), max(ended_ms), round(avg(ended_ms))::bigint,
           percentile_disc(%(shares)s::float8[]) WITHIN GROUP (ORDER BY ended_ms),
           count(cost), min(cost), max(cost), round(avg(cost))::bigint,
           percentile_disc(%(shares)s::float8[]) WITHIN GROUP (ORDER BY cost)
    FROM (SELECT run.ended_ms, CASE WHEN run.unpriced_calls = 0 THEN run.ended_nusd END AS cost {ended}) AS ended
    """,
    ended=SQL(_ENDED),
)
# The edges are the lower ones of the columns.
_COUNTS = statement(
    """
    SELECT width_bucket(run.ended_ms, %(ms)s::bigint[]),
           CASE WHEN run.unpriced_calls = 0 THEN width_bucket(run.ended_nusd, %(money)s::bigint[]) END, count(*)
    {ended} GROUP BY 1, 2
    """,
    ended=SQL(_ENDED),
)
_SHARES = [0.5, 0.95]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of runs, in nano-dollars or milliseconds. ``median`` and ``p95`` are each that of a run."""

    measure: str  # money or ms
    runs: int
    least: int
    most: int
    mean: int
    median: int
    p95: int


@dataclass(frozen=True, slots=True)
class Measured:
    figures: Figures
    spread: Spread


def spreads_of(batch: Batch) -> Sequence[Measured]:
    """Cost before time; nothing before a run has ended. Of costs, those that are known in full. Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, {"batch": batch.pk, "shares": _SHARES})
        row = cursor.fetchone()
        found = [_figures(measure, *row[at : at + 5]) for measure, at in (("money", 5), ("ms", 0)) if row[at]]
        if not found:
            return ()
        edges = {each.measure: edges_between(each.least, each.most) for each in found}
        lower = {"money": [0], "ms": [0]} | {measure: of[:-1] for measure, of in edges.items()}
        cursor.execute(_COUNTS, {"batch": batch.pk, **lower})
        counts = {measure: [0] * (len(of) - 1) for measure, of in edges.items()}
        for ms, money, count in cursor.fetchall():
            for measure, place in (("ms", ms), ("money", money)):
                if place and measure in counts:  # below the first column is what has ended since
                    counts[measure][place - 1] += count
    return [
        Measured(each, spread_of(batch.simulated, each.measure, edges[each.measure], counts[each.measure]))
        for each in found
    ]


def _figures(measure: str, runs: int, least: int, most: int, mean: int, shares: Sequence[int]) -> Figures:
    return Figures(measure, runs, least, most, mean, *shares)
