"""A model's turn goes back whole: what its provider put into it for itself comes back to it, byte for byte.

An agent calls a tool and is asked again. The second request is what a real provider would refuse if a field lacked.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from engine.catalogue.pricing import Usage
from engine.crew.crew import CrewResult
from engine.crew.prompt import assistant_message, tool_message
from engine.providers import tokens
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.providers.llm import LLMReply, LLMRequest, ToolCall
from engine.providers.replies.own_fields import given_back, own_fields_of
from engine.record.memory_journal import MemoryJournal
from engine.record.request_key import request_key
from engine.spec.crew_spec import LLMSpec
from tests.engine.crews import agent, crew, run, runtime, task
from tests.engine.providers.replies.native import (
    NativeServer,
    anthropic,
    anthropic_events,
    as_events,
    as_json,
    gemini,
)
from tests.engine.providers.replies.wires import call, in_events, pieces, whole
from tests.openai_server import Fault, OpenAIServer

SUM = '{"expression": "1 + 1"}'
SIGNATURE = "EuYBCkQYAiJA+/=" + "ab/+" * 600
"""As long as real ones: more than any bound on names."""
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


async def two_rounds(url: str, llm: LLMSpec, journal: MemoryJournal | None = None) -> CrewResult:
    client = LiteLLMClient(lambda _: Credential(api_key="sk-x", base_url=url))
    spec = crew(task("a"), agents=(agent(llm=llm, tools=("calculator",), max_retry_limit=0),))
    return await run(spec, runtime(llm=client, journal=journal))


def sent_back(bodies: list[dict[str, Any]]) -> dict[str, Any]:
    """The assistant's turn as the second request holds it."""
    (turn,) = [message for message in bodies[1]["messages"] if message["role"] == "assistant"]
    assert isinstance(turn, dict)
    return turn


OWN = {
    "reasoning_content": {"reasoning_content": "First\n I  reckon… \u00e9\u4e2d\u2028 \\u0000 <end>"},
    "reasoning_content, empty": {"reasoning_content": ""},
    "reasoning": {"reasoning": "I reckon."},
    "reasoning_details": {
        "reasoning_details": [
            {
                "type": "reasoning.text",
                "text": "I reckon.",
                "signature": SIGNATURE,
                "format": "anthropic-v1",
                "index": 0,
            },
            {"type": "reasoning.encrypted", "data": SIGNATURE, "id": "rs_1", "index": 1},
        ]
    },
}


