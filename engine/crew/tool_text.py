"""Tools for models without function calling: described in words, called and answered in marked-up text.

The markup is the one that many open models are trained on (Hermes, Qwen): a JSON object within ``<tool_call>``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from engine.providers.llm import LLMReply, Message
from engine.providers.replies.calls_in_text import taken_from
from engine.providers.replies.tool_calls import names_of


def manual(tools: Iterable[dict[str, Any]]) -> str:
    """What the system message says about the tools, which come in OpenAI's function-calling shape."""
    described = "\n".join(json.dumps(tool["function"], separators=(",", ":"), ensure_ascii=False) for tool in tools)
    return (
        f"Your tools, as JSON:\n{described}\n"
        'To use one, answer with nothing but <tool_call>{"name": "...", "arguments": {...}}</tool_call>. '
        "You are then shown what it gave. Answer in plain words once you need no tool."
    )


def with_calls_read(reply: LLMReply, tools: Iterable[dict[str, Any]]) -> LLMReply:
    """The reply with the calls in its text turned into tool calls."""
    text, calls = taken_from(reply.text, names_of(tools))
    return replace(reply, text=text, tool_calls=calls) if calls else reply


def results_message(results: Iterable[Message]) -> Message:
    """The tools' messages as one message of the user, since such a model knows no tool role."""
    return {"role": "user", "content": "\n\n".join(str(result["content"]) for result in results)}
