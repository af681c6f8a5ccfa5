"""A batch's results as a file: a line for each row, with its inputs, what it gave, and what that cost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from runs.batches.queries import WAITING, all_rows
from runs.export.formats import UNPRICED, Format
from runs.models import Batch, BatchRow
from runs.money import usd_text
from runs.states import RunState
from teams.texts.spreadsheets import csv_text, safe

PIECE = 100
"""Rows in one piece of the file: their outputs may be long."""


def pieces(batch: Batch) -> Iterator[list[BatchRow]]:
    """All rows some at a time; an empty list if there are none."""
    piece: list[BatchRow] = []
    for row in all_rows(batch):
        piece.append(row)
        if len(piece) == PIECE:
            yield piece
            piece = []
    yield piece


def as_csv(batch: Batch) -> Format:
    """A column for each input, and for each field of the output where the crew's last task has a schema. Texts that
    people and models wrote are made safe for spreadsheets."""
    spec = CrewSpec.from_json(batch.version.spec)
    inputs, outputs = placeholders(spec), output_fields(spec)
    head = ["row", *map(safe, inputs), "status", "output", *(safe(f"output.{name}") for name in outputs)]
    head += ["cost_usd", "seconds", "run", "error"]

    def lines(rows: Iterable[Any]) -> str:
        return csv_text(_cells(row, inputs, outputs) for row in rows)

    return Format("csv", "text/csv; charset=utf-8", csv_text([head]), lines)


def as_json_lines() -> Format:
    def lines(rows: Iterable[Any]) -> str:
        return "".join(f"{json.dumps(result(row), ensure_ascii=False)}\n" for row in rows)

    return Format("jsonl", "application/jsonl; charset=utf-8", "", lines)


def result(row: BatchRow) -> dict[str, Any]:
    """Money as decimal text; what is not known or not there yet is null."""
    run = row.run
    succeeded = run is not None and run.state == RunState.SUCCEEDED
    return {
        "row": row.position,
        "inputs": row.inputs,
        "status": WAITING if run is None else run.state,
        "output": run.output_raw if run is not None and succeeded else None,
        "json": run.output_json if run is not None and succeeded else None,
        "cost_usd": None if run is None or run.unpriced_calls else usd_text(run.spent_nusd),
        "seconds": None if run is None or run.duration_ms is None else run.duration_ms / 1000,
        "run": None if run is None else str(run.pk),
        "error": None if run is None else run.error or None,
    }


def _cells(row: BatchRow, inputs: Sequence[str], outputs: Sequence[str]) -> list[Any]:
    found = result(row)
    data = found["json"] if isinstance(found["json"], Mapping) else {}
    unpriced = row.run is not None and row.run.unpriced_calls
    return [
        row.position,
        *(safe(row.inputs.get(name, "")) for name in inputs),
        found["status"],
        safe(found["output"] or ""),
        *(output_cell(data.get(name)) for name in outputs),
        UNPRICED if unpriced else found["cost_usd"] or "",
        "" if found["seconds"] is None else f"{found['seconds']:.3f}",
        found["run"] or "",
        safe(found["error"] or ""),
    ]


def output_cell(value: Any) -> Any:
    """A field of an answer as a spreadsheet's cell: numbers as they are, texts made safe, all else as JSON."""
    if value is None or isinstance(value, (int, float)):
        return "" if value is None else value
    return safe(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def output_fields(spec: CrewSpec) -> Sequence[str]:
    """The fields of what the last task answers, where a schema says them."""
    schema = (spec.tasks[-1].output_schema if spec.tasks else None) or {}
    properties = schema.get("properties")
    return [str(name) for name in properties] if isinstance(properties, Mapping) else []
