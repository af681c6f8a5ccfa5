"""Answers as providers send them, whole and in events, and the real client that asks for them on loopback."""

from __future__ import annotations

import json
from typing import Any

from engine.errors import ProviderError
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.providers.llm import LLMReply, LLMRequest
from engine.spec.crew_spec import LLMSpec
from tests.openai_server import Fault, OpenAIServer

USAGE = {"prompt_tokens": 40, "completion_tokens": 20, "total_tokens": 60}
EVENTS = {"Content-Type": "text/event-stream"}
STATED = (40, 0, 20, 0, False)
"""``figures`` of ``USAGE``."""


def tool(name: str, **properties: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
    return {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}


TOOLS = (tool("web_search", query="string"), tool("clock"), tool("calculator", expression="string", digits="integer"))


def whole(message: Any, *, finish: Any = "stop", usage: Any = USAGE, choice: Any = None, **more: Any) -> Fault:
    """A completion."""
    choices = [{"index": 0, "message": message, "finish_reason": finish} | (choice or {})]
    body = {"id": "gen-1", "object": "chat.completion", "created": 1, "model": "m-1", "choices": choices}
    return Fault(200, json.dumps(body | {"usage": usage} | more))


def in_events(*deltas: Any, finish: Any = "stop", usage: Any = USAGE, choice: Any = None, **more: Any) -> Fault:
    """The same as server-sent events, the usage in one of its own, as OpenAI sends it."""
    head = {"id": "gen-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish} | (choice or {})]} | more)
    chunks.append({"choices": [], "usage": usage})
    return events(*(head | chunk for chunk in chunks))


def events(*chunks: Any) -> Fault:
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return Fault(200, "".join(lines) + "data: [DONE]\n\n", EVENTS)


def pieces(message: dict[str, Any]) -> list[dict[str, Any]]:
    """A message as deltas: its texts in pieces of three letters, calls by a head and pieces of five."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    for name in ("reasoning_content", "reasoning", "refusal", "content"):
        value = message.get(name)
        if isinstance(value, str):
            deltas += [{name: value[at : at + 3]} for at in range(0, len(value), 3)] or [{name: ""}]
        elif isinstance(value, list):
            deltas += [{name: [part]} for part in value]
    for name in ("reasoning_details", "thinking_blocks"):
        deltas += [{name: [part]} for part in message.get(name) or ()]
    for index, call in enumerate(message.get("tool_calls") or ()):
        given = call["function"].get("arguments")
        head = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
        if isinstance(given, str):
            deltas.append({"tool_calls": [head]})
            cut = [given[at : at + 5] for at in range(0, len(given), 5)]
            deltas += [{"tool_calls": [{"index": index, "function": {"arguments": part}}]} for part in cut]
        else:
            deltas.append({"tool_calls": [{**call, "index": index}]})
    if "function_call" in message:
        deltas.append({"function_call": message["function_call"]})
    return deltas


def call(name: str, arguments: Any = "{}", *, call_id: Any = "call_1", **more: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}} | more


async def ask(fault: Fault, *, stream: bool = False, model: str = "openai/m", **options: Any) -> LLMReply:
    """The reply to one request that this is the answer to."""
    with OpenAIServer(lambda body: fault) as server:
        llm = LLMSpec(model=model, timeout_s=20, stream=stream)
        client = LiteLLMClient(lambda _: Credential(api_key="sk-x", base_url=server.url))
        request = LLMRequest(llm, ({"role": "user", "content": "Hello"},), max_tokens=99, **options)
        try:
            return await client.complete(request)
        finally:
            assert server.requests == 1


async def failure(fault: Fault, **options: Any) -> ProviderError:
    try:
        reply = await ask(fault, **options)
    except ProviderError as error:
        return error
    raise AssertionError(f"answered: {reply}")


def figures(reply: LLMReply) -> tuple[int, int, int, int, bool]:
    """Prompt, cached, completion and reasoning tokens, and whether they are estimated."""
    usage = reply.usage
    return (
        usage.prompt_tokens,
        usage.cached_prompt_tokens,
        usage.completion_tokens,
        usage.reasoning_tokens,
        usage.estimated,
    )


def calls_in(reply: LLMReply) -> list[tuple[str, str]]:
    return [(one.name, one.arguments) for one in reply.tool_calls]
