"""Reads JSON, also with comments and trailing commas, as the values that Python and YAML are read as, with lines."""

from __future__ import annotations

import re
from typing import Any

from agents_app.formats.budget import Budget
from agents_app.formats.report import Place, UnreadableError
from agents_app.formats.to_spec.values import Constant, Field, Items, Mapping, Text, Value
from engine import strict_json
from engine.strict_json import JsonFault, Path

MAX_CHARS = 1_000_000

_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*+"?)|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?')
_COMMA = re.compile(r'("(?:[^"\\\n]|\\.)*+"?)|,(?=(\s*+)[}\]])')


def plain_json(text: str) -> str:
    """The text without comments and trailing commas; what is left keeps its line and column."""
    return _COMMA.sub(_blanked, _COMMENT.sub(_blanked, text))


def _blanked(match: re.Match[str]) -> str:
    return match[1] or re.sub(r"[^\n]", " ", match[0])


def read_values(text: str, budget: Budget, *, file: str = "") -> Value:
    """The value of a JSON text, with the line of each entry. Raises ``UnreadableError``."""
    if len(text) > MAX_CHARS:
        raise UnreadableError(
            f"The JSON has {len(text):,} characters; at most {MAX_CHARS:,} are read.", Place(None, file)
        )
    plain = plain_json(text)
    try:
        data = strict_json.read(plain)
        lines = {token.path: token.line for token in strict_json.tokens(plain) if not token.is_key}
    except JsonFault as fault:
        raise UnreadableError(f"The JSON cannot be read: {fault}.", Place(fault.line or None, file)) from fault
    budget.pay_elements(len(lines))
    return _value(data, (), lines, file)


def _value(data: Any, path: Path, lines: dict[Path, int], file: str) -> Value:
    place = Place(lines.get(path), file)
    if isinstance(data, dict):
        fields = {}
        for name, inner in data.items():
            below = (*path, name)
            fields[name] = Field(_value(inner, below, lines, file), Place(lines.get(below), file))
        return Mapping(fields, place)
    if isinstance(data, list):
        return Items([_value(inner, (*path, number), lines, file) for number, inner in enumerate(data)])
    return Text(data) if isinstance(data, str) else Constant(data)
