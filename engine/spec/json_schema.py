"""JSON Schemas and patterns that people wrote, applied without surprises: nothing is fetched, nothing runs for ever.

The checker is loaded with the first schema: it takes a good part of the engine's whole time to import.
"""

from __future__ import annotations

from typing import Any

JsonSchema = dict[str, Any]


def schema_fault(schema: JsonSchema) -> str:
    """Why this cannot be used as a JSON Schema, or ""."""
    from engine.spec import json_schema_checker

    return json_schema_checker.schema_fault(schema)


def misfit(data: Any, schema: JsonSchema) -> str:
    """What of the data does not fit a schema that ``schema_fault`` found no fault in, or ""."""
    from engine.spec import json_schema_checker

    return json_schema_checker.misfit(data, schema)
