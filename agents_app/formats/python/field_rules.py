"""Reads a field's default, description and bounds (``Field(...)`` and its like) as keywords of JSON Schema."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from agents_app.formats.python.frames import Frame
from agents_app.formats.to_spec.fields import data_of
from agents_app.formats.to_spec.values import Constant, Value, settled

_KEYWORDS = {
    "description": "description",
    "title": "title",
    "examples": "examples",
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "pattern": "pattern",
    "regex": "pattern",
    "min_items": "minItems",
    "max_items": "maxItems",
}
_LENGTHS = {"min_length": ("minLength", "minItems"), "max_length": ("maxLength", "maxItems")}
_FACTORIES: dict[str, Any] = {"list": [], "dict": {}, "set": [], "str": "", "tuple": []}


@dataclass(frozen=True, slots=True)
class Rules:
    """What a default or ``Field(...)`` adds to a field's schema."""

    schema: dict[str, Any] = field(default_factory=dict)
    has_default: bool = False
    alias: str = ""


def rules_of(node: ast.expr | None, schema: dict[str, Any], frame: Frame) -> Rules:
    """The rules of a field's value in a class body, or of an argument of ``Annotated``."""
    if node is None:
        return Rules()
    if isinstance(node, ast.Call):
        return _of_call(node, schema, frame)
    if isinstance(node, ast.Constant) and node.value is ...:
        return Rules()
    return Rules(_default(frame.evaluate(node), frame), has_default=True)


def _of_call(node: ast.Call, schema: dict[str, Any], frame: Frame) -> Rules:
    keywords: dict[str, Any] = {}
    has_default, alias = False, ""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called in ("Field", "field") and node.args and not _is_ellipsis(node.args[0]):
        has_default = True
        keywords.update(_default(frame.evaluate(node.args[0]), frame))
    for keyword in node.keywords:
        if keyword.arg in ("default", "default_factory") and not _is_ellipsis(keyword.value):
            has_default = True
            keywords.update(
                _factory(keyword.value)
                if keyword.arg == "default_factory"
                else _default(frame.evaluate(keyword.value), frame)
            )
        elif keyword.arg == "alias" and isinstance(keyword.value, ast.Constant):
            alias = str(keyword.value.value)
        elif name := _keyword(keyword.arg or "", schema):
            value = _default(frame.evaluate(keyword.value), frame)
            keywords.update({name: value["default"]} if value else {})
    return Rules(keywords, has_default, alias)


def _keyword(name: str, schema: dict[str, Any]) -> str | None:
    if name in _LENGTHS:
        return _LENGTHS[name][schema.get("type") == "array"]
    return _KEYWORDS.get(name)


def _default(value: Value, frame: Frame) -> dict[str, Any]:
    """``{"default": value}`` if the value is literal; nothing if it is None or computed."""
    inner = settled(value)
    if isinstance(inner, Constant) and inner.value is None:
        return {}
    try:
        return {"default": data_of(inner, frame.world.budget)}
    except ValueError:
        return {}


def _factory(node: ast.expr) -> dict[str, Any]:
    return {"default": _FACTORIES[node.id]} if isinstance(node, ast.Name) and node.id in _FACTORIES else {}


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...
