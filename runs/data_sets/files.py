"""A version of a data set as a file, whose cells a spreadsheet carries nothing out of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from runs.batches.kept_inputs import rows_of
from runs.export.formats import Format
from runs.models import DataSetRow, DataSetVersion
from teams.texts.spreadsheets import csv_text, safe

PIECE = 500
"""Rows in one piece of the file."""


def pieces(version: DataSetVersion) -> Iterator[list[DataSetRow]]:
    """All rows some at a time."""
    piece: list[DataSetRow] = []
    for row in rows_of(version):
        piece.append(row)
        if len(piece) == PIECE:
            yield piece
            piece = []
    yield piece


def as_csv(version: DataSetVersion) -> Format:
    columns = list(version.columns)

    def lines(rows: Iterable[Any]) -> str:
        return csv_text([safe(row.cells.get(name, "")) for name in columns] for row in rows)

    return Format("csv", "text/csv; charset=utf-8", csv_text([list(map(safe, columns))]), lines)


def as_json_lines() -> Format:
    def lines(rows: Iterable[Any]) -> str:
        return "".join(f"{json.dumps(row.cells, ensure_ascii=False)}\n" for row in rows)

    return Format("jsonl", "application/jsonl; charset=utf-8", "", lines)
