"""A bill divided by one dimension, or by two: rows and columns with their sums, and what is beyond the shown ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runs.bill_sums.sums import Sums
from runs.bills.lines import Line, added_by
from runs.bills.values import Value

SHOWN_ROWS, SHOWN_COLUMNS = 40, 6
MOST_CELLS = 5_000
"""So many cells are read at most, the dearest: the rest is told as one sum."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell sums to, and how many of its calls lack a price."""

    spent_nusd: int
    unpriced_calls: int


@dataclass(frozen=True, slots=True)
class Row:
    """``cells``: in the order of the columns, with the sum of the others at the end if there are any; None where there
    is nothing. Empty where the bill is divided by one dimension."""

    value: Value
    sums: Sums
    cells: Sequence[Cell | None] = ()


@dataclass(frozen=True, slots=True)
class Pivot:
    """``rest_nusd``: what all rows that are not shown sum to. Rows and rest sum to ``total_nusd``, as cells do to their
    rows and columns to the last row."""

    by: Sequence[str]
    columns: Sequence[Value]
    has_others: bool  # columns that are not shown
    rows: Sequence[Row]
    rest: int  # how many rows are not shown; at least 1 where something is left
    rest_nusd: int
    totals: Sequence[Cell]  # of the columns, the others' at the end
    total_nusd: int

    @property
    def most_nusd(self) -> int:
        return max((row.sums.spent_nusd for row in self.rows), default=0)


def pivot_of(
    by: Sequence[str],
    lines: Sequence[Line],
    total: Sums,
    *,
    rows: Sequence[Line] | None = None,
    columns: Sequence[Line] | None = None,
) -> Pivot:
    """``lines`` by one or two dimensions; ``total``: of all. If there are more lines than these, ``rows`` and
    ``columns`` are those by each dimension alone, and what no line has is among the others."""
    rows = added_by(lines, 0) if rows is None else rows
    shown = rows[:SHOWN_ROWS]
    shown_nusd = sum(row.sums.spent_nusd for row in shown)
    rest_nusd = total.spent_nusd - shown_nusd
    rest = len(rows) - len(shown) or int(rest_nusd != 0)
    if len(by) < 2:
        plain = [Row(row.values[0], row.sums) for row in shown]
        return Pivot(by, (), False, plain, rest, rest_nusd, (), total.spent_nusd)
    by_column = added_by(lines, 1) if columns is None else columns
    shown_columns = SHOWN_COLUMNS + (len(by_column) == SHOWN_COLUMNS + 1)  # one more takes no more room than "others"
    heads, has_others = [line.values[0] for line in by_column[:shown_columns]], len(by_column) > shown_columns
    cells = {line.values: line.sums for line in lines}
    places = {value: place for place, value in enumerate(heads)}
    totals: list[Cell] = [_cell(line.sums) for line in by_column[:shown_columns]]
    others = _others(total, totals)
    has_others = has_others or others is not None
    if has_others:
        totals.append(others or Cell(0, 0))
    return Pivot(
        by,
        heads,
        has_others,
        [_row(row, places, cells, has_others) for row in shown],
        rest,
        rest_nusd,
        totals,
        total.spent_nusd,
    )


def _row(row: Line, places: Mapping[Value, int], cells: Mapping[tuple[Value, ...], Sums], has_others: bool) -> Row:
    (value,) = row.values
    found: list[Cell | None] = []
    for head in places:
        sums = cells.get((value, head))
        found.append(None if sums is None else _cell(sums))
    if has_others:
        found.append(_others(row.sums, found))
    return Row(value, row.sums, found)


def _cell(sums: Sums) -> Cell:
    return Cell(sums.spent_nusd, sums.unpriced_calls)


def _others(whole: Sums, shown: Sequence[Cell | None]) -> Cell | None:
    """What is left of the whole; None if nothing is."""
    cells = [cell for cell in shown if cell is not None]
    spent = whole.spent_nusd - sum(cell.spent_nusd for cell in cells)
    unpriced = whole.unpriced_calls - sum(cell.unpriced_calls for cell in cells)
    return Cell(spent, unpriced) if spent or unpriced else None
