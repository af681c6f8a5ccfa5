"""Files of rows: inputs of a batch on the way in, its results on the way out."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from crewsite_client.answers import BatchRow
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
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet may take for a formula."""
csv.field_size_limit(10_000_000)


@dataclass(frozen=True, slots=True)
class Rows:
    """``columns`` in their order; a value that is not given is left out of its row."""

    columns: list[str]
    rows: list[dict[str, Any]]


def read_rows(path: str, form: Form | None = None) -> Rows:
    """``-`` is standard input. Raises ``Stop`` with the line of what is wrong."""
    if path == "-":
        raw = sys.stdin.buffer.read()
    else:
        try:
            raw = Path(path).read_bytes()
        except OSError as fault:
            raise Stop(f"{path} cannot be read: {fault.strerror}.") from fault
    form = form or FORMS.get(Path(path).suffix.lower())
    if form is None:
        raise Stop(f"{path}: say with --format whether it is {', '.join(sorted(set(FORMS.values())))}.")
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as fault:
        raise Stop(f"{path} is not UTF-8 (byte {fault.start + 1}).") from fault
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
        whole = _json(path, text)
        items = whole if isinstance(whole, list) else [whole]
    else:
        lines = text.replace("\r\n", "\n").split("\n")
        items = [_json(f"{path}, line {number}", line) for number, line in enumerate(lines, 1) if line.strip()]
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            raise Stop(f"{path}: row {number} is no object.")
    rows = [{name: value for name, value in item.items() if value is not None} for item in items]
    return Rows(list(dict.fromkeys(name for row in rows for name in row)), rows)


def _json(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as fault:
        reason = f"{fault.msg} at column {fault.colno}" if isinstance(fault, json.JSONDecodeError) else str(fault)
        raise Stop(f"{where}: no JSON: {reason}.") from fault


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
    return rows, [name for name in found.columns if name not in goes]


def _alike(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum())


def write_results(path: Path, rows: Iterable[BatchRow]) -> int:
    """A line for each row, with its inputs and what it gave: JSON Lines, or CSV whose texts no spreadsheet takes for
    formulas. How many rows."""
    if FORMS.get(path.suffix.lower()) in ("json", "jsonl"):
        return _write_json(path, rows)
    kept = list(rows)
    inputs = list(dict.fromkeys(name for row in kept for name in row["inputs"]))
    fields = list(dict.fromkeys(name for row in kept for name in _json_output(row)))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix.lower() in (".tsv", ".tab") else ",")
        head = ["row", *map(_safe, inputs), "status", "output", *(_safe(f"output.{name}") for name in fields)]
        writer.writerow([*head, "cost_usd", "seconds", "run", "error"])
        for row in kept:
            writer.writerow(_cells(row, inputs, fields))
    return len(kept)


def _cells(row: BatchRow, inputs: Sequence[str], fields: Sequence[str]) -> list[Any]:
    output, error, took = row["output"], row["error"], row["duration_ms"]
    given = _json_output(row)
    return [
        row["row"],
        *(_safe(row["inputs"].get(name)) for name in inputs),
        row["status"],
        _safe(output["raw"] if output else None),
        *(_safe(given.get(name)) for name in fields),
        row["cost_usd"] or "",
        "" if took is None else f"{took / 1000:.3f}",
        row["run"] or "",
        _safe(error["message"] if error else None),
    ]


def _write_json(path: Path, rows: Iterable[BatchRow]) -> int:
    count = 0
    as_list = FORMS[path.suffix.lower()] == "json"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            lead = ("[\n" if not count else ",\n") if as_list else ""
            file.write(lead + json.dumps(row, ensure_ascii=False) + ("" if as_list else "\n"))
            count += 1
        if as_list:
            file.write("\n]\n" if count else "[]\n")
    return count


def _json_output(row: BatchRow) -> Mapping[str, Any]:
    output = row["output"]
    return output["json"] if output is not None and isinstance(output["json"], dict) else {}


def _safe(value: Any) -> Any:
    if value is None or isinstance(value, (int, float)):
        return "" if value is None else value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(FORMULA) else text
