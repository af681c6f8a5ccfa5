"""Keys that tell when two model requests, tool calls or tasks are the same, so that one result serves both."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from engine.providers.llm import LLMRequest


def request_key(request: LLMRequest, *, simulated: bool) -> str:
    """The same for requests that a provider could not tell apart: the order of a schema's fields is one that it can.

    Simulated and real requests never share a key.
    """
    llm = request.llm.model_dump(mode="json", exclude={"cache_ttl_s", "timeout_s", "fallbacks", "credential", "stream"})
    question = [request.messages, request.tools, request.may_call_tools, request.response_schema]
    return content_key("reply", simulated, llm, in_order(question))


def in_order(part: Any) -> str:
    """A part of which the order of keys counts too, as ``content_key`` takes it."""
    return json.dumps(part, separators=(",", ":"), ensure_ascii=False, default=str)


def content_key(*parts: Any) -> str:
    """SHA-256 in hex over the canonical JSON of the parts, in which keys have no order."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
