"""Pages of a batch's rows in the order of any column.

A batch has ten thousand rows at most, and what they are sorted by changes while it runs: each page sorts them anew by
one column, of which it reads no more than the beginning, and then reads its own rows alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, LiteralString

from django.db import connection
from django.db.models import F, Func, QuerySet, TextField, Value
from django.db.models.functions import Cast, Left
from psycopg.sql import SQL

from runs.batches.queries import ROW_STATES, WAITING, known_state
from runs.batches.results.columns import COST, INPUT_OF, OUTPUT, OUTPUT_OF, ROW, SECONDS, STATUS, Column, Sort
from runs.models import Batch, BatchRow
from runs.paging import BEFORE, Page, not_ours
from runs.run.drawing.text import truncated
from runs.sql import statement

MAX_DIGITS = 9
"""Of a row's number in a cursor."""
SHOWN_CHARS = 200
LONG = ("inputs", "metadata", "output_raw", "output_json", "error")
"""Columns of a run that its row in the table has no more than the beginning of."""

_SUCCEEDED: LiteralString = "CASE WHEN run.state = 'succeeded' THEN"
_FIGURES: dict[str, LiteralString] = {
    STATUS: "array_position(%(states)s::text[], coalesce(run.state, %(waiting)s)::text)",
    COST: "CASE WHEN run.unpriced_calls = 0 THEN run.spent_nusd END",
    SECONDS: "nullif(run.ended_ms, -1)",
}
_TEXTS: dict[str, LiteralString] = {
    OUTPUT: f"{_SUCCEEDED} left(run.output_raw, 200) END",
    INPUT_OF: "left(line.inputs ->> %(field)s::text, 200)",
    OUTPUT_OF: f"{_SUCCEEDED} left(run.output_json ->> %(field)s::text, 200) END",
}
_IN_ORDER: LiteralString = """
    SELECT line.position
    FROM runs_batchrow AS line LEFT JOIN runs_run AS run ON run.id = line.run_id AND run.batch_id = %(batch)s
    WHERE line.batch_id = %(batch)s AND (%(state)s = '' OR coalesce(run.state, %(waiting)s) = %(state)s)
      AND (%(at)s = 0 OR line.position {beyond} %(at)s)
    ORDER BY line.position {way} LIMIT %(count)s
"""
_PAGE: LiteralString = """
    WITH keyed AS MATERIALIZED (
        SELECT line.position, coalesce(run.state, %(waiting)s) AS state, {key} AS key
        FROM runs_batchrow AS line LEFT JOIN runs_run AS run ON run.id = line.run_id AND run.batch_id = %(batch)s
        WHERE line.batch_id = %(batch)s),
    placed AS (SELECT position, state, row_number() OVER (ORDER BY {order}, position) AS place FROM {keyed} AS keyed)
    SELECT position FROM placed
    WHERE (%(state)s = '' OR state = %(state)s)
      AND (%(at)s = 0 OR place {beyond} (SELECT place FROM placed WHERE position = %(at)s))
    ORDER BY place {way} LIMIT %(count)s
"""
# What is a blank or a digit depends on the database's locale, and PostgreSQL reads numbers by ASCII's alone.
_VALUED: LiteralString = r"""
    (SELECT *, CASE WHEN key ~ '^ *-?[0-9]{1,15}(\.[0-9]{1,15})?([eE][-+]?[0-9]{1,2})? *$' THEN key::float8 END AS value
     FROM keyed OFFSET 0)
"""


def page_of_rows(batch: Batch, sort: Sort, *, state: str = "", cursor: str = "", limit: int) -> Page[int]:
    """The numbers of the rows, those in one of ``ROW_STATES`` if one is named. What has no value comes last in both
    directions; of texts, those that are numbers come first, by their value. A cursor is the number of a row, so a page
    goes on behind the place that this row has by now.

    ``Invalid`` for a state or a cursor that there is not. One query, a second one where a page before would be short.
    """
    before, at = cursor.startswith(BEFORE), position_of(cursor.removeprefix(BEFORE))
    found = _positions(batch, sort, known_state(state), at, before, limit + 1)
    goes_on, shown = len(found) > limit, found[:limit]
    if before:
        if not goes_on:  # somebody who goes back sees a whole first page
            return page_of_rows(batch, sort, state=state, limit=limit)
        shown.reverse()
    if not shown:
        return Page([], "")
    return Page(shown, f"{shown[-1]}" if goes_on or before else "", f"{BEFORE}{shown[0]}" if cursor else "")


