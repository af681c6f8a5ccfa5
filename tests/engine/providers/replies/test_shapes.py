"""Answers in shapes of their own go through the same reading: Anthropic's, Google's, Ollama's and Cohere's."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from engine.errors import ProviderError
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.providers.llm import LLMReply, LLMRequest
from engine.spec.crew_spec import LLMSpec
from tests.engine.providers.replies.native import (
    NativeServer,
    anthropic,
    anthropic_events,
    as_events,
    as_json,
    gemini,
)
from tests.engine.providers.replies.wires import TOOLS, calls_in, figures

THOUGHT = "<think>2 + 2</think>\nFour."
QUERY = {"query": "teal"}
WRITTEN = json.dumps({"name": "web_search", "arguments": QUERY})
STATED = (40, 0, 20, 0, False)
Answer = tuple[str, str]


@dataclass(frozen=True)
class Shape:
    """``says`` and ``calls``: an answer of that text, or one call of the search, whole and streamed."""

    model: str
    says: Callable[[str, bool], Answer]
    calls: Callable[[str, bool], Answer]


def of_anthropic(blocks: list[dict[str, Any]], stop: str, stream: bool) -> Answer:
    message = anthropic(blocks, {"input_tokens": 40, "output_tokens": 20}, stop=stop)
    return as_events(*anthropic_events(message), named=True) if stream else as_json(message)


def of_google(parts: list[dict[str, Any]], stream: bool) -> Answer:
    usage = {"promptTokenCount": 40, "candidatesTokenCount": 20, "totalTokenCount": 60}
    if not stream:
        return as_json(gemini(parts, usage=usage))
    begun = gemini(parts, usage=usage)
    del begun["candidates"][0]["finishReason"]
    return as_events(begun, gemini([{"text": ""}], usage=usage))


def of_ollama(message: dict[str, Any], stream: bool) -> Answer:
    head = {"model": "qwen3", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant"} | message}
    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 40, "eval_count": 20}
    if not stream:
        return as_json(head | end)
    empty = {"model": "qwen3", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": ""}}
    return "application/x-ndjson", "".join(json.dumps(one) + "\n" for one in (head | {"done": False}, empty | end))


SHAPES = {
    "Anthropic": Shape(
        "anthropic/claude-sonnet-4-5",
        lambda text, stream: of_anthropic([{"type": "text", "text": text}], "end_turn", stream),
        lambda name, stream: of_anthropic(
            [{"type": "tool_use", "id": "toolu_1", "name": name, "input": QUERY}], "tool_use", stream
        ),
    ),
    "Google": Shape(
        "gemini/gemini-2.5-flash",
        lambda text, stream: of_google([{"text": text}], stream),
        lambda name, stream: of_google([{"functionCall": {"name": name, "args": QUERY}}], stream),
    ),
    "Ollama": Shape(
        "ollama_chat/qwen3",
        lambda text, stream: of_ollama({"content": text}, stream),
        lambda name, stream: of_ollama(
            {"content": "", "tool_calls": [{"function": {"name": name, "arguments": QUERY}}]}, stream
        ),
    ),
}
IN_EACH = pytest.mark.parametrize("name", SHAPES)
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


async def ask(shape: Shape, answer: Answer, *, stream: bool) -> LLMReply:
    with NativeServer(lambda number, body: answer) as server:
        llm = LLMSpec(model=shape.model, timeout_s=20, stream=stream)
        client = LiteLLMClient(lambda _: Credential(api_key="sk-x", base_url=server.url))
        request = LLMRequest(llm, ({"role": "user", "content": "Hello"},), max_tokens=99, tools=TOOLS)
        try:
            return await client.complete(request)
        finally:
            assert len(server.bodies) == 1


@BOTH_WAYS
@IN_EACH
@pytest.mark.parametrize(
    ("text", "answer", "reasoning", "calls"),
    [
        ("Four.", "Four.", "", []),
        (THOUGHT, "Four.", "2 + 2", []),
        (f"<tool_call>{WRITTEN}</tool_call>", "", "", [("web_search", json.dumps(QUERY))]),
        (WRITTEN, "", "", [("web_search", json.dumps(QUERY))]),
    ],
    ids=["plain", "think marks", "a marked call", "a bare call"],
)
async def test_texts(
    name: str, text: str, answer: str, reasoning: str, calls: list[tuple[str, str]], stream: bool
) -> None:
    reply = await ask(SHAPES[name], SHAPES[name].says(text, stream), stream=stream)
    assert (reply.text, reply.reasoning, calls_in(reply)) == (answer, reasoning, calls)
    assert figures(reply) == STATED
    assert reply.finish_reason == ("tool_calls" if calls else "stop")


@BOTH_WAYS
@IN_EACH
@pytest.mark.parametrize("written", ["web_search", "Web-Search"])
async def test_calls(name: str, written: str, stream: bool) -> None:
    reply = await ask(SHAPES[name], SHAPES[name].calls(written, stream), stream=stream)
    ((called, arguments),) = calls_in(reply)
    assert (called, json.loads(arguments)) == ("web_search", QUERY)
    assert (reply.finish_reason, figures(reply)) == ("tool_calls", STATED)


@IN_EACH
async def test_a_stream_that_is_cut_is_of_unknown_outcome(name: str) -> None:
    kind, text = SHAPES[name].says("Four.", True)
    lines = text.split("\n")
    kept = next(number for number, line in enumerate(lines) if "Four" in line)
    with pytest.raises(ProviderError) as failed:
        await ask(SHAPES[name], (kind, "\n".join(lines[: kept + 1]) + "\n\n"), stream=True)
    assert (failed.value.retryable, failed.value.outcome_unknown) == (True, True)
