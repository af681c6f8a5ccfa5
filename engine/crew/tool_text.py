"""Tools for models without function calling: described in words, called and answered in marked-up text.

The markup is the one that many open models are trained on (Hermes, Qwen): a JSON object within ``<tool_call>``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import Any

from engine.providers.llm import LLMReply, Message, ToolCall
from engine.text import read_json

MAX_CALLS = 1000
UNREADABLE = "?"
"""Stands for the name in a call that could not be read."""
CALL = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)


def manual(tools: Iterable[dict[str, Any]]) -> str:
    """What the system message says about the tools, which come in OpenAI's function-calling shape."""
    described = "\n".join(json.dumps(tool["function"], separators=(",", ":"), ensure_ascii=False) for tool in tools)
    return (
        f"Your tools, as JSON:\n{described}\n"
        'To use one, answer with nothing but <tool_call>{"name": "...", "arguments": {...}}</tool_call>. '
        "You are then shown what it gave. Answer in plain words once you need no tool."
    )


def with_calls_read(reply: LLMReply) -> LLMReply:
    """The reply with the calls in its text turned into tool calls."""
    matches = islice(CALL.finditer(reply.text), MAX_CALLS)
    calls = tuple(_call(number, match[1]) for number, match in enumerate(matches))
    return replace(reply, text=CALL.sub("", reply.text).strip(), tool_calls=calls) if calls else reply


def results_message(results: Iterable[Message]) -> Message:
    """The tools' messages as one message of the user, since such a model knows no tool role."""
    return {"role": "user", "content": "\n\n".join(str(result["content"]) for result in results)}


def _call(number: int, text: str) -> ToolCall:
    try:
        call = read_json(text)
        name, arguments = str(call["name"]), call.get("arguments") or {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return ToolCall(f"call_{number}", UNREADABLE, text.strip())
    arguments_text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(f"call_{number}", name, arguments_text)
