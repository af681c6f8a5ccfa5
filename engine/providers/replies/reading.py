"""The one reading of what models say: text, reasoning, tool calls, refusals and usage, whoever said it and however."""

from __future__ import annotations

from typing import Any

from engine.catalogue.pricing import Usage
from engine.catalogue.stated_costs import with_besides
from engine.errors import ModelRefused, ProviderError
from engine.providers.llm import LLMReply, LLMRequest, ToolCall
from engine.providers.replies import ends
from engine.providers.replies.calls_in_text import taken_from
from engine.providers.replies.own_fields import own_fields_of
from engine.providers.replies.said import Said
from engine.providers.replies.texts import Content, content_of
from engine.providers.replies.tool_calls import arguments_text, calls_of, names_of
from engine.providers.replies.usage import read_usage, stated_usage, with_reasoning_counted
from engine.text import storable

MAX_REPLY_CHARS = 4_000_000
MAX_WORDS_CHARS = 800
"""Of a refusal or an error, as a person is told."""
ANSWER_TOOL = "json_tool_call"
"""The tool that LiteLLM makes of an answer's schema for models that take none; its arguments are the answer."""


def read_reply(said: Said, request: LLMRequest, *, latency_ms: int = 0) -> LLMReply:
    """The reply. Raises ``ModelRefused`` if the model or a filter of its provider refused to answer, and
    ``ProviderError`` if there is no answer; either holds what was billed, where the provider says that."""
    if said.message is None:
        raise no_answer("The provider's answer holds no choices.", said.usage, request)
    tools = names_of(request.tools)
    content = content_of(said.message)
    calls = calls_of(said.message, tools.keys())
    text, calls = _answer_of_tool(content.answer, calls, request)
    kept: Any = content.marked or None
    if tools and not calls:
        text, written = taken_from(text, tools)
        calls = list(written)
        kept = taken_from(content.marked, tools)[0] if written and content.marked else kept
    if isinstance(said.message.get("content"), list) and text == content.answer:
        kept = said.message["content"]
    reply = LLMReply(
        text=_bounded(text),
        usage=_usage(said, request, content, text, calls),
        model=_bounded(said.model or request.llm.model, 200),
        tool_calls=tuple(calls),
        finish_reason=_bounded(ends.finish_reason_of(said.finish_reason, has_calls=bool(calls)), 40),
        ttft_ms=said.ttft_ms,
        latency_ms=latency_ms,
        provider_request_id=_bounded(said.id, 200),
        reasoning=_bounded(content.reasoning),
        refusal=_bounded(_refusal(said, content), MAX_WORDS_CHARS),
        own_fields=own_fields_of(said.message, calls, request.llm.model, content=kept),
    )
    _raise_if_none(said, reply, request)
    return reply


def no_answer(message: str, figures: Any, request: LLMRequest, *, retryable: bool = True) -> ProviderError:
    """The error for an answer that cannot be used. What the provider says it billed is booked; else nobody knows."""
    usage = stated_usage(figures)
    reply = None if usage is None else LLMReply("", with_besides(usage, figures), model=request.llm.model)
    return ProviderError(message, retryable=retryable, outcome_unknown=usage is None, reply=reply)


def _raise_if_none(said: Said, reply: LLMReply, request: LLMRequest) -> None:
    model = request.llm.model
    if reply.refusal:
        raise ModelRefused(f"{model} refused to answer: {reply.refusal}", reply=reply)
    if said.error or ends.is_broken(said.finish_reason):
        error = said.error.get("message") if isinstance(said.error, dict) else said.error
        words = _bounded(error or f"it says {said.finish_reason}", MAX_WORDS_CHARS)
        is_stated = not reply.usage.estimated
        message = f"{model}: The provider broke the answer off: {words}"
        raise ProviderError(message, retryable=True, outcome_unknown=not is_stated, reply=reply if is_stated else None)


def _refusal(said: Said, content: Content) -> str:
    """The words of a refusal, "" if there is none. A filter rarely gives a reason, so its name stands for it."""
    if content.refusal:
        return content.refusal
    if not ends.is_refusal(said.finish_reason):
        return ""
    return said.why or f"the provider's filter stopped the answer ({said.finish_reason})."


def _answer_of_tool(text: str, calls: list[ToolCall], request: LLMRequest) -> tuple[str, list[ToolCall]]:
    """The answer that LiteLLM has asked for as the arguments of a tool, where a schema was asked for and no tools."""
    if request.response_schema is None or len(calls) != 1 or calls[0].name != ANSWER_TOOL:
        return text, calls
    return arguments_text(calls[0].arguments), []


def _usage(said: Said, request: LLMRequest, content: Content, text: str, calls: list[ToolCall]) -> Usage:
    written = "".join([text, content.reasoning, content.refusal, *(call.name + call.arguments for call in calls)])
    usage = with_reasoning_counted(read_usage(said.usage, request, written), content.reasoning)
    return with_besides(usage, said.usage or {})


def _bounded(value: Any, max_chars: int = MAX_REPLY_CHARS) -> str:
    """A provider's text, bounded in length and storable."""
    return storable(str(value)[:max_chars])
