"""Cache breakpoints in prompts: Anthropic caches the beginning of a prompt only where the request marks its end.

Other providers (OpenAI, Gemini, DeepSeek and others) find equal beginnings by themselves. For all of them the engine
keeps the beginnings equal byte by byte. How much was read from a cache or written to it, only the provider says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.catalogue.model_ids import provider_of, real_id
from engine.providers import tokens
from engine.providers.llm import LLMRequest, Message

LEAST_TOKENS = 1024
"""Anthropic does not cache a shorter beginning, and ignores the mark."""
MARK = {"type": "ephemeral"}


def with_breakpoints(request: LLMRequest) -> list[Message]:
    """The request's messages, with a mark wherever later requests will begin with everything up to there.

    That is after the system message and the tools, which are the same in all calls of an agent, and after the last
    message if the conversation may go on after a tool call. Writing to the cache makes tokens a quarter dearer once;
    each later reading is ten times cheaper.
    """
    messages = [dict(message) for message in request.messages]
    if not needs_breakpoints(request.llm.model) or not messages:
        return messages
    fixed_tokens = tokens.count_messages(messages[:1], request.tools)
    if fixed_tokens >= LEAST_TOKENS:
        messages[0] = _marked(messages[0])
    may_go_on = bool(request.tools) and request.may_call_tools
    if may_go_on and len(messages) > 1 and _prompt_tokens(request, messages) >= LEAST_TOKENS:
        messages[-1] = _marked(messages[-1])
    return messages


def needs_breakpoints(model: str) -> bool:
    """Whether the model is Anthropic's, wherever it is hosted."""
    return provider_of(model) == "anthropic" or "claude" in real_id(model).lower()


def _prompt_tokens(request: LLMRequest, messages: Sequence[Message]) -> int:
    return request.prompt_tokens or tokens.count_messages(messages, request.tools)


def _marked(message: Message) -> Message:
    """A copy with the mark: on the message itself for a tool result, on the content for a text."""
    if message.get("role") == "tool" or not isinstance(message.get("content"), str):
        return {**message, "cache_control": MARK}
    content: list[dict[str, Any]] = [{"type": "text", "text": message["content"], "cache_control": MARK}]
    return {**message, "content": content}