def rows_at(batch: Batch, positions: Sequence[int]) -> list[BatchRow]:
    """These rows in this order, with their newest runs. One query."""
    return _in_order(BatchRow.objects.filter(batch=batch).select_related("run", "added_by", "api_token"), positions)


def beginnings_at(
    batch: Batch, positions: Sequence[int], columns: Sequence[Column]
) -> list[tuple[BatchRow, Mapping[str, str | None]]]:
    """The same without what may be long, with the beginning of each column's text, by the column's name; that of an
    error is under "error". One character more than ``SHOWN_CHARS``, to tell where a text goes on. One query."""
    named = {column.name: (f"text_{place}", _text_of(column)) for place, column in enumerate(columns)}
    texts = {alias: Left(text, SHOWN_CHARS + 1) for alias, text in named.values() if text is not None}
    rows = BatchRow.objects.filter(batch=batch).select_related("run")
    rows = rows.defer("inputs", *(f"run__{name}" for name in LONG))
    found = _in_order(rows.annotate(**texts, text_of_error=Left("run__error", SHOWN_CHARS + 1)), positions)
    aliases = {name: alias for name, (alias, text) in named.items() if text is not None} | {"error": "text_of_error"}
    return [(row, {name: getattr(row, alias) for name, alias in aliases.items()}) for row in found]


def _in_order(rows: QuerySet[BatchRow], positions: Sequence[int]) -> list[BatchRow]:
    found = {row.position: row for row in rows.filter(position__in=positions)}
    return [found[position] for position in positions if position in found]


def _text_of(column: Column) -> Any:
    if column.name == OUTPUT:
        return F("run__output_raw")
    if not column.field:
        return None
    source = "inputs" if column.is_input else "run__output_json"
    key = Cast(Value(column.field), TextField())
    return Func(F(source), key, template="(%(expressions)s)", arg_joiner=" ->> ", output_field=TextField())


def beginning(text: str | None) -> str | None:
    """As a page shows it, of one of the texts of ``beginnings_at``: with a mark where it goes on."""
    return None if text is None else truncated(text, SHOWN_CHARS)


def position_of(cursor: str) -> int:
    """The row's number in a cursor, 0 before the first. ``Invalid`` for a cursor that is not ours."""
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= MAX_DIGITS):
        raise not_ours()
    return int(cursor or 0)


def _positions(batch: Batch, sort: Sort, state: str, at: int, before: bool, count: int) -> list[int]:
    kind = sort.column.name if not sort.column.field else INPUT_OF if sort.column.is_input else OUTPUT_OF
    values: dict[str, Any] = {
        "batch": batch.pk,
        "field": sort.column.field,
        "state": state,
        "states": list(ROW_STATES),
        "waiting": WAITING,
        "at": at,
        "count": count,
    }
    with connection.cursor() as cursor:
        cursor.execute(_statement(kind, sort.descending, before), values)
        return [position for (position,) in cursor.fetchall()]


@lru_cache
def _statement(kind: str, descending: bool, before: bool) -> str:
    down, up = SQL("DESC"), SQL("")
    if kind == ROW:  # these have an index
        is_down = descending != before
        return statement(_IN_ORDER, beyond=SQL("<" if is_down else ">"), way=down if is_down else up)
    way: LiteralString = "DESC" if descending else ""
    is_text = kind in _TEXTS
    last: LiteralString = "'-infinity'" if descending else "'infinity'"
    by_text: LiteralString = f"key IS NULL, coalesce(value, {last}) {way}, lower(key) {way}"
    by_figure: LiteralString = f"key IS NULL, key {way}"
    return statement(
        _PAGE,
        key=SQL(_TEXTS[kind] if is_text else _FIGURES[kind]),
        order=SQL(by_text if is_text else by_figure),
        keyed=SQL(_VALUED if is_text else "keyed"),
        beyond=SQL("<" if before else ">"),
        way=down if before else up,
    )
