"""JSON Schemas that people and models wrote, applied safely: nothing is fetched, nothing runs for ever.

How is ``json_schema_checker``'s business, which is imported with the first schema.
"""

from __future__ import annotations

from typing import Any

JsonSchema = dict[str, Any]


def schema_fault(schema: JsonSchema) -> str:
    """Why this cannot be used as a JSON Schema, or ""."""
    from engine.spec import json_schema_checker  # late: a good part of the whole engine's import time

    return json_schema_checker.schema_fault(schema)


def misfit(data: Any, schema: JsonSchema) -> str:
    """Which parts of the data do not fit the schema, or "". ``schema_fault`` must have found no fault in it."""
    from engine.spec import json_schema_checker  # late, as above

    return json_schema_checker.misfit(data, schema)
