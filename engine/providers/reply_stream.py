"""Collects a streamed reply: its text, its tool calls, its usage, and the time to its first token.

Whether the provider reported usage is read from the last bytes on the wire, because LiteLLM makes usage up where it is
missing. LiteLLM also makes up an end; that the provider really sent one shows in ``received_finish_reason``.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from engine.errors import ProviderError
from engine.providers.reply_shape import MAX_TOOL_CALLS, too_many_calls

USAGE = re.compile(rb'"usage(?:Metadata)?"\s*:\s*\{')


@dataclass(slots=True)
class _Parts:
    """What has come of the reply so far. ``calls``: tool calls by their index; ``first``: the first chunk."""

    text: list[str] = field(default_factory=list)
    calls: dict[int, SimpleNamespace] = field(default_factory=dict)
    finish_reason: str = ""
    usage: Any = None
    first: Any = None
    ttft_ms: int | None = None


async def collect_stream(stream: Any, *, began_at: float, tail: bytearray) -> Any:
    """The whole reply in LiteLLM's shape, with ``ttft_ms`` (milliseconds to the first token) added.

    ``began_at``: ``time.perf_counter()`` at the request. ``tail``: the last bytes on the wire, filled as they come.
    Raises ``ProviderError`` of unknown outcome if the stream broke off before its end.
    """
    parts = _Parts()
    async for chunk in stream:
        _add_chunk(parts, chunk, began_at)
    if getattr(stream, "received_finish_reason", "") is None:
        raise ProviderError("The stream broke off before its end.", retryable=True, outcome_unknown=True)
    message = SimpleNamespace(content="".join(parts.text), tool_calls=[parts.calls[key] for key in sorted(parts.calls)])
    return SimpleNamespace(
        choices=[SimpleNamespace(message=message, finish_reason=parts.finish_reason)],
        usage=parts.usage if USAGE.search(bytes(tail)) else None,
        model=getattr(parts.first, "model", ""),
        id=getattr(parts.first, "id", ""),
        ttft_ms=parts.ttft_ms,
    )


def _add_chunk(parts: _Parts, chunk: Any, began_at: float) -> None:
    parts.first = parts.first or chunk
    parts.usage = getattr(chunk, "usage", None) or parts.usage
    for choice in getattr(chunk, "choices", None) or ():
        parts.finish_reason = getattr(choice, "finish_reason", None) or parts.finish_reason
        delta = getattr(choice, "delta", None)
        content, calls = getattr(delta, "content", None), getattr(delta, "tool_calls", None) or ()
        if (content or calls) and parts.ttft_ms is None:
            parts.ttft_ms = round((time.perf_counter() - began_at) * 1000)
        if isinstance(content, str):
            parts.text.append(content)
        for call in calls:
            _add_call(parts, call)


def _add_call(parts: _Parts, delta: Any) -> None:
    empty = SimpleNamespace(id="", function=SimpleNamespace(name="", arguments=""))
    call = parts.calls.setdefault(getattr(delta, "index", None) or 0, empty)
    if len(parts.calls) > MAX_TOOL_CALLS:
        fault = too_many_calls(len(parts.calls))
        raise ProviderError(f"The provider's answer cannot be used: {fault}.", retryable=True, outcome_unknown=True)
    call.id = call.id or getattr(delta, "id", None) or ""
    function = getattr(delta, "function", None)
    call.function.name += getattr(function, "name", None) or ""
    call.function.arguments += getattr(function, "arguments", None) or ""
