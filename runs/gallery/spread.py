"""How the runs of a template are spread over what they cost and took: columns of a small picture, and its table."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.db import connection

from runs.gallery.figures import MAX_RUNS, NEWEST_OF_CONTENT
from runs.sql import statement
from teams.access import Principal

COLUMNS = 12
WIDTH, HEIGHT, GAP = 20, 60, 2

_VALUES = statement(
    """
    SELECT run.simulated, run.ended_nusd, run.ended_ms, run.unpriced_calls = 0
    FROM (VALUES (%(content)s::text)) AS about (about)
    CROSS JOIN LATERAL ({newest}) AS run
    WHERE run.ended_ms >= 0
    """,
    newest=NEWEST_OF_CONTENT,
)


@dataclass(frozen=True, slots=True)
class Column:
    """Runs from ``low`` up to but not ``high``; the last column has its ``high`` too. Places are of the picture."""

    low: int
    high: int
    runs: int
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one kind and measure. ``measure`` is ``money`` in nano-dollars or ``ms``; columns are equally wide in ratio
    where the values span more than tenfold, else in difference."""

    simulated: bool
    measure: str
    columns: Sequence[Column]
    height: int = HEIGHT
    column_width: int = WIDTH

    @property
    def width(self) -> int:
        return len(self.columns) * (WIDTH + GAP) - GAP

    @property
    def runs(self) -> int:
        return sum(column.runs for column in self.columns)


def spreads(who: Principal, content: str) -> list[Spread]:
    """Real runs first, cost before time; none for a kind without runs that ended. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_VALUES, {"team": who.team.pk, "content": content, "most": MAX_RUNS})
        rows = cursor.fetchall()
    found = []
    for kind in (False, True):
        of_kind = [row for row in rows if row[0] is kind]
        costs, times = [row[1] for row in of_kind if row[3]], [row[2] for row in of_kind]
        found += [spread(kind, name, values) for name, values in (("money", costs), ("ms", times)) if values]
    return found


def spread(simulated: bool, measure: str, values: Sequence[int]) -> Spread:
    """The picture of at least one value."""
    rising = sorted(values)
    edges = edges_between(rising[0], rising[-1])
    below = [bisect_left(rising, edge) for edge in edges[:-1]] + [len(rising)]
    counts = [after - before for before, after in pairwise(below)]
    most = max(counts)
    columns = [
        Column(low, high, count, place * (WIDTH + GAP), HEIGHT - _height(count, most), _height(count, most))
        for place, ((low, high), count) in enumerate(zip(pairwise(edges), counts, strict=True))
    ]
    return Spread(simulated, measure, columns)


def edges_between(least: int, most: int) -> list[int]:
    """Whole numbers that grow. One column is enough where all runs are alike."""
    if least > 0 and most > 10 * least:
        ratio = (most / least) ** (1 / COLUMNS)
        inner = [math.floor(least * ratio**place) for place in range(1, COLUMNS)]
    else:
        inner = [least + (most - least) * place // COLUMNS for place in range(1, COLUMNS)]
    between = sorted({edge for edge in inner if least < edge < most})
    return [least, *between, max(most, least + 1)]


def _height(count: int, most: int) -> float:
    return round(max(1.5, HEIGHT * count / most), 1) if count else 0.0
