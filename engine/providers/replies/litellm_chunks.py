"""What LiteLLM made of an answer in a shape of its own, such as Anthropic's and Google's, whole or in chunks.

Whether the provider reported usage is known from the wire, because LiteLLM makes usage up where it is missing. LiteLLM
also makes up an end; that the provider really sent one is known from the wire, or shows in ``received_finish_reason``.
"""

from __future__ import annotations

import time
from typing import Any

from engine.catalogue.stated_costs import BESIDES
from engine.errors import ProviderError
from engine.providers.replies.assembling import Assembly
from engine.providers.replies.said import Said
from engine.providers.replies.wire import WireReply

OWN_OF_PROVIDERS = frozenset({"thought_signatures", "compaction_blocks", "server_side_tool_invocations"})
"""What of LiteLLM's further fields of a message goes back to the provider. The others are for people or repeat it."""


async def said_in_chunks(stream: Any, wire: WireReply, *, began_at: float) -> Said:
    """What a stream of LiteLLM's said. ``began_at``: ``time.perf_counter()`` at the request.

    Raises ``ProviderError`` of unknown outcome if the stream broke off before its end.
    """
    answer, usage = Assembly(), None
    async for chunk in stream:
        if wire.is_open_ai:
            continue  # a stand-in
        usage = getattr(chunk, "usage", None) or usage
        at_ms = round((time.perf_counter() - began_at) * 1000)
        answer.add(_plain(chunk), is_event=True, at_ms=at_ms)
    has_end = bool(wire.stop) or getattr(stream, "received_finish_reason", "") is not None
    if wire.is_broken_off if wire.is_open_ai else not has_end:
        raise ProviderError("The stream broke off before its end.", retryable=True, outcome_unknown=True)
    return _said(answer, usage, wire)


def said_whole(reply: Any, wire: WireReply) -> Said:
    """What a whole reply of LiteLLM's says."""
    answer = Assembly()
    answer.add(_plain(reply), is_event=False)
    return _said(answer, getattr(reply, "usage", None), wire)


def _said(answer: Assembly, usage: Any, wire: WireReply) -> Said:
    if wire.is_open_ai:
        return wire.said()
    message = answer.message
    if message and (fields := message.pop("provider_specific_fields", None)):
        own = {name: value for name, value in fields.items() if name in OWN_OF_PROVIDERS}
        message = message | ({"provider_specific_fields": own} if own else {})
    return Said(
        message=message,
        finish_reason=wire.stop or answer.finish_reason,
        why=wire.why,
        usage=_usage(usage, wire),
        model=answer.model,
        id=answer.id,
        ttft_ms=answer.ttft_ms,
    )


def _usage(usage: Any, wire: WireReply) -> dict[str, Any] | None:
    """LiteLLM's counts of tokens. What else the usage says is as it came: LiteLLM drops some, and makes up other."""
    if usage is None or not wire.reports_usage:
        return None
    counts = {name: value for name, value in _plain(usage).items() if name not in BESIDES}
    return counts | {name: value for name, value in (wire.usage or {}).items() if name in BESIDES}


def _plain(value: Any) -> dict[str, Any]:
    """One of LiteLLM's objects as JSON-like data."""
    plain: dict[str, Any] = value.model_dump(exclude_none=True, warnings=False)
    return plain
