"""The simulated model: real token counts, a chosen latency, and answers that say they are simulated.

It asks nobody. Equal requests get equal answers, so a run can be repeated, and they are priced like the real model's.
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
from engine.spec.crew_spec import LLMSpec

Script = Callable[[LLMRequest], LLMReply | str]
"""For tests: gives the reply to a request, or its text alone; may raise ``ProviderError``."""

LATENCY_PER_TOKEN_SHARE = 1 / 200
"""Each 200 tokens of the answer add as much time as the latency itself."""
DEFAULT_WORDS = 140
SIMULATED_EXPRESSION = "(1200 - 980) / 980 * 100"
MAX_WORDS = 900
LENGTH_WISH = re.compile(r"(\d{2,5})[\s-]*words?", re.IGNORECASE)


class Simulator:
    """An ``LLMClient`` without a provider. ``latency_s``: seconds until an answer of no length is there."""

    def __init__(self, *, latency_s: float = 0.0, script: Script | None = None) -> None:
        self._latency_s = latency_s
        self._script = script

    async def complete(self, request: LLMRequest) -> LLMReply:
        began_at = time.perf_counter()
        scripted = self._script(request) if self._script else invent(request)
        reply = scripted if isinstance(scripted, LLMReply) else answer(request, text=scripted)
        if self._latency_s:
            jitter = _random(request).uniform(0.8, 1.2)
            length_factor = 1 + reply.usage.completion_tokens * LATENCY_PER_TOKEN_SHARE
            await asyncio.sleep(self._latency_s * length_factor * jitter)
        else:
            await asyncio.sleep(0)
        latency_ms = round((time.perf_counter() - began_at) * 1000)
        return replace(reply, latency_ms=latency_ms, simulated=True)

    def count_tokens(self, request: LLMRequest) -> int:
        return tokens.count_request(request)

    def simulates(self, llm: LLMSpec) -> bool:
        return True


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
    """A plausible reply: first one tool call if there are tools, then an answer in the form and length asked for.

    A manager delegates once, then accepts the answer.
    """
    used_tools = any(message.get("role") == "tool" for message in request.messages)
    if request.tools and request.may_call_tools and not used_tools:
        function = request.tools[0]["function"]
        topic = _topic(request)
        text = SIMULATED_EXPRESSION if function["name"] == "calculator" else topic
        arguments = json.dumps(instance_of(function["parameters"], text), ensure_ascii=False)
        return answer(request, tool_calls=(ToolCall(f"call_{_digest(request)[:12]}", function["name"], arguments),))
    if used_tools and request.may_call_tools and any(tool["function"]["name"] == ACCEPT for tool in request.tools):
        return answer(request, tool_calls=(ToolCall(f"call_{_digest(request)[:12]}", ACCEPT, "{}"),))
    schema = request.response_schema or _schema_in_words(request)
    if schema is not None:
        return answer(request, text=json.dumps(instance_of(schema, "simulated"), ensure_ascii=False))
    return answer(request, text=_prose(request))


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


def _prose(request: LLMRequest) -> str:
    """Lines that say they are simulated, about as long as the task asks for, within the request's ``max_tokens``."""
    task = _task_text(request)
    wishes = [int(wish) for wish in LENGTH_WISH.findall(task)]
    words = min(max(wishes, default=DEFAULT_WORDS), MAX_WORDS, max(20, request.max_tokens // 2 or MAX_WORDS))
    rng, topic = _random(request), _topic(request)
    lines = [f"**Simulated answer** in place of {real_id(request.llm.model)}, on: {topic}", ""]
    count = sum(len(line.split()) for line in lines)
    number = 0
    while count < words:
        number += 1
        line = f"- Simulated point {number}: {rng.choice(FILLERS)}"
        lines.append(line)
        count += len(line.split())
    return "\n".join(lines)


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

FILLERS = (
    "a real model would state a finding of about this length here, with its figure and its source.",
    "this line stands for one sentence of analysis; it carries length and no content.",
    "the wording is made up by the simulator, so that tokens, cost and time can be looked at without a key.",
    "here the report would weigh two facts against each other and say what follows.",
    "add a provider key in the team's settings, and this becomes a real answer at a real price.",
)
