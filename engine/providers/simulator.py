"""The simulated model: real token counts, the seconds of a real model of its tier, and answers that say what they are.

It asks nobody. Equal requests get equal answers after equal seconds, so a run can be repeated, and they are priced like
the real model's. The seconds are really waited for, because a run's seconds are those of the clock on the wall.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.catalogue.model_ids import real_id
from engine.catalogue.pricing import Usage
from engine.providers import tokens
from engine.providers.instances import instance_of
from engine.providers.llm import LLMReply, LLMRequest, ToolCall
from engine.simulated import prose
from engine.simulated.brief import LABEL, Brief, read_brief
from engine.simulated.speed import speed_of
from engine.simulated.wish import MAX_WORDS
from engine.spec.crew_spec import LLMSpec

Script = Callable[[LLMRequest], LLMReply | str]
"""For tests: gives the reply to a request, or its text alone; may raise ``ProviderError``."""

SIMULATED_EXPRESSION = "(1200 - 980) / 980 * 100"
SPREAD = 0.1
"""Replies of one length differ by up to so much of their seconds."""
TOKENS_PER_WORD = 1.5
"""More than English words have, so that an answer stays below ``max_tokens``."""
LEAST_WORDS = 20
LINK = re.compile(r"https://\S+")


class Simulator:
    """An ``LLMClient`` without a provider.

    ``pace``: how long a reply takes, in multiples of what a model of the tier takes (see ``engine.simulated.speed``); 0
    is at once. ``latency_s``: so many seconds more for each reply, whatever its length.
    """

    def __init__(self, *, pace: float = 0.0, latency_s: float = 0.0, script: Script | None = None) -> None:
        self._pace = pace
        self._latency_s = latency_s
        self._script = script

    async def complete(self, request: LLMRequest) -> LLMReply:
        began_at = time.perf_counter()
        scripted = self._script(request) if self._script else invent(request)
        reply = scripted if isinstance(scripted, LLMReply) else answer(request, text=scripted)
        paced_s = self._pace * seconds_of(request, reply) if self._pace else 0.0
        await asyncio.sleep(paced_s + self._latency_s)
        latency_ms = round((time.perf_counter() - began_at) * 1000)
        return replace(reply, latency_ms=latency_ms, simulated=True)

    def count_tokens(self, request: LLMRequest) -> int:
        return tokens.count_request(request)

    def simulates(self, llm: LLMSpec) -> bool:
        return True

    def unsent(self, llm: LLMSpec) -> frozenset[str]:
        return frozenset()


def seconds_of(request: LLMRequest, reply: LLMReply) -> float:
    """How long a real model of the request's tier would take for such a reply; the same for equal requests."""
    spread = _random(request).uniform(1 - SPREAD, 1 + SPREAD)
    return spread * speed_of(request.llm.model).seconds(reply.usage.completion_tokens)


def answer(request: LLMRequest, *, text: str = "", tool_calls: tuple[ToolCall, ...] = ()) -> LLMReply:
    """A reply of that text and those tool calls, its tokens counted."""
    completion = tokens.count_text(text) + sum(tokens.count_text(call.name + call.arguments) for call in tool_calls)
    return LLMReply(
        text=text,
        usage=Usage(
            prompt_tokens=tokens.count_request(request),
            completion_tokens=min(completion, request.max_tokens) if request.max_tokens else completion,
        ),
        model=real_id(request.llm.model),
        tool_calls=tool_calls,
        finish_reason="tool_calls" if tool_calls else "stop",
        simulated=True,
    )


def invent(request: LLMRequest) -> LLMReply:
    """A plausible reply: first a tool call if there are tools, then an answer in the form and length asked for.

    A search is followed by a look at its first result, if there is a tool for that. A manager delegates once, then
    accepts the answer.
    """
    tool = _next_tool(request) if request.may_call_tools else None
    if tool is not None:
        return answer(request, tool_calls=(_tool_call(request, tool),))
    brief = read_brief(_task_text(request))
    schema = request.response_schema or _schema_in_words(request)
    if schema is not None:
        value = instance_of(schema, prose.fields(brief.description, _random(request)))
        return answer(request, text=json.dumps(value, ensure_ascii=False))
    return answer(request, text=_prose(request, brief))


def _next_tool(request: LLMRequest) -> dict[str, Any] | None:
    """The function that is called next, if any."""
    functions = {tool["function"]["name"]: tool["function"] for tool in request.tools}
    used = {call["function"]["name"] for message in request.messages for call in message.get("tool_calls") or ()}
    if not any(message.get("role") == "tool" for message in request.messages):
        return next(iter(functions.values()), None)
    if ACCEPT in functions:
        return functions[ACCEPT]
    return functions.get(READ_PAGE) if SEARCH in used and READ_PAGE not in used else None


def _tool_call(request: LLMRequest, function: dict[str, Any]) -> ToolCall:
    text = SIMULATED_EXPRESSION if function["name"] == "calculator" else _topic(request)
    if function["name"] == READ_PAGE:
        text = _first_link(request)
    arguments = {} if function["name"] == ACCEPT else instance_of(function["parameters"], text)
    return ToolCall(f"call_{_digest(request)[:12]}", function["name"], json.dumps(arguments, ensure_ascii=False))


def _first_link(request: LLMRequest) -> str:
    """That of the newest tool result, else a made-up one."""
    results = (str(message["content"]) for message in reversed(request.messages) if message.get("role") == "tool")
    match = LINK.search(next(results, ""))
    return match[0] if match else f"https://example.com/{prose.slug(_topic(request))}"


def _schema_in_words(request: LLMRequest) -> dict[str, Any] | None:
    """The schema that the prompt itself gives (see ``crew.prompt.task_message``), if any."""
    match = re.search(r"must fit this JSON Schema: (\{.*)", _task_text(request))
    if match is None:
        return None
    try:
        schema, _ = json.JSONDecoder().raw_decode(match[1])
    except ValueError:
        return None
    return schema if isinstance(schema, dict) else None


def _prose(request: LLMRequest, brief: Brief) -> str:
    """An answer in words, below a line that says it is simulated, within the request's ``max_tokens``."""
    most = max(LEAST_WORDS, int(request.max_tokens / TOKENS_PER_WORD)) if request.max_tokens else MAX_WORDS
    text = prose.write(brief, _random(request), max_words=most)
    return f"{LABEL} in place of {real_id(request.llm.model)}\n\n{text}"


def _topic(request: LLMRequest) -> str:
    first = _task_text(request).strip().partition("\n")[0]
    return first[:120].rstrip(" .:,;")


def _task_text(request: LLMRequest) -> str:
    return next((str(message["content"]) for message in request.messages if message.get("role") == "user"), "")


def _digest(request: LLMRequest) -> str:
    text = json.dumps([request.llm.model, request.messages], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _random(request: LLMRequest) -> random.Random:
    return random.Random(_digest(request))  # noqa: S311 - the same numbers for the same request, on purpose


ACCEPT = "accept_answer"
"""The name of a manager's tool. Not imported: the simulator knows no more of the engine than a real model does."""
SEARCH, READ_PAGE = "web_search", "scrape_website"
"""So are these."""
