"""Whether a provider's JSON is a reply at all, looked at before it is read or LiteLLM makes objects of it.

What LiteLLM cannot convert it quotes in an error, and then looks through that text for minutes, on the event loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 100
MAX_TOOL_CALLS = 1000
MAX_NAME_CHARS = 10_000
MAX_ID_CHARS = 200_000
"""Some servers put the signature of the model's thoughts into the ids of its tool calls."""
NAMES = frozenset(
    {"model", "object", "role", "type", "name", "finish_reason", "stop_reason", "finishReason", "modelVersion"}
)
"""Fields with a name or one of a few words, which LiteLLM writes to its log or looks up in lists."""


def shape_fault(reply: dict[str, Any]) -> str:
    """Why this is no reply or no event of one, as the end of a sentence; "" if it may be one.

    Only what has ``choices``, as OpenAI-compatible servers send it, is looked at field by field.
    """
    return _size_fault(reply) or next(filter(None, _choices_faults(reply) if "choices" in reply else ()), "")


def too_many_calls(number: int) -> str:
    return f"it holds {number:,} tool calls, and more than {MAX_TOOL_CALLS:,} nobody carries out"


def _size_fault(reply: dict[str, Any]) -> str:
    waiting: list[tuple[Any, int]] = [(reply, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return f"it is nested more than {MAX_DEPTH} levels deep"
        if isinstance(value, dict):
            for name, part in value.items():
                most = MAX_ID_CHARS if name == "id" else MAX_NAME_CHARS if name in NAMES else None
                if most is not None and isinstance(part, str) and len(part) > most:
                    return f"its {name} has {len(part):,} characters"
                waiting.append((part, depth + 1))
        elif isinstance(value, list):
            waiting.extend((part, depth + 1) for part in value)
    return ""


def _choices_faults(reply: dict[str, Any]) -> Iterator[str]:
    """What is wrong, if anything; "" for what is right. What comes after the first fault cannot be relied on."""
    yield _fault(reply, "choices", list)
    yield _fault(reply, "usage", dict)
    for choice in reply["choices"] or ():
        if not isinstance(choice, dict):
            yield "one of its choices is no object"
            return
        yield _fault(choice, "finish_reason", str)
        for place in ("message", "delta"):
            yield _fault(choice, place, dict)
            yield from _message_faults(choice.get(place) or {})


def _message_faults(message: dict[str, Any]) -> Iterator[str]:
    yield _fault(message, "content", str, list)
    yield _fault(message, "tool_calls", list)
    calls = message.get("tool_calls") or ()
    if len(calls) > MAX_TOOL_CALLS:
        yield too_many_calls(len(calls))
    for call in calls:
        if not isinstance(call, dict):
            yield "one of its tool calls is no object"
            return
        yield _fault(call, "id", str, int)
        yield _fault(call, "index", int, str, float)
        yield _fault(call, "function", dict)
        function = call.get("function") or {}
        yield _fault(function, "name", str)
        yield _fault(function, "arguments", str, dict, list)


def _fault(data: dict[str, Any], name: str, *kinds: type) -> str:
    """What is wrong with the field, or "". One that is missing or null is right."""
    value = data.get(name)
    return "" if value is None or isinstance(value, kinds) else f"its {name} is of the wrong kind"
