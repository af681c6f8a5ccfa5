"""The real client against a real server on loopback: what is sent, what is billed, what each fault becomes."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from engine.errors import ProviderError
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.providers.llm import LLMReply, LLMRequest
from engine.spec.crew_spec import LLMSpec
from tests.openai_server import Fault, OpenAIServer

KEY = "sk-loopback-secret"


async def ask(server: OpenAIServer, **llm: Any) -> LLMReply:
    spec = LLMSpec(**({"model": "gpt-4o-mini", "timeout_s": 5} | llm))
    client = LiteLLMClient(lambda _: Credential(api_key=KEY, base_url=server.url))
    return await client.complete(LLMRequest(llm=spec, messages=({"role": "user", "content": "Hello"},), max_tokens=99))


async def failure(server: OpenAIServer, **llm: Any) -> ProviderError:
    with pytest.raises(ProviderError) as failed:
        await ask(server, **{"timeout_s": 60} | llm)
    return failed.value


async def test_a_request_is_sent_once_with_its_bound_and_its_settings() -> None:
    with OpenAIServer("Hi", cached_tokens=2) as server:
        reply = await ask(server, temperature=0.25, seed=7, stop=("END",))
    (billed,) = server.billed
    assert billed.authorization == f"Bearer {KEY}"
    assert {name: billed.body[name] for name in ("model", "temperature", "seed", "stop", "max_tokens")} == {
        "model": "gpt-4o-mini",
        "temperature": 0.25,
        "seed": 7,
        "stop": ["END"],
        "max_tokens": 99,
    }
    usage = reply.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (billed.prompt_tokens, billed.completion_tokens)
    assert (usage.cached_prompt_tokens, usage.estimated, reply.simulated) == (2, False, False)


@pytest.mark.parametrize("model", ["gpt-4o", "openai/gpt-4o", "my-own-model", "gpt-3.5-turbo"])
async def test_any_model_name_reaches_an_openai_compatible_server(model: str) -> None:
    with OpenAIServer("Hi") as server:
        await ask(server, model=model)
    assert server.billed[0].model == model.removeprefix("openai/")


@pytest.mark.parametrize(
    ("fault", "retryable", "unknown"),
    [
        (Fault(401, '{"error": {"message": "bad key"}}'), False, False),
        (Fault(404, '{"error": {"message": "no model"}}'), False, False),
        (Fault(400, '{"error": {"message": "bad request"}}'), False, False),
        (Fault(429, '{"error": {"message": "slow down"}}', {"Retry-After": "7"}), True, False),
        (Fault(422, '{"error": {"message": "unknown parameter: seed", "param": "seed"}}'), False, False),
        (Fault(400, '{"error": {"message": "roles must alternate between user and assistant"}}'), False, False),
        (Fault(500), True, False),
        (Fault(503), True, False),
        (Fault(cut=True), True, True),
        (Fault(200, "{truncated"), True, True),
        (Fault(200, '{"id": "x", "object": "chat.completion", "model": "m", "choices": []}'), True, True),
    ],
    ids=["401", "404", "400", "429", "422", "alternate", "500", "503", "cut", "truncated", "no choices"],
)
async def test_each_fault_says_whether_to_retry_and_whether_it_may_have_been_billed(
    fault: Fault, retryable: bool, unknown: bool
) -> None:
    with OpenAIServer(lambda body: fault) as server:
        with pytest.raises(ProviderError) as failed:
            await ask(server)
        assert server.requests == 1
    assert (failed.value.retryable, failed.value.outcome_unknown) == (retryable, unknown)
    assert KEY not in str(failed.value)
    if fault.status == 429:
        assert failed.value.retry_after_s == 7


@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash", "mistral/mistral-small"])
@pytest.mark.parametrize(
    "fault", [Fault(cut=True), Fault(500), Fault(422), Fault(529)], ids=["cut", "500", "422", "529"]
)
async def test_no_provider_is_asked_twice_in_one_attempt(model: str, fault: Fault) -> None:
    with OpenAIServer(lambda body: fault) as server:
        with pytest.raises(ProviderError) as failed:
            await ask(server, model=model, seed=3)
        assert server.requests == 1
    assert failed.value.outcome_unknown == fault.cut


async def test_a_reply_without_an_end_is_cut_off_and_not_asked_for_again() -> None:
    with OpenAIServer("word " * 10_000_000) as server, pytest.raises(ProviderError, match="larger than") as failed:
        await ask(server, timeout_s=120)
    assert (failed.value.retryable, failed.value.outcome_unknown) == (False, True)


async def test_retry_after_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    fault = Fault(429, '{"error": {"message": "slow down"}}', {"Retry-After": later})
    with OpenAIServer(lambda body: fault) as server, pytest.raises(ProviderError) as failed:
        await ask(server)
    assert failed.value.retry_after_s is not None
    assert 50 < failed.value.retry_after_s <= 60


@pytest.mark.parametrize(
    ("asked", "pause_s"),
    [
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("9" * 5000, 86_400),
        ("inf", 86_400),
        ("-5", 0),
        ("Mon, 01 Jan 1900 00:00:00 GMT", 0),
        ("NaN", None),
        ("soon", None),
    ],
)
async def test_the_pause_asked_for_is_a_day_at_most(asked: str, pause_s: float | None) -> None:
    fault = Fault(429, '{"error": {"message": "slow down"}}', {"Retry-After": asked})
    with OpenAIServer(lambda body: fault) as server:
        assert (await failure(server)).retry_after_s == pause_s


async def test_a_server_that_is_not_there_was_not_billed() -> None:
    with OpenAIServer("Hi") as server:
        pass
    with pytest.raises(ProviderError) as failed:
        await ask(server)
    assert (failed.value.retryable, failed.value.outcome_unknown) == (True, False)


async def test_a_hang_ends_at_its_timeout_with_an_unknown_outcome() -> None:
    with OpenAIServer("Hi", latency_s=3) as server, pytest.raises(ProviderError) as failed:
        await ask(server, timeout_s=0.3)
    assert (failed.value.retryable, failed.value.outcome_unknown) == (True, True)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": -5, "completion_tokens": 3, "total_tokens": -2},
    ],
    ids=["missing", "empty", "zero", "negative"],
)
async def test_usage_that_cannot_be_true_is_counted_here_and_marked(usage: Any) -> None:
    message = {"role": "assistant", "content": "Some words here", "usage": usage}
    with OpenAIServer(lambda body: dict(message)) as server:
        reply = await ask(server)
    assert reply.usage.estimated
    assert reply.usage.prompt_tokens > 0
    assert reply.usage.completion_tokens == 3


async def test_hostile_text_becomes_storable_text() -> None:
    with OpenAIServer(lambda body: {"role": "assistant", "content": "a\x00b\ud800c"}) as server:
        reply = await ask(server)
    assert reply.text == "a\ufffdb\ufffdc"


async def test_no_key_is_a_clear_refusal() -> None:
    client = LiteLLMClient(lambda _: None)
    request = LLMRequest(llm=LLMSpec(model="claude-sonnet-4-5"), messages=(), max_tokens=1)
    with pytest.raises(ProviderError, match="no key for claude-sonnet-4-5"):
        await client.complete(request)


def calls(number: int) -> dict[str, Any]:
    one = {"type": "function", "function": {"name": "clock", "arguments": "{}"}}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": f"call_{n}", **one} for n in range(number)]}


async def test_an_answer_of_very_many_parts_is_refused_before_it_is_taken_apart() -> None:
    """LiteLLM would take 60 microseconds for each, on the event loop."""
    with OpenAIServer(lambda body: calls(20_000)) as server, pytest.raises(ProviderError, match="values") as failed:
        await ask(server, timeout_s=60)
    assert (failed.value.retryable, failed.value.outcome_unknown) == (False, True)
    assert server.requests == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(200, '{"id": "x", "created": ' + "9" * 2_000_000 + ', "choices": []}'),
        Fault(200, '{"id": "x", ' + "sk-aaaaaaaaaa" * 300_000),
        Fault(500, "<html>" + "x" * 5_000_000, {"Content-Type": "text/html"}),
        Fault(400, json.dumps({"error": {"message": "sk-a1 " * 500_000}})),
        Fault(200, "data: " + "x" * 5_000_000 + "\n\n", {"Content-Type": "text/event-stream"}),
    ],
    ids=["a number", "no JSON", "an error page", "an error", "an event"],
)
async def test_a_long_answer_that_nobody_can_read_is_not_looked_through(fault: Fault) -> None:
    """LiteLLM looks for secrets in the text of an error, for seconds a megabyte. Here that is some CPU for the wire."""
    with OpenAIServer(lambda body: fault) as server:
        await failure(server)  # what is loaded with the first
        began = time.process_time()
        await failure(server, stream=str(fault.body).startswith("data:"))
    assert time.process_time() - began < 2


async def test_a_small_packed_answer_does_not_fill_the_memory() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(b" " * 10_000_000) for _ in range(20)) + packer.flush()
    with OpenAIServer(lambda body: Fault(200, packed, {"Content-Encoding": "gzip"})) as server:
        error = await failure(server)
    assert "larger than 4,000,000 bytes" in str(error)


async def test_a_packed_answer_is_read_and_an_unknown_packing_is_named() -> None:
    reply = json.dumps({"error": {"message": "no such model"}})
    packed = gzip.compress(reply.encode())
    with OpenAIServer(lambda body: Fault(404, packed, {"Content-Encoding": "gzip"})) as server:
        assert "no such model" in str(await failure(server))
    with OpenAIServer(lambda body: Fault(200, packed, {"Content-Encoding": "zstd"})) as server:
        assert "packed as zstd" in str(await failure(server))


async def test_a_stream_that_only_keeps_its_connection_open_ends_at_the_timeout() -> None:
    endless = Fault(200, b": keepalive\n\n" * 1_000_000, {"Content-Type": "text/event-stream"})
    with OpenAIServer(lambda body: endless) as server:
        await failure(server)  # what is loaded with the first
        began = time.process_time()
        error = await failure(server, stream=True)
    assert error.outcome_unknown
    assert time.process_time() - began < 3


@pytest.mark.parametrize(("stream", "words"), [(False, 30_000), (True, 4_000)], ids=["whole", "in events"])
async def test_a_long_text_full_of_braces_is_no_answer_of_many_parts(stream: bool, words: int) -> None:
    code = '{"a":1} ' * words
    with OpenAIServer(code) as server:
        reply = await ask(server, stream=stream, timeout_s=60)
    assert reply.text.split() == code.split()
