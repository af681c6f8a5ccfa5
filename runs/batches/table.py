"""A table as people paste or upload it: CSV with any delimiter, cells copied from a spreadsheet, JSON or JSON Lines.

Only what it holds is read here: nothing in it is ever carried out, and what it means to a crew is ``mapping``'s.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from typing import Any

from engine import strict_json
from engine.spec.placeholders import input_texts
from engine.strict_json import JsonFault
from engine.text import counted
from runs.batches.order import MAX_ROWS
from runs.reconciliation.reading.decoding import decoded
from runs.reconciliation.reading.lines import Unreadable
from teams.refusals import Invalid

MAX_BYTES = 3_000_000
MAX_COLUMNS = 200
MAX_COLUMN_CHARS = 100
DELIMITERS = ("\t", ";", ",", "|")
LONGEST_CELL = 1_000_001
_LINE_END = re.compile(r"\r\n|\r|\n")
"""What ends a line. Texts in JSON may hold others of Unicode, such as U+2028, as they are."""


@dataclass(frozen=True, slots=True)
class InputTable:
    """``rows``: the cells by column, each with the line on which it begins; what a row does not have is not in it."""

    columns: Sequence[str]
    rows: Sequence[tuple[int, dict[str, str]]]
    notes: Sequence[str] = ()  # what was guessed or left out


def read_upload(data: bytes) -> tuple[str, Sequence[str]]:
    """The text of an uploaded file, and what was guessed about it. ``Invalid`` for what is no text."""
    if len(data) > MAX_BYTES:
        raise _invalid(
            f"The file has {len(data) / 1e6:.1f} MB; at most {MAX_BYTES // 1_000_000} MB are read. Split it."
        )
    try:
        return decoded(data)
    except Unreadable as fault:
        raise _invalid(str(fault)) from fault


def read_table(text: str) -> InputTable:
    """``Invalid`` at the field ``table`` for what is no table, with the line where there is one."""
    text = text.removeprefix("\ufeff")
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise _invalid(f"The table is longer than {MAX_BYTES // 1_000_000} MB. Split it.")
    if not text.strip():
        raise _invalid("There is no table yet: paste one, or choose a file.")
    table = _json_table(text) if text.lstrip()[0] in "[{" else _delimited(text)
    if not table.rows:
        raise _invalid("It has a head and no rows.")
    if len(table.rows) > MAX_ROWS:
        raise _invalid(f"It has more than {MAX_ROWS:,} rows; a batch has at most {MAX_ROWS:,}. Split it.")
    if len(table.columns) > MAX_COLUMNS:
        raise _invalid(f"It has {len(table.columns):,} columns; at most {MAX_COLUMNS} are read.")
    if long := next((name for name in table.columns if len(name) > MAX_COLUMN_CHARS), ""):
        raise _invalid(f"The column {long[:40]}… has a name of more than {MAX_COLUMN_CHARS} characters.")
    return table


# --- JSON -------------------------------------------------------------------------------------------------------------
def _json_table(text: str) -> InputTable:
    try:
        read = strict_json.read(text)
    except JsonFault as fault:
        if text.lstrip().startswith("["):
            raise _invalid(f"It begins as JSON and is none: {fault}.") from fault
        return _of_objects(_json_lines(text))
    if isinstance(read, dict):
        read = [read]
    return _of_objects(enumerate(read, 1), "Entry")


def _json_lines(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(_LINE_END.split(text), 1):
        if line.strip():
            try:
                yield number, strict_json.read(line)
            except JsonFault as fault:
                raise _invalid(f"Line {number} is no JSON: {fault.reason}.") from fault


def _of_objects(values: Iterable[tuple[int, Any]], what: str = "Line") -> InputTable:
    rows = []
    for number, value in islice(values, MAX_ROWS + 1):
        if not isinstance(value, dict):
            raise _invalid(f'{what} {number} is no object: write the inputs by name, as in {{"topic": "bees"}}.')
        rows.append((number, input_texts(value)))
    return InputTable(list(dict.fromkeys(name for _, row in rows for name in row)), rows)


# --- Cells between delimiters -----------------------------------------------------------------------------------------
def _delimited(text: str) -> InputTable:
    hint = re.match(r"sep=(.)\r?\n", text, re.IGNORECASE)
    text = text[hint.end() :] if hint else text
    begins = text.lstrip("\r\n")
    head_text = _LINE_END.split(begins, maxsplit=1)[0]
    delimiter = hint[1] if hint else max(DELIMITERS, key=lambda sign: len(_cells(head_text, sign)))
    records = _records(text, delimiter, first=2 if hint else 1)
    _, head = next(records, (0, []))
    if not head:
        raise _invalid("Its cells are all empty. The first line names the columns.")
    columns = [cell.strip() for cell in head]
    while columns and not columns[-1]:
        columns.pop()
    _look_at(columns)
    rows = []
    for line, record in islice(records, MAX_ROWS + 1):
        if any(cell.strip() for cell in record[len(columns) :]):
            raise _invalid(
                f"Line {line} has {counted(len(record), 'cell')} and the head {len(columns)}. "
                "Put a text that holds the delimiter into quotation marks."
            )
        rows.append((line, dict(zip(columns, record, strict=False))))
    return InputTable(columns, rows)


def _look_at(columns: Sequence[str]) -> None:
    if blank := columns.count(""):
        raise _invalid(f"{counted(blank, 'column')} of the head {'has' if blank == 1 else 'have'} no name.")
    if len(columns) > MAX_COLUMNS:
        raise _invalid(f"It has {len(columns):,} columns; at most {MAX_COLUMNS} are read.")
    if doubled := next((name for name in columns if columns.count(name) > 1), ""):
        raise _invalid(f"Two columns are called {doubled[:60]}. Rename one.")


def _records(text: str, delimiter: str, *, first: int) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the line on which it begins."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        begins = first + reader.line_num
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _invalid(f"Line {begins}: {_in_words(error)}") from error
        if any(cell.strip() for cell in record):
            yield begins, record


def _in_words(error: csv.Error) -> str:
    if "unexpected end" in str(error):
        return "a quotation mark opens a text that is never closed."
    if "field larger" in str(error):
        return "a cell is longer than any input may be; perhaps a quotation mark is never closed."
    return "a quotation mark stands in the midst of a text. Within quotation marks, write two of them for one."


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _invalid(message: str) -> Invalid:
    return Invalid("The table could not be read.", fields={"table": message})
