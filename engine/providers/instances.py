"""Invents values that fit a JSON Schema, for simulated models.

The schema may be a stranger's: one of a hundred characters can ask for gigabytes, so values and characters are counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MAX_DEPTH = 8
MAX_VALUES = 2000
MAX_CHARS = 100_000
"""Of all texts, constants and defaults together."""


USUAL_ITEMS = 3
"""Of an array that asks for no number of them."""


def instance_of(schema: dict[str, Any], text: str | Callable[[str], str]) -> Any:
    """A value that fits the schema, if that uses the common keywords only. Every text in it is ``text``, or what that
    gives for the name of the property that it stands in ("" in none).

    One that would be larger than the bounds above is cut short, and does not fit.
    """
    return _Inventor(schema, text if callable(text) else lambda name: text).value(schema, 0)


class _Inventor:
    """Values for the parts of ``root``. ``text_of``: what to write in a property of that name."""

    def __init__(self, root: dict[str, Any], text_of: Callable[[str], str]) -> None:
        self._root = root
        self._text_of = text_of
        self._values_left = MAX_VALUES
        self._chars_left = MAX_CHARS

    def value(self, schema: Any, depth: int, name: str = "") -> Any:
        self._values_left -= 1
        if depth > MAX_DEPTH or self._values_left < 0 or not isinstance(schema, dict):
            return None
        if "$ref" in schema:
            return self.value(_referred(schema["$ref"], self._root), depth + 1, name)
        if fixed := _fixed(schema):
            return self._counted(fixed[0])
        for choice in ("anyOf", "oneOf", "allOf"):
            if schema.get(choice):
                return self.value(schema[choice][0], depth + 1, name)
        return self._of_kind(schema, depth, name)

    def _of_kind(self, schema: dict[str, Any], depth: int, name: str) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return self._object(schema.get("properties", {}), depth)
        if kind == "array":
            return self._array(schema.get("items", {}), _item_count(schema), depth, name)
        if kind == "string":
            return self._string(schema, name)
        if kind in ("integer", "number"):
            least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            return min(least, schema["maximum"]) if "maximum" in schema else least
        return True if kind == "boolean" else None

    def _object(self, properties: dict[str, Any], depth: int) -> dict[str, Any]:
        made = {}
        for name, part in properties.items():
            if self._values_left <= 0:
                break
            made[name] = self.value(part, depth + 1, name)
        return made

    def _array(self, items: Any, count: int, depth: int, name: str) -> list[Any]:
        made: list[Any] = []
        while len(made) < count and self._values_left > 0:
            made.append(self.value(items, depth + 1, name))
        return made

    def _string(self, schema: dict[str, Any], name: str) -> str:
        text = self._text_of(name)
        least, most = schema.get("minLength", 0), schema.get("maxLength", MAX_CHARS)
        length = max(0, min(max(int(least), len(text)), int(most), self._chars_left))
        self._chars_left -= length
        return (text * (1 + length // max(1, len(text))))[:length]

    def _counted(self, value: Any) -> Any:
        """A constant of the schema, as often as its characters may be repeated."""
        self._chars_left -= len(str(value))
        return value if self._chars_left >= 0 else None


def _item_count(schema: dict[str, Any]) -> int:
    least = max(1, int(schema.get("minItems", USUAL_ITEMS)))
    return min(least, max(0, int(schema["maxItems"]))) if "maxItems" in schema else least


def _fixed(schema: dict[str, Any]) -> list[Any]:
    """The value that the schema names, as the only one of a list; [] without one."""
    for name in ("const", "default"):
        if name in schema:
            return [schema[name]]
    return schema["enum"][:1] if schema.get("enum") else []


def _referred(ref: str, root: dict[str, Any]) -> dict[str, Any]:
    """The schema at a reference such as ``#/$defs/Row``; {} if there is none."""
    target: Any = root
    for part in ref.removeprefix("#/").split("/"):
        target = target.get(part, {}) if isinstance(target, dict) else {}
    return target if isinstance(target, dict) else {}
