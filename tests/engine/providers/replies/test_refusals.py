"""A refusal is named, with its words, is booked at what was billed, and is not asked for and paid again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.catalogue.pricing import cost_usd
from engine.crew.crew import CrewResult
from engine.errors import ModelRefused
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.providers.llm import LLMReply, LLMRequest
from engine.record.journal import CallStatus
from engine.record.memory_journal import MemoryJournal
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
from tests.engine.providers.replies.wires import STATED, failure, figures, in_events, pieces, whole
from tests.openai_server import Fault, OpenAIServer

SORRY = "I'm sorry, I can't help with that."
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def says(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content} | more


@BOTH_WAYS
@pytest.mark.parametrize(
    ("message", "finish", "words"),
    [
        (says(None, refusal=SORRY), "stop", SORRY),
        (says(None, refusal=SORRY), "content_filter", SORRY),
        (says([{"type": "refusal", "refusal": SORRY}]), "stop", SORRY),
        (says("As for the fi"), "content_filter", "the provider's filter stopped the answer (content_filter)."),
        (says(""), "content_filter", "(content_filter)"),
        (says(None), "sensitive", "(sensitive)"),
        (says("As for"), "refusal", "(refusal)"),
        (says(""), "SAFETY", "(SAFETY)"),
        (says(""), "guardrail_intervened", "(guardrail_intervened)"),
    ],
    ids=["refusal", "both", "a part", "filter, cut", "filter", "Zhipu", "Claude's word", "Google's word", "Bedrock's"],
)
async def test_it_is_named_with_its_words(message: dict[str, Any], finish: str, words: str, stream: bool) -> None:
    fault = in_events(*pieces(message), finish=finish) if stream else whole(message, finish=finish)
    error = await failure(fault, stream=stream)
    assert isinstance(error, ModelRefused)
    assert str(error).startswith("openai/m refused to answer: ")
    assert words in str(error)
    assert (error.code, error.retryable, error.outcome_unknown) == ("model_refused", False, False)
    assert isinstance(error.reply, LLMReply)
    assert figures(error.reply) == STATED


@BOTH_WAYS
async def test_azures_filter_is_named_with_what_it_found(stream: bool) -> None:
    found = {"hate": {"filtered": False, "severity": "safe"}, "violence": {"filtered": True, "severity": "high"}}
    choice = {"content_filter_results": found}
    answer = in_events(*pieces(says("As")), finish="content_filter", choice=choice)
    fault = answer if stream else whole(says("As"), finish="content_filter", choice=choice)
    assert "found violence." in str(await failure(fault, stream=stream))


@pytest.mark.parametrize("refusal", ["", None])
async def test_an_empty_refusal_is_none(refusal: Any) -> None:
    with OpenAIServer(lambda body: whole(says("Four.", refusal=refusal))) as server:
        assert (await asked(server.url, "openai/m")).raw == "Four."


async def asked(url: str, model: str, journal: MemoryJournal | None = None, **llm: Any) -> CrewResult:
    client = LiteLLMClient(lambda _: Credential(api_key="sk-x", base_url=url))
    spec = crew(task("a"), agents=(agent(llm=LLMSpec(model=model, timeout_s=20, **llm), max_retry_limit=2),))
    return await run(spec, runtime(llm=client, journal=journal))


@BOTH_WAYS
@pytest.mark.parametrize("has_reason", [True, False])
async def test_claudes_refusal(stream: bool, has_reason: bool) -> None:
    details = {"stop_details": {"type": "refusal", "category": "cyber", "explanation": SORRY}} if has_reason else None
    usage = {"input_tokens": 40, "output_tokens": 20}
    message = anthropic([{"type": "text", "text": "Hello"}], usage, stop="refusal", more=details)
    answer = as_events(*anthropic_events(message), named=True) if stream else as_json(message)
    journal = MemoryJournal()
    with NativeServer(lambda number, body: answer) as server:
        result = await asked(server.url, "anthropic/claude-sonnet-4-5", journal, stream=stream)
    assert (result.error_code, len(server.bodies)) == ("model_refused", 1)
    assert (SORRY if has_reason else "(refusal)") in result.error
    (line,) = journal.calls
    assert (line.outcome.usage.prompt_tokens, line.outcome.usage.completion_tokens) == (40, 20)


@BOTH_WAYS
@pytest.mark.parametrize(
    ("said", "words"),
    [
        (gemini([], finish="SAFETY"), "(SAFETY)"),
        (gemini([{"text": "As for"}], finish="RECITATION"), "(RECITATION)"),
        (
            {
                "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
                "usageMetadata": {"promptTokenCount": 40, "totalTokenCount": 40},
            },
            "(PROHIBITED_CONTENT)",
        ),
    ],
    ids=["the answer", "partly", "the prompt"],
)
async def test_googles_refusals(said: dict[str, Any], words: str, stream: bool) -> None:
    journal = MemoryJournal()
    with NativeServer(lambda number, body: as_events(said) if stream else as_json(said)) as server:
        result = await asked(server.url, "gemini/gemini-2.5-flash", journal, stream=stream)
    assert (result.error_code, len(server.bodies)) == ("model_refused", 1), result.error
    assert words in result.error
    (line,) = journal.calls
    assert (line.outcome.usage.prompt_tokens, line.outcome.usage.estimated) == (40, False)


@pytest.mark.parametrize(
    "error",
    [
        {"code": "content_filter", "message": SORRY, "innererror": {"code": "ResponsibleAIPolicyViolation"}},
        {"code": "content_policy_violation", "message": SORRY},
        {"code": "safety", "message": SORRY},
    ],
    ids=["Azure", "OpenAI", "Google"],
)
async def test_an_error_that_is_a_refusal_is_one_and_costs_nothing(error: dict[str, Any]) -> None:
    journal = MemoryJournal()
    with OpenAIServer(lambda body: Fault(400, json.dumps({"error": error}))) as server:
        result = await asked(server.url, "gpt-4o-mini", journal)
        assert server.requests == 1
    assert (result.error_code, SORRY in result.error) == ("model_refused", True)
    (line,) = journal.calls
    assert (line.outcome.status, line.outcome.cost_usd) == (CallStatus.ERROR, 0)


async def test_it_is_asked_once_and_booked_at_what_it_cost() -> None:
    journal = MemoryJournal()
    with OpenAIServer(lambda body: whole(says(None, refusal=SORRY))) as server:
        result = await asked(server.url, "gpt-4o-mini", journal)
        assert server.requests == 1
    assert result.error_code == "model_refused"
    assert SORRY in result.error
    (line,) = journal.calls
    assert (line.outcome.status, line.outcome.error_code) == (CallStatus.ERROR, "model_refused")
    assert line.outcome.reply is not None
    assert line.outcome.reply.refusal == SORRY
    assert line.outcome.cost_usd == cost_usd(line.outcome.usage, line.intent.price)
    assert line.outcome.cost_usd
    assert line.outcome.cost_usd > 0


def refuses(model: str, bodies: list[Any]) -> Any:
    def answer(body: dict[str, Any]) -> Fault:
        bodies.append(body)
        return whole(says(None, refusal=SORRY)) if body["model"] == model else whole(says("Four."))

    return answer


async def test_another_model_is_asked_where_fallbacks_say_so() -> None:
    journal, bodies = MemoryJournal(), []
    with OpenAIServer(refuses("gpt-4o-mini", bodies)) as server:
        result = await asked(server.url, "gpt-4o-mini", journal, fallbacks=("gpt-4.1-mini",))
    assert result.raw == "Four."
    assert [body["model"] for body in bodies] == ["gpt-4o-mini", "gpt-4.1-mini"]
    assert [line.outcome.status for line in journal.calls] == [CallStatus.ERROR, CallStatus.OK]


@pytest.mark.parametrize("fallbacks", [(), ("gpt-4.1-mini",)])
async def test_after_a_takeover_who_refused_is_not_asked_again(fallbacks: tuple[str, ...]) -> None:
    journal, bodies = MemoryJournal(), []
    with OpenAIServer(refuses("gpt-4o-mini", bodies)) as server:
        first = await asked(server.url, "gpt-4o-mini", journal, fallbacks=fallbacks)
        bodies.clear()
        again = MemoryJournal(journal.calls[:1])  # the worker was lost right after the refusal was booked
        second = await asked(server.url, "gpt-4o-mini", again, fallbacks=fallbacks)
    assert (second.raw, second.error, second.error_code) == (first.raw, first.error, first.error_code)
    assert [body["model"] for body in bodies] == list(fallbacks)
    assert [line.intent.attempt for line in again.calls] == [line.intent.attempt for line in journal.calls]


async def test_a_request_without_tools_takes_the_answer_that_a_tool_was_made_for() -> None:
    """LiteLLM asks some models for a schema by a tool of its own."""
    made = {"id": "c", "type": "function", "function": {"name": "json_tool_call", "arguments": '{"n": 4}'}}
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    with OpenAIServer(lambda body: whole(says(None, tool_calls=[made]))) as server:
        client = LiteLLMClient(lambda _: Credential(api_key="sk-x", base_url=server.url))
        llm = LLMSpec(model="groq/llama-3.3-70b-versatile", timeout_s=20)
        request = LLMRequest(llm, ({"role": "user", "content": "Hi"},), 99, response_schema=schema)
        reply = await client.complete(request)
    assert (reply.text, reply.tool_calls) == ('{"n": 4}', ())
