"""Streamed replies: the same answer and bill as whole ones, and a stream that breaks is no answer."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import ProviderError
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.providers.llm import LLMReply, LLMRequest
from engine.record.journal import CallStatus
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import LLMSpec
from tests.engine.crews import agent, crew, run, runtime, task
from tests.openai_server import Fault, OpenAIServer, tool_call

TEXT = "An answer in several words"


def client(server: OpenAIServer) -> LiteLLMClient:
    return LiteLLMClient(lambda _: Credential(api_key="sk-x", base_url=server.url))


async def ask(server: OpenAIServer, **options: Any) -> LLMReply:
    llm = LLMSpec(model="gpt-4o-mini", stream=True, timeout_s=5)
    request = LLMRequest(llm=llm, messages=({"role": "user", "content": "Hello"},), max_tokens=99, **options)
    return await client(server).complete(request)


async def test_a_stream_is_the_same_answer_and_the_same_bill() -> None:
    with OpenAIServer(TEXT, cached_tokens=2) as server:
        reply = await ask(server)
    (billed,) = server.billed
    assert reply.text == TEXT
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (
        billed.prompt_tokens,
        billed.completion_tokens,
    )
    assert (reply.usage.cached_prompt_tokens, reply.usage.estimated) == (2, False)
    assert (reply.finish_reason, server.requests) == ("stop", 1)
    assert reply.ttft_ms is not None
    assert 0 <= reply.ttft_ms <= reply.latency_ms


async def test_tool_calls_are_put_together() -> None:
    with OpenAIServer(lambda body: tool_call("calculator", {"expression": "1 + 1"})) as server:
        reply = await ask(server)
    (call,) = reply.tool_calls
    assert (call.id, call.name, call.arguments) == ("call_1", "calculator", '{"expression": "1 + 1"}')


@pytest.mark.parametrize("chunks", range(8))
async def test_a_stream_that_is_cut_at_any_chunk_is_of_unknown_outcome(chunks: int) -> None:
    with OpenAIServer(TEXT) as server:
        server.cut_stream_after = chunks
        with pytest.raises(ProviderError) as failed:
            await ask(server)
        assert server.requests == 1
    assert (failed.value.retryable, failed.value.outcome_unknown) == (True, True)


async def test_a_whole_answer_whose_usage_was_cut_off_counts_and_is_marked() -> None:
    with OpenAIServer(TEXT) as server:
        server.cut_stream_after = 8
        reply = await ask(server)
    assert (reply.text, reply.usage.estimated) == (TEXT, True)


async def test_without_usage_it_is_counted_here_and_marked() -> None:
    with OpenAIServer(lambda body: {"role": "assistant", "content": TEXT, "usage": None}) as server:
        reply = await ask(server)
    assert reply.usage.estimated
    assert reply.usage.completion_tokens == 5


async def test_a_refusal_before_the_stream_is_a_refusal() -> None:
    with OpenAIServer(lambda body: Fault(429, "{}", {"Retry-After": "3"})) as server:
        with pytest.raises(ProviderError) as failed:
            await ask(server)
        assert server.requests == 1
    assert (failed.value.throttled, failed.value.outcome_unknown, failed.value.retry_after_s) == (True, False, 3)


async def test_a_broken_stream_is_booked_at_its_worst_and_tried_again() -> None:
    journal = MemoryJournal()
    with OpenAIServer(TEXT) as server:
        server.cut_stream_after = 3

        def mend(body: dict[str, Any]) -> str:
            server.cut_stream_after = 3 if server.requests == 1 else None
            return TEXT

        server._answer = mend
        llm = LLMSpec(model="gpt-4o-mini", stream=True, timeout_s=5)
        spec = crew(task("a"), agents=(agent(llm=llm),))
        output = await run(spec, runtime(llm=client(server), journal=journal))
    assert output.raw == TEXT
    assert [call.outcome.status for call in journal.calls] == [CallStatus.UNKNOWN, CallStatus.OK]
    assert journal.calls[0].outcome.cost_usd == journal.calls[0].intent.reserved_usd
    assert journal.calls[1].outcome.reply is not None
