"""Breakpoints for providers that cache a prompt's beginning only where they are told to, which is Anthropic's way.

The others (OpenAI, Gemini, DeepSeek and their like) find equal beginnings by themselves; for all of them the engine
keeps the beginnings equal byte by byte. What was read from a cache or written to it is the provider's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.catalogue.model_ids import provider_of, real_id
from engine.providers import tokens
from engine.providers.llm import LLMRequest, Message

LEAST_TOKENS = 1024
"""Anthropic caches no shorter beginning, and ignores marks on one."""
MARK = {"type": "ephemeral"}


def with_breakpoints(request: LLMRequest) -> list[Message]:
    """The request's messages, marked where the beginning up to there will be asked for again.

    That is after tools and system message, which are the same in all calls of an agent, and at the end of a
    conversation that may go on after a tool call. A mark makes what is new up to it a quarter dearer once, and each
    later reading ten times cheaper.
    """
    messages = [dict(message) for message in request.messages]
    if not needs_breakpoints(request.llm.model) or not messages:
        return messages
    fixed = tokens.count_messages(messages[:1], request.tools)
    if fixed >= LEAST_TOKENS:
        messages[0] = _marked(messages[0])
    goes_on = bool(request.tools) and request.may_call_tools
    if goes_on and len(messages) > 1 and _total(request, messages) >= LEAST_TOKENS:
        messages[-1] = _marked(messages[-1])
    return messages


def needs_breakpoints(model: str) -> bool:
    """Whether the model is Anthropic's, wherever it is hosted."""
    return provider_of(model) == "anthropic" or "claude" in real_id(model).lower()


def _total(request: LLMRequest, messages: Sequence[Message]) -> int:
    return request.prompt_tokens or tokens.count_messages(messages, request.tools)


def _marked(message: Message) -> Message:
    """Tool results take the mark on the message, texts on their content."""
    if message.get("role") == "tool" or not isinstance(message.get("content"), str):
        return {**message, "cache_control": MARK}
    content: list[dict[str, Any]] = [{"type": "text", "text": message["content"], "cache_control": MARK}]
    return {**message, "content": content}
