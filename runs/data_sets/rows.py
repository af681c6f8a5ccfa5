"""What rows of a data set may be. They are checked before any is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from engine.spec.placeholders import input_texts
from engine.text import is_storable
from runs.batches.order import MAX_CHARS, MAX_ROWS, MOST_FAULTS, BadRows, Row, RowFault
from runs.batches.table import MAX_COLUMN_CHARS, MAX_COLUMNS, InputTable
from runs.launch.order import MAX_INPUT_CHARS
from teams.refusals import Invalid

NOT_KEPT = "The rows were not kept."


@dataclass(frozen=True, slots=True)
class NewRows:
    """Checked rows. ``chars``: of all their cells together."""

    columns: Sequence[str]
    rows: Sequence[Row]
    chars: int


def of_table(table: InputTable) -> NewRows:
    """Of a table as people paste it. An empty cell is none."""
    rows = [{name: text for name, text in cells.items() if text.strip()} for _, cells in table.rows]
    return checked(rows, table.columns)


def of_json(inputs: Sequence[Mapping[str, Any]]) -> NewRows:
    """Of rows as the API takes them; what is null is not given."""
    return checked([input_texts(row) for row in inputs])


def checked(rows: Sequence[Row], columns: Sequence[str] = (), *, before: int = 0, chars_before: int = 0) -> NewRows:
    """``columns`` come first, then what else the rows have. ``before`` rows, so long together, are there already.
    ``Invalid`` for too much or none, ``BadRows`` for what no text here can be."""
    if not rows:
        raise Invalid(NOT_KEPT, fields={"inputs": "Give one row at least."})
    if before + len(rows) > MAX_ROWS:
        raise Invalid(NOT_KEPT, fields={"inputs": f"A data set has at most {MAX_ROWS:,} rows."})
    chars = sum(len(text) for row in rows for text in row.values())
    if chars_before + chars > MAX_CHARS:
        raise Invalid(NOT_KEPT, fields={"inputs": f"At most {MAX_CHARS:,} characters in all rows together."})
    columns = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    if len(columns) > MAX_COLUMNS:
        raise Invalid(NOT_KEPT, fields={"inputs": f"At most {MAX_COLUMNS} columns."})
    if faults := list(islice(_faults(rows), MOST_FAULTS)):
        raise BadRows(NOT_KEPT, faults)
    return NewRows(columns, rows, chars)


def _faults(rows: Sequence[Row]) -> Iterator[RowFault]:
    for number, row in enumerate(rows, 1):
        for name, text in row.items():
            if not 0 < len(name) <= MAX_COLUMN_CHARS:
                yield RowFault(
                    number, name[:MAX_COLUMN_CHARS], f"A column's name has 1 to {MAX_COLUMN_CHARS} characters."
                )
            if len(text) > MAX_INPUT_CHARS:
                yield RowFault(number, name, f"At most {MAX_INPUT_CHARS:,} characters.")
            if not (is_storable(text) and is_storable(name)):
                yield RowFault(number, name, "It holds a NUL or half a character, which no text here can have.")
