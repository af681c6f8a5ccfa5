"""The log as a file. An entry says the same in CSV, as a line of JSON and in the API's answer; in CSV an apostrophe
stands before what a spreadsheet would take for a formula."""

from __future__ import annotations

import json
from collections.abc import Iterable

from teams.models import AuditEntry
from teams.refusals import Invalid
from teams.texts.spreadsheets import csv_text, safe
from teams.texts.times import time_text

MAX_ROWS = 20_000
"""Of one file, so that it is written while somebody waits for it."""
COLUMNS = (
    "id",
    "at",
    "person",
    "person_id",
    "way",
    "token",
    "address",
    "action",
    "kind",
    "object",
    "object_id",
    "detail",
)


def as_dict(entry: AuditEntry) -> dict[str, object]:
    """An entry for programs."""
    values = {name: getattr(entry, name) for name in COLUMNS}
    return values | {"at": time_text(entry.at), "way": str(entry.way)}


def csv_of(entries: Iterable[AuditEntry]) -> str:
    """With a line of heads; no text of it is a spreadsheet's formula."""
    return csv_text([COLUMNS, *(_cells(entry) for entry in entries)])


def _cells(entry: AuditEntry) -> list[object]:
    values = as_dict(entry) | {"detail": json.dumps(entry.detail, ensure_ascii=False)}
    return [safe(value) if isinstance(value, str) else value for value in values.values()]


def lines_of(entries: Iterable[AuditEntry]) -> str:
    """A JSON object a line."""
    return "".join(f"{json.dumps(as_dict(entry), ensure_ascii=False)}\n" for entry in entries)


def refuse_too_many(entries: list[AuditEntry]) -> None:
    """A part of the log is never taken for the whole."""
    if len(entries) > MAX_ROWS:
        raise Invalid(f"These are more than {MAX_ROWS:,} entries. Choose fewer days.")
