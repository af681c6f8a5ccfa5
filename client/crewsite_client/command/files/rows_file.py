"""Files of rows: inputs of a batch or a data set."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from crewsite_client.command.files.reading import json_of, read_text
from crewsite_client.command.here import Stop

Form = Literal["csv", "tsv", "json", "jsonl"]
FORMS: dict[str, Form] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
DELIMITERS = ",;\t|"
MOST_FILE_BYTES = 64_000_000
"""Columns that are no inputs are not sent, so that a file may be larger than what is."""
MOST_ROWS = 10_000
"""Of a batch, and of a version of a data set."""
csv.field_size_limit(10_000_000)


@dataclass(frozen=True, slots=True)
class Rows:
    """``columns`` in their order; a value that is not given is left out of its row."""

    columns: list[str]
    rows: list[dict[str, Any]]


def read_rows(path: str, form: Form | None = None) -> Rows:
    """``-`` is standard input. Raises ``Stop`` with the line of what is wrong."""
    form = form or FORMS.get(Path(path).suffix.lower())
    if form is None:
        raise Stop(f"{path}: say with --format whether it is {', '.join(sorted(set(FORMS.values())))}.")
    text = read_text(path, MOST_FILE_BYTES)
    if "\0" in text:
        raise Stop(f"{path} holds a NUL character in line {text[: text.index(chr(0))].count(chr(10)) + 1}.")
    found = _of_table(path, text, form) if form in ("csv", "tsv") else _of_json(path, text, form)
    if not found.rows:
        raise Stop(f"{path} has no rows.")
    return found


def _of_table(path: str, text: str, form: Form) -> Rows:
    head_line = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = "\t" if form == "tsv" else max(DELIMITERS, key=head_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] = []
    rows = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = _head(path, cells)
                continue
            if len(cells) > len(columns) and any(cells[len(columns) :]):
                raise Stop(f"{path}, line {reader.line_num}: {len(cells)} cells under {len(columns)} columns.")
            rows.append({name: cell for name, cell in zip(columns, cells, strict=False) if cell})
    except csv.Error as fault:
        raise Stop(f"{path}, line {reader.line_num}: {fault}.") from fault
    return Rows(columns, rows)


def _head(path: str, cells: Sequence[str]) -> list[str]:
    columns = [cell.strip() for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    doubled = next((name for name in columns if columns.count(name) > 1), None)
    if doubled is not None:
        raise Stop(f"{path}: there are two columns {doubled!r}." if doubled else f"{path}: columns without a name.")
    return columns


def _of_json(path: str, text: str, form: Form) -> Rows:
    items: list[Any] = []
    if form == "json":
        whole = json_of(path, text)
        items = whole if isinstance(whole, list) else [whole]
    else:
        lines = text.replace("\r\n", "\n").split("\n")
        items = [json_of(f"{path}, line {number}", line) for number, line in enumerate(lines, 1) if line.strip()]
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            raise Stop(f"{path}: row {number} is no object.")
    rows = [{name: value for name, value in item.items() if value is not None} for item in items]
    return Rows(list(dict.fromkeys(name for row in rows for name in row)), rows)


def check_count(rows: Sequence[Any]) -> None:
    """Raises ``Stop`` for more rows than are taken at once."""
    if len(rows) > MOST_ROWS:
        raise Stop(f"There are {len(rows):,} rows; at most {MOST_ROWS:,} are taken at once.")


def mapped(
    found: Rows, inputs: Iterable[str], chosen: Mapping[str, str], *, keep: bool = False
) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows by the crew's inputs, and the columns that were left out since they are none of them. A column fits an
    input of its name, be it in other letters or with blanks, or the one that ``chosen`` says. With ``keep`` none is
    left out: the inputs are the draft's, and an earlier version may have others. Raises ``Stop`` where two fit the
    same."""
    known = list(inputs)
    alike = {_alike(name): name for name in known}
    goes: dict[str, str] = {}
    for column in found.columns:
        target = chosen.get(column) or (column if column in known else alike.get(_alike(column)))
        if target is not None or keep:
            goes[column] = target or column
    strange = [name for name in chosen if name not in found.columns]
    if strange:
        raise Stop(f"There is no column {strange[0]!r}; there are {', '.join(found.columns)}.")
    targets = list(goes.values())
    doubled = next((name for name in targets if targets.count(name) > 1), None)
    if doubled:
        raise Stop(f"Two columns fit the input {doubled!r}: say which with --map COLUMN={doubled}.")
    rows = [{goes[name]: value for name, value in row.items() if name in goes} for row in found.rows]
    check_count(rows)
    return rows, [name for name in found.columns if name not in goes]


def _alike(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum())
