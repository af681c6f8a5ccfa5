"""How the runs of a batch's rows are spread over what they cost and took: exact figures, and columns of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from runs.gallery.spread import Spread, spread
from runs.models import Batch
from runs.splits.interval import p95_rank
from runs.sql import statement

# Of each row its newest run, once it has ended. As two arrays, which are read once: PostgreSQL would go through the
# runs twice, since where the columns begin depends on the least and the most.
_ENDED = statement(
    """
    SELECT array_agg(run.ended_ms), array_agg(run.ended_nusd) FILTER (WHERE run.unpriced_calls = 0)
    FROM runs_batchrow AS line JOIN runs_run AS run ON run.id = line.run_id AND run.batch_id = %(batch)s
    WHERE line.batch_id = %(batch)s AND run.ended_ms >= 0
    """
)


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
    """Cost before time; nothing before a run has ended. Of costs, those that are known in full. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_ENDED, {"batch": batch.pk})
        times, costs = cursor.fetchone()
    return [
        Measured(_figures(measure, values), spread(batch.simulated, measure, values))
        for measure, values in (("money", costs), ("ms", times))
        if values
    ]


def _figures(measure: str, values: Sequence[int]) -> Figures:
    rising, count = sorted(values), len(values)
    return Figures(
        measure,
        runs=count,
        least=rising[0],
        most=rising[-1],
        mean=(2 * sum(rising) + count) // (2 * count),
        median=rising[(count - 1) // 2],
        p95=rising[p95_rank(count) - 1],
    )
