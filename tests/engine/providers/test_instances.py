"""Values that a simulated model invents for a schema: they fit, and no schema makes them large."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.providers.instances import MAX_CHARS, MAX_VALUES, instance_of
from engine.spec.json_schema_checker import misfit

WIDE = {"type": "object", "properties": {f"p{n}": {"$ref": "#/$defs/n"} for n in range(100)}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}, "b": {"type": ["string", "null"]}}},
        {"type": "array", "minItems": 20, "items": {"type": "string", "minLength": 50}},
        {"$ref": "#/$defs/row", "$defs": {"row": {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}}}},
        {"anyOf": [{"type": "number", "maximum": -2}, {"type": "boolean"}]},
        {"const": 0},
        {"type": "string", "maxLength": 3},
    ],
)
def test_a_value_fits_its_schema(schema: dict[str, Any]) -> None:
    assert misfit(instance_of(schema, "text"), schema) == ""


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 10**12},
        {"type": "string", "minLength": 10**12},
        {"type": "array", "minItems": 1000, "items": {"type": "array", "minItems": 1000, "items": {"const": "x" * 99}}},
        {"$ref": "#/$defs/n", "$defs": {"n": WIDE}},
        {"type": "array", "minItems": 10**6, "items": {"type": "string", "minLength": 1000}},
    ],
)
def test_no_schema_asks_for_more_than_the_bounds(schema: dict[str, Any]) -> None:
    assert len(json.dumps(instance_of(schema, "text"))) < 30 * MAX_VALUES + 2 * MAX_CHARS
