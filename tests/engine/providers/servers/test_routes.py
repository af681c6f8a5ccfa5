"""Where each server is asked, by the base URL that people give, and that the answer and its tools come back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.errors import ProviderError
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.providers.llm import LLMReply, LLMRequest
from engine.spec.crew_spec import LLMSpec
from tests.engine.loopback import Reply, Site

KEY = "sk-loopback-secret"
CLOCK = {
    "type": "function",
    "function": {"name": "clock", "description": "The time.", "parameters": {"type": "object", "properties": {}}},
}
OPENAI = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "clock", "arguments": {}}}]}
OLLAMA = {"model": "llama3", "created_at": "2026-01-01T00:00:00Z", "done": True, "done_reason": "stop"}
OLLAMA |= {"prompt_eval_count": 7, "eval_count": 3, "message": {"role": "assistant", "content": "Hi"}}
CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 5, "outputTokens": 1, "totalTokens": 6},
}


async def ask(
    site: Site, model: str, end: str, *, tools: bool = False, stream: bool = False, version: str = ""
) -> LLMReply:
    client = LiteLLMClient(lambda _: Credential(KEY, f"{site.url}{end}", version))
    request = LLMRequest(
        LLMSpec(model=model, timeout_s=10, stream=stream),
        ({"role": "user", "content": "What time is it?"},),
        max_tokens=64,
        tools=(CLOCK,) if tools else (),
    )
    return await client.complete(request)


def reply(body: Any) -> Reply:
    return Reply(json.dumps(body).encode(), headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(
    ("model", "end", "path", "body"),
    [
        ("openai/qwen", "/v1", "/v1/chat/completions", OPENAI),
        ("hosted_vllm/Qwen/Qwen3-8B", "", "/v1/chat/completions", OPENAI),
        ("lm_studio/qwen3", "/v1", "/v1/chat/completions", OPENAI),
        ("llamafile/qwen3", "", "/v1/chat/completions", OPENAI),
        ("litellm_proxy/fast", "", "/chat/completions", OPENAI),
        ("openrouter/meta-llama/llama-3.3-70b-instruct", "/api/v1", "/api/v1/chat/completions", OPENAI),
        (
            "groq/llama-3.3-70b-versatile",
            "/openai/v1",
            "/openai/v1/chat/completions",
            OPENAI | {"service_tier": "on_demand"},
        ),
        ("azure/my-gpt", "", "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21", OPENAI),
        (
            "azure/my-gpt",
            "/openai/deployments/x?api-version=2025-01-01-preview",
            "/openai/deployments/my-gpt/chat/completions?api-version=2025-01-01-preview",
            OPENAI,
        ),
        ("ollama/llama3", "", "/api/chat", OLLAMA),
        ("ollama/llama3", "/v1", "/api/chat", OLLAMA),
        ("bedrock/amazon.nova-lite-v1:0", "", "/model/amazon.nova-lite-v1%3A0/converse", CONVERSE),
    ],
)
async def test_each_server_is_asked_where_it_answers(model: str, end: str, path: str, body: Any) -> None:
    with Site({path: reply(body)}) as site:
        answer = await ask(site, model, end)
    (asked,) = site.asked
    assert (asked.path, answer.text) == (path, "Hi")
    assert KEY in asked.headers.get("authorization", "") + asked.headers.get("api-key", "")


async def test_ollamas_tools_are_sent_as_tools_and_come_back_as_calls() -> None:
    with Site({"/api/chat": reply(OLLAMA | {"message": CALL})}) as site:
        answer = await ask(site, "ollama/llama3", "/v1", tools=True)
    (asked,) = site.asked
    assert [tool["function"]["name"] for tool in json.loads(asked.body)["tools"]] == ["clock"]
    assert [(call.name, json.loads(call.arguments)) for call in answer.tool_calls] == [("clock", {})]
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (7, 3)


async def test_ollama_streams_by_lines() -> None:
    parts = [OLLAMA | {"done": False, "message": {"role": "assistant", "content": text}} for text in ("H", "i")]
    lines = [json.dumps(part).encode() + b"\n" for part in (*parts, OLLAMA | {"message": {"content": ""}})]
    site_reply = Reply(lines, headers={"Content-Type": "application/x-ndjson"})
    with Site({"/api/chat": site_reply}) as site:
        answer = await ask(site, "ollama/llama3", "", stream=True)
    assert answer.text == "Hi"


async def test_a_server_of_ones_own_without_an_address_is_named_so() -> None:
    client = LiteLLMClient(lambda _: Credential(""))
    request = LLMRequest(LLMSpec(model="hosted_vllm/q"), ({"role": "user", "content": "Hi"},), max_tokens=9)
    with pytest.raises(ProviderError, match="vLLM has no address of its own") as failed:
        await client.complete(request)
    assert not failed.value.outcome_unknown
