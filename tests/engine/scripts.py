"""Scripted models: what they answer is decided by what they are asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from engine.providers.llm import LLMReply, LLMRequest, ToolCall
from engine.providers.simulator import Simulator, answer

Say = str | LLMReply | Exception | Callable[[LLMRequest], "str | LLMReply"]


def in_turn(*replies: Say) -> Simulator:
    """These replies, one after the other, whatever is asked; asking once more fails the test."""
    left = list(replies)

    def script(request: LLMRequest) -> str | LLMReply:
        return said(left.pop(0), request)

    return Simulator(script=script)


def by_role(**replies: Say | list[Say]) -> Simulator:
    """By the key of the agent that is asked, as the system message names it (``The <key>``); lists are used up."""

    def script(request: LLMRequest) -> str | LLMReply:
        system = str(request.messages[0]["content"])
        reply = next(reply for key, reply in replies.items() if f"the {key}".lower() in system.lower())
        return said(reply.pop(0) if isinstance(reply, list) else reply, request)

    return Simulator(script=script)


def said(reply: Say, request: LLMRequest) -> str | LLMReply:
    if isinstance(reply, Exception):
        raise reply
    return reply(request) if callable(reply) else reply


def use(name: str, **arguments: Any) -> Callable[[LLMRequest], LLMReply]:
    """A reply that calls one tool."""
    return lambda request: answer(request, tool_calls=(ToolCall(f"call_{name}", name, json.dumps(arguments)),))


def use_all(*calls: tuple[str, dict[str, Any]]) -> Callable[[LLMRequest], LLMReply]:
    """A reply that calls several tools at once."""
    made = tuple(ToolCall(f"call_{number}", name, json.dumps(given)) for number, (name, given) in enumerate(calls))
    return lambda request: answer(request, tool_calls=made)
