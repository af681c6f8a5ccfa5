"""JSON Schemas that people and models wrote, applied in a child process: nothing is fetched, nothing runs for ever.

How is ``json_schema_checker``'s business, which only the child process imports.
"""

from __future__ import annotations

import json
from typing import Any

from engine import bounded
from engine.errors import TooBusy, TooMuchWork

JsonSchema = dict[str, Any]

MAX_SCHEMA_CHARS = 100_000

READING_SECONDS = 3.0

_findings = bounded.Findings(128)
_FAULT = "engine.spec.json_schema_checker:schema_fault"


def schema_fault(schema: JsonSchema, patience: bounded.Patience | None = None) -> str:
    """Why this cannot be used as a JSON Schema, or "". Blocks; raises ``TooBusy`` if patience ends before."""
    try:
        text = json.dumps(schema)
    except RecursionError:
        return "It is nested too deeply."
    if len(text) > MAX_SCHEMA_CHARS:
        return f"It has {len(text):,} characters; at most {MAX_SCHEMA_CHARS:,} are allowed."
    return _findings.of(text, lambda: _fault(text, patience))


def _fault(text: str, patience: bounded.Patience | None) -> str:
    try:
        return str(
            bounded.run_here(_FAULT, json.loads(text), what="Reading it", seconds=READING_SECONDS, patience=patience)
        )
    except TooBusy:
        raise
    except TooMuchWork as error:
        return str(error)


async def schema_fault_within(effort: bounded.Effort, schema: JsonSchema) -> str:
    """``schema_fault`` of one of many schemas, whose checks share one effort. Does not block."""
    try:
        return str(await bounded.run(_FAULT, schema, what="Reading it", seconds=READING_SECONDS, effort=effort))
    except TooMuchWork as error:
        return str(error)


async def misfit(data: Any, schema: JsonSchema, effort: bounded.Effort) -> str:
    """Which parts of the data do not fit the schema, or "". ``schema_fault`` must have found no fault in it.

    Raises ``TooMuchWork``: some schemas take for ever on some data.
    """
    what = "Checking the value against its schema"
    return str(await bounded.run("engine.spec.json_schema_checker:misfit", data, schema, what=what, effort=effort))
