"""Rows of batches and data sets as files, in bounded memory however many they are."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from crewsite_client.answers import BatchRow
from crewsite_client.command.files.rows_file import FORMS, Form
from crewsite_client.command.files.writing import written
from crewsite_client.command.here import Stop
from crewsite_client.sets.answers import DataSetRow

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet may take for a formula."""
MOST_COLUMNS = 2_000
"""Of a table. Names of columns are kept in memory, and models make up fields."""


def form_of(path: Path, usual: Form = "csv") -> Form:
    return FORMS.get(path.suffix.lower(), usual)


def write_results(path: Path, rows: Iterable[BatchRow], *, force: bool = True) -> int:
    """A line for each row, with its inputs and what it gave: JSON, or CSV whose texts no spreadsheet takes for
    formulas. How many rows.

    What columns there are is known after the last row alone, so rows wait for their table in a file beside it.
    """
    form = form_of(path)
    with written(path, force=force) as file:
        if form in ("json", "jsonl"):
            return write_json(file, rows, as_list=form == "json")
        with _spool(path.parent) as spool:
            inputs, fields, count = _kept(rows, spool)
            with _table(file, form) as writer:
                head = ["row", *map(_safe, inputs), "status", "output", *(_safe(f"output.{name}") for name in fields)]
                writer.writerow([*head, "cost_usd", "seconds", "run", "error"])
                spool.seek(0)
                for line in spool:
                    writer.writerow(_cells(json.loads(line), inputs, fields))
    return count


def write_rows(file: BinaryIO, form: Form, columns: Sequence[str], rows: Iterable[DataSetRow]) -> int:
    """The inputs of a data set, whose columns are known. How many rows."""
    if form in ("json", "jsonl"):
        return write_json(file, (row["inputs"] for row in rows), as_list=form == "json")
    count = 0
    with _table(file, form) as writer:
        writer.writerow(map(_safe, columns))
        for row in rows:
            writer.writerow(_safe(row["inputs"].get(name)) for name in columns)
            count += 1
    return count


def write_json(file: BinaryIO, rows: Iterable[Any], *, as_list: bool) -> int:
    """Half a pair of surrogates, which UTF-8 does not have, is written as JSON's own escape of it."""
    count = 0
    for row in rows:
        lead = ("[\n" if not count else ",\n") if as_list else ""
        text = lead + json.dumps(row, ensure_ascii=False) + ("" if as_list else "\n")
        file.write(text.encode("utf-8", "backslashreplace"))
        count += 1
    if as_list:
        file.write(b"\n]\n" if count else b"[]\n")
    return count


@contextmanager
def _spool(folder: Path) -> Iterator[TextIO]:
    """Beside its table: a folder for temporary files may lie in memory."""
    try:
        with tempfile.TemporaryFile("w+", encoding="ascii", dir=folder) as spool:
            yield spool
    except OSError as fault:
        raise Stop(f"Nothing can be written in {folder}: {fault.strerror}.") from fault


def _kept(rows: Iterable[BatchRow], spool: TextIO) -> tuple[list[str], list[str], int]:
    """The names of inputs and of fields of outputs, in the order in which they came, and how many rows."""
    inputs: dict[str, None] = {}
    fields: dict[str, None] = {}
    count = 0
    for row in rows:
        inputs.update(dict.fromkeys(row["inputs"]))
        fields.update(dict.fromkeys(_json_output(row)))
        if len(inputs) + len(fields) > MOST_COLUMNS:
            raise Stop(f"The results have more than {MOST_COLUMNS:,} columns: write them as .jsonl.")
        spool.write(json.dumps(row) + "\n")
        count += 1
    return list(inputs), list(fields), count


@contextmanager
def _table(file: BinaryIO, form: Form) -> Iterator[Any]:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="", write_through=False)
    yield csv.writer(text, delimiter="\t" if form == "tsv" else ",")
    text.flush()
    text.detach()


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


def _json_output(row: BatchRow) -> Mapping[str, Any]:
    output = row["output"]
    return output["json"] if output is not None and isinstance(output["json"], dict) else {}


def _safe(value: Any) -> Any:
    if value is None or isinstance(value, (int, float)):
        return "" if value is None else value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(FORMULA) else text
