"""Tool calls as models make them, in one form: names that the tools have, and arguments that are one text of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from engine.providers.llm import ToolCall
from engine.text import json_text, storable

MAX_ID_CHARS = 200_000
MAX_NAME_CHARS = 200
MAX_ARGUMENT_CHARS = 4_000_000
NOTHING = frozenset({"", "null", "none", "undefined"})
"""How some write that a call has no arguments."""
MAX_WRAPPINGS = 3


def calls_of(message: Mapping[str, Any], names: Collection[str]) -> list[ToolCall]:
    """The calls of a message. ``names``: the tools'. Ids are made unique, because results are matched by them."""
    calls: list[ToolCall] = []
    used: set[str] = set()
    for number, call in enumerate(message.get("tool_calls") or ()):
        function = call.get("function") or {}
        if name := function.get("name"):
            call_id = storable(str(call.get("id") or f"call_{number}")[:MAX_ID_CHARS])
            call_id = f"{call_id}_{number}" if call_id in used else call_id
            used.add(call_id)
            name = storable(str(name)[:MAX_NAME_CHARS])
            calls.append(ToolCall(call_id, known_name(name, names), arguments_text(function.get("arguments"))))
    return calls


def known_name(name: str, names: Collection[str]) -> str:
    """The tool's own name where the model wrote it in other case or punctuation, or with a namespace before it; else
    the name as it is."""
    if name in names or not names:
        return name
    for spelling in (name, re.split(r"[.:/]", name)[-1]):
        alike = [known for known in names if _folded(known) == _folded(spelling)]
        if len(alike) == 1 and _folded(spelling):
            return alike[0]
    return name


def arguments_text(value: Any) -> str:
    """The arguments as text of JSON: an object's, without a second encoding around it, and ``{}`` for none."""
    if value is None:
        return "{}"
    text = value if isinstance(value, str) else json_text(value)
    for _ in range(MAX_WRAPPINGS):
        if text.strip().lower() in NOTHING:
            return "{}"
        inner = _unwrapped(text)
        if inner is None:
            break
        text = inner
    return storable(text[:MAX_ARGUMENT_CHARS])


def _unwrapped(text: str) -> str | None:
    """The text that a text of JSON holds; None if it is no text."""
    if not text.strip().startswith('"'):
        return None
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return inner if isinstance(inner, str) else None


def _folded(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def names_of(tools: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The parameters of each tool by its name; tools come in OpenAI's function-calling shape."""
    return {tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in tools}
