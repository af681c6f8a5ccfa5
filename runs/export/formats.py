"""Rows of runs as lines of a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from runs.export.columns import COLUMNS
from teams.texts.spreadsheets import csv_text, safe

UNPRICED = "unpriced"


@dataclass(frozen=True, slots=True)
class Format:
    """``begins``: the text before the first row. ``ends``: what comes behind the last one; of a file that can be given
    only once all rows are in it, the whole of it."""

    suffix: str
    content_type: str
    begins: str
    lines: Callable[[Iterable[Any]], str]
    ends: Callable[[], Iterator[bytes]] = lambda: iter(())


def csv_lines(rows: Iterable[Any]) -> str:
    """With the texts that people and models wrote made safe for spreadsheets."""
    return csv_text([_cell(name, value(row)) for name, value in COLUMNS.items()] for row in rows)


def json_lines(rows: Iterable[Any]) -> str:
    objects = ({name: value(row) for name, value in COLUMNS.items()} for row in rows)
    return "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in objects)


def _cell(name: str, value: Any) -> Any:
    if name == "seconds" and value is not None:
        return f"{value:.3f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    if value is None:
        return UNPRICED if name.endswith("_usd") else ""
    return safe(value) if isinstance(value, str) else value


CSV = Format("csv", "text/csv; charset=utf-8", ",".join(COLUMNS) + "\r\n", csv_lines)
JSON_LINES = Format("jsonl", "application/jsonl; charset=utf-8", "", json_lines)