@BOTH_WAYS
@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("deepseek/deepseek-chat", OWN["reasoning_content"]),
        ("deepseek/deepseek-chat", OWN["reasoning_content, empty"]),
        ("moonshot/kimi-k2-thinking", OWN["reasoning_content"]),
        ("groq/openai/gpt-oss-120b", OWN["reasoning"]),
        ("openrouter/anthropic/claude-sonnet-4.5", OWN["reasoning_details"]),
        ("hosted_vllm/qwen3", OWN["reasoning_content"]),
        ("openai/some-server", OWN["reasoning_content"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
async def test_fields_of_a_message_come_back_to_the_byte(model: str, fields: dict[str, Any], stream: bool) -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [call("calculator", SUM)]} | fields
    last = {"role": "assistant", "content": "Two."}

    def answer(body: dict[str, Any]) -> Fault:
        said = last if body["messages"][-1]["role"] == "tool" else message
        return in_events(*pieces(said)) if stream else whole(said)

    bodies: list[dict[str, Any]] = []
    with OpenAIServer(lambda body: (bodies.append(body), answer(body))[1]) as server:
        result = await two_rounds(server.url, LLMSpec(model=model, stream=stream, timeout_s=20))
    assert result.raw == "Two."
    turn = sent_back(bodies)
    assert {name: turn.get(name) for name in fields} == fields
    assert turn["tool_calls"][0]["function"] == {"name": "calculator", "arguments": SUM}


@BOTH_WAYS
@pytest.mark.parametrize(
    "own",
    [
        {"extra_content": {"google": {"thought_signature": SIGNATURE}}},
        {"provider_specific_fields": {"thought_signature": SIGNATURE}},
    ],
    ids=["Google's OpenAI-compatible address", "LiteLLM's proxy"],
)
async def test_fields_of_a_call_and_its_long_id_come_back(own: dict[str, Any], stream: bool) -> None:
    long_id = f"call_1__thought__{SIGNATURE}"
    asked = call("calculator", SUM, call_id=long_id, **own)
    message = {"role": "assistant", "content": None, "tool_calls": [asked]}

    def answer(body: dict[str, Any]) -> Fault:
        said = {"role": "assistant", "content": "Two."} if body["messages"][-1]["role"] == "tool" else message
        return in_events(*pieces(said)) if stream else whole(said)

    bodies: list[dict[str, Any]] = []
    with OpenAIServer(lambda body: (bodies.append(body), answer(body))[1]) as server:
        result = await two_rounds(server.url, LLMSpec(model="litellm_proxy/m", stream=stream, timeout_s=20))
    assert result.raw == "Two."
    (back,) = sent_back(bodies)["tool_calls"]
    assert {name: back.get(name) for name in own} == own
    assert back["id"] == bodies[1]["messages"][-1]["tool_call_id"] == long_id


@BOTH_WAYS
async def test_claudes_thinking_comes_back_first_with_its_signature(stream: bool) -> None:
    thinking = {"type": "thinking", "thinking": "I reckon\n 1 + 1…", "signature": SIGNATURE}
    redacted = {"type": "redacted_thinking", "data": SIGNATURE[::-1]}
    use = {"type": "tool_use", "id": "toolu_1", "name": "calculator", "input": {"expression": "1 + 1"}}
    usage = {"input_tokens": 10, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 0, "output_tokens": 20}
    first = anthropic([thinking, redacted, {"type": "text", "text": "Let me| see."}, use], usage, stop="tool_use")
    last = anthropic([{"type": "text", "text": "Two."}], usage, stop="end_turn")
    if not stream:
        first["content"][2]["text"] = "Let me see."

    def answer(number: int, body: dict[str, Any]) -> tuple[str, str]:
        message = last if number else first
        return as_events(*anthropic_events(message), named=True) if stream else as_json(message)

    journal = MemoryJournal()
    with NativeServer(answer) as server:
        llm = LLMSpec(model="anthropic/claude-sonnet-4-5", stream=stream, timeout_s=20, reasoning_effort="low")
        result = await two_rounds(server.url, llm, journal)
    assert result.raw == "Two."
    turn = sent_back(server.bodies)
    assert turn["content"][:3] == [thinking, redacted, {"type": "text", "text": "Let me see."}]
    assert turn["content"][3]["id"] == "toolu_1"
    reply = journal.calls[0].outcome.reply
    assert reply is not None
    assert reply.reasoning == "I reckon\n 1 + 1…"
    assert (reply.usage.prompt_tokens, reply.usage.cached_prompt_tokens, reply.usage.completion_tokens) == (40, 30, 20)
    assert not reply.usage.estimated


@BOTH_WAYS
async def test_geminis_signature_comes_back_with_its_call(stream: bool) -> None:
    use = {"functionCall": {"name": "calculator", "args": {"expression": "1 + 1"}}, "thoughtSignature": SIGNATURE}
    other = {"functionCall": {"name": "calculator", "args": {"expression": "2 + 2"}}}

    def answer(number: int, body: dict[str, Any]) -> tuple[str, str]:
        said = gemini([{"text": "Two and four."}] if number else [use, other])
        return as_events(said) if stream else as_json(said)

    journal = MemoryJournal()
    with NativeServer(answer) as server:
        llm = LLMSpec(model="gemini/gemini-3-pro-preview", stream=stream, timeout_s=20)
        result = await two_rounds(server.url, llm, journal)
    assert result.raw == "Two and four."
    (turn,) = [content for content in server.bodies[1]["contents"] if content["role"] == "model"]
    asked = [part for part in turn["parts"] if "function_call" in part or "functionCall" in part]
    assert [part.get("thoughtSignature") for part in asked] == [SIGNATURE, None]
    usage = journal.calls[0].outcome.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.estimated) == (40, 20, False)


def turn_of(model: str, *, message: dict[str, Any], made: tuple[ToolCall, ...] = ()) -> dict[str, Any]:
    own = own_fields_of(message, made, model)
    return assistant_message(LLMReply("Hm.", Usage(), model, tool_calls=made, own_fields=own))


