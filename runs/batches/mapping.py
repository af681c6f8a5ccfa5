"""Which column of a table fills which input of a crew, the rows that come of it, and what is wrong, at its cell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from unicodedata import normalize

from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from runs.batches.order import MOST_FAULTS, Row, RowChecks
from runs.batches.table import InputTable

ONLY_OF_SETS = "Only a data set has columns to choose from: name one."
NO_COLUMN = ""
"""The input has the crew's own value in every row."""


@dataclass(frozen=True, slots=True)
class CellFault:
    """``line`` is that of the table; ``column`` "" for the row as a whole."""

    row: int  # from 1
    line: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class MappedTable:
    """``columns``: which column fills each input. ``faults`` are the first ``MOST_FAULTS``."""

    columns: Mapping[str, str]
    rows: Sequence[Row]
    faults: Sequence[CellFault]
    missing: Sequence[str]  # inputs that no column fills and the crew has no value for
    unused: Sequence[str]  # columns that fill no input
    doubled: Sequence[tuple[int, int]]  # a row, and the earlier one that has the same inputs

    @property
    def is_good(self) -> bool:
        return not self.faults and not self.missing


def proposed(spec: CrewSpec, columns: Sequence[str]) -> dict[str, str]:
    """For each input the column of its name, however it is spelled, else none. The only column is taken for the only
    input."""
    named = {_plain(column): column for column in reversed(columns)}
    names = placeholders(spec)
    found = {name: named.get(_plain(name), NO_COLUMN) for name in names}
    if len(names) == len(columns) == 1:
        found = {names[0]: columns[0]}
    return found


def of_inputs(named: Mapping[str, str]) -> dict[str, str]:
    """With the inputs' names as specs have them, however their accents were sent."""
    return {normalize("NFC", name): value for name, value in named.items()}


def filling(spec: CrewSpec, columns: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """For each input its column: the one that is chosen, where there is such a one, else the one that is proposed."""
    return {
        name: chosen[name] if chosen.get(name) in {*columns, NO_COLUMN} else column
        for name, column in proposed(spec, columns).items()
    }


def unfilled(spec: CrewSpec, columns: Sequence[str], chosen: Mapping[str, str]) -> list[str]:
    """Inputs that no column fills and the crew has no value for."""
    own, found = of_inputs(spec.inputs), filling(spec, columns, chosen)
    return [name for name, column in found.items() if column == NO_COLUMN and name not in own]


def mapped(spec: CrewSpec, table: InputTable, chosen: Mapping[str, str]) -> MappedTable:
    """``chosen`` names the column of an input where it is not the one that is proposed."""
    columns = filling(spec, table.columns, chosen)
    filled = {name: column for name, column in columns.items() if column != NO_COLUMN}
    rows = [_row(cells, filled) for _, cells in table.rows]
    missing = unfilled(spec, table.columns, chosen)
    faults = []
    if not missing:
        for fault in islice(RowChecks(spec).faults(rows), MOST_FAULTS):
            column = filled.get(fault.name, "")
            message = "It is empty." if column and fault.name not in rows[fault.row - 1] else fault.message
            faults.append(CellFault(fault.row, table.rows[fault.row - 1][0], column, message))
    used = set(filled.values())
    return MappedTable(
        columns=columns,
        rows=rows,
        faults=faults,
        missing=missing,
        unused=[column for column in table.columns if column not in used],
        doubled=_doubled(rows),
    )


def _row(cells: Mapping[str, str], filled: Mapping[str, str]) -> Row:
    """The inputs of one row. An empty cell is none, so that the crew's own value stands in, if it has one."""
    return {name: cells[column] for name, column in filled.items() if cells.get(column, "").strip()}


def _doubled(rows: Sequence[Row]) -> list[tuple[int, int]]:
    first: dict[tuple[tuple[str, str], ...], int] = {}
    found = []
    for number, row in enumerate(rows, 1):
        earlier = first.setdefault(tuple(sorted(row.items())), number)
        if earlier != number:
            found.append((number, earlier))
    return found


def _plain(name: str) -> str:
    """``companyname`` for "Company name" and ``company_name``."""
    return re.sub(r"[\W_]+", "", normalize("NFKC", name)).casefold()