def test_another_provider_gets_neither_the_fields_nor_the_ids() -> None:
    made = (ToolCall(f"call_1__thought__{SIGNATURE}", "calculator", SUM),)
    message = {"reasoning_content": "Hm", "tool_calls": [call("calculator", SUM, thought_signature=SIGNATURE)]}
    turn = turn_of("deepseek/deepseek-chat", message=message, made=made)
    conversation = ({"role": "user", "content": "Hi"}, turn, tool_message(made[0].id, "2"))
    own = given_back(conversation, "deepseek/deepseek-reasoner")
    assert own[1]["reasoning_content"] == "Hm"
    assert own[1]["tool_calls"][0]["thought_signature"] == SIGNATURE
    others = given_back(conversation, "gpt-4o")
    assert set(others[1]) == {"role", "content", "tool_calls"}
    (asked,) = others[1]["tool_calls"]
    assert set(asked) == {"id", "type", "function"}
    assert asked["id"] == others[2]["tool_call_id"]
    assert len(asked["id"]) <= 9
    assert asked["id"].isalnum()
    assert given_back(conversation, "gpt-4o") == others, "a replay sends the same ids"


def test_the_text_goes_back_with_its_thoughts_to_its_own_provider_alone() -> None:
    own = own_fields_of({}, (), "minimax/m2", content="<think>a</think>\nFour.")
    turn = assistant_message(LLMReply("Four.", Usage(), "minimax/m2", own_fields=own))
    assert given_back((turn,), "minimax/m2")[0]["content"] == "<think>a</think>\nFour."
    assert given_back((turn,), "gpt-4o")[0]["content"] == "Four."


def test_what_goes_back_counts() -> None:
    long = "thoughts " * 500
    turn = turn_of("deepseek/deepseek-chat", message={"reasoning_content": long})
    own, others = (tokens.count_messages(given_back((turn,), model)) for model in ("deepseek/x", "gpt-4o"))
    assert own - others == tokens.count_text(long)


async def test_a_fallback_of_another_provider_is_asked_without_them_and_the_ledger_says_so() -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [call("calculator", SUM)], "reasoning_content": "Hm"}

    def answer(body: dict[str, Any]) -> Fault:
        if body["messages"][-1]["role"] != "tool":
            return whole(message)
        is_first = body["model"] == "deepseek-chat"
        return Fault(400, '{"error": {"message": "gone"}}') if is_first else whole({"content": "Two."})

    journal, bodies = MemoryJournal(), []
    with OpenAIServer(lambda body: (bodies.append(body), answer(body))[1]) as server:
        llm = LLMSpec(model="deepseek/deepseek-chat", fallbacks=("gpt-4o-mini",), timeout_s=20)
        result = await two_rounds(server.url, llm, journal)
    assert result.raw == "Two."
    own, others = (next(one for one in body["messages"] if one["role"] == "assistant") for body in bodies[1:])
    assert (own.get("reasoning_content"), others.get("reasoning_content")) == ("Hm", None)
    kept = [line.intent for line in journal.calls if line.intent.step == 2]
    assert [intent.messages[2].get("reasoning_content") for intent in kept] == ["Hm", None]
    assert kept[1].prompt_tokens < kept[0].prompt_tokens


async def test_a_replay_gives_the_same_turns() -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [call("calculator", SUM)], "reasoning_content": "Hm"}

    def answer(body: dict[str, Any]) -> Fault:
        return whole({"content": "Two."} if body["messages"][-1]["role"] == "tool" else message)

    journal, bodies = MemoryJournal(), []
    llm = LLMSpec(model="deepseek/deepseek-chat", timeout_s=20)
    with OpenAIServer(lambda body: (bodies.append(body), answer(body))[1]) as server:
        await two_rounds(server.url, llm, journal)
        kept = MemoryJournal(journal.calls[:2])
        await two_rounds(server.url, llm, kept)
    assert bodies[2] == bodies[1]


async def test_a_request_with_own_fields_has_a_key_of_its_own() -> None:
    plain = turn_of("deepseek/deepseek-chat", message={"reasoning_content": "a"})
    other = turn_of("deepseek/deepseek-chat", message={"reasoning_content": "b"})
    request = LLMRequest(LLMSpec(model="deepseek/deepseek-chat"), (plain,), 9)
    keys = {request_key(replace(request, messages=(turn,)), simulated=False) for turn in (plain, other)}
    assert len(keys) == 2


def test_a_lone_surrogate_and_a_nul_survive_the_way_through_json() -> None:
    own = own_fields_of({"reasoning_content": "a\x00\ud800b"}, (), "deepseek/x")
    assert own.isascii()
    assert json.loads(own)["message"]["reasoning_content"] == "a\x00\ud800b"
