"""Refusals through the real client, plain and streamed, by several families: none is a guess of LiteLLM's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.catalogue.pricing import Usage
from engine.errors import ProviderError
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.providers.llm import LLMRequest
from engine.spec.crew_spec import LLMSpec
from tests.engine.providers.refusals.bodies import CASES, Case
from tests.openai_server import Fault, OpenAIServer

KEY = "sk-loopback-secret"
FAMILIES = {"openai": "gpt-4o-mini", "vllm": "hosted_vllm/qwen", "groq": "groq/llama-3.3-70b-versatile"}
JSON = {"Content-Type": "application/json"}
OURS = (*("site-packages", "Traceback", "litellm", "/engine/", ".py"), KEY)


async def refusal(answer: Fault, *, model: str = "gpt-4o-mini", base: str = "", **llm: Any) -> ProviderError:
    """The error after this answer; one request was sent."""
    with OpenAIServer(lambda body: answer) as server:
        url = server.url if base == "" else server.url.removesuffix("/v1") + base
        client = LiteLLMClient(lambda _: Credential(KEY, url))
        spec = LLMSpec(model=model, timeout_s=10, **llm)
        request = LLMRequest(spec, ({"role": "user", "content": "Hello"},), max_tokens=4096, prompt_tokens=10)
        with pytest.raises(ProviderError) as failed:
            await client.complete(request)
        assert server.requests == 1
    assert [text for text in OURS if text in str(failed.value)] == [], failed.value
    return failed.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_each_refusal_reaches_the_engine_as_what_it_is(case: Case) -> None:
    error = await refusal(Fault(case.status, case.bytes, JSON | case.headers))
    code = "model_refused" if case.kind == "content" else f"provider_{case.kind}"  # as the model's own refusals
    assert (error.code, error.retryable, error.outcome_unknown) == (code, case.retryable, False)
    assert error.room == case.room
    assert error.retry_after_s == (None if case.pause_s is None else pytest.approx(case.pause_s))
    assert error.throttled == (case.status == 429 and case.retryable)


ONES = ("openai no credit", "retry-after-ms", "vllm", "openai key", "ollama model", "a gateway's page")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("case", [case for case in CASES if case.name in ONES], ids=lambda case: case.name)
async def test_plain_and_streamed_alike_in_every_family(case: Case, family: str, stream: bool) -> None:
    error = await refusal(Fault(case.status, case.bytes, JSON | case.headers), model=FAMILIES[family], stream=stream)
    assert (error.code, error.retryable, error.room) == (f"provider_{case.kind}", case.retryable, case.room)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(
    ("model", "body", "kind"),
    [
        (
            "anthropic/claude-sonnet-4-5",
            {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}},
            "quota",
        ),
        (
            "gemini/gemini-2.5-flash",
            {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}},
            "key",
        ),
        ("ollama/llama3", {"error": "model 'llama3' not found, try pulling it first"}, "model"),
        ("mistral/mistral-small", {"object": "error", "message": "Invalid model: x", "type": "invalid_model"}, "model"),
    ],
)
async def test_families_with_protocols_of_their_own(model: str, body: Any, kind: str, stream: bool) -> None:
    error = await refusal(Fault(400, json.dumps(body), JSON), model=model, stream=stream)
    assert (error.code, error.retryable) == (f"provider_{kind}", False)


@pytest.mark.parametrize(
    ("error", "code", "retryable", "unknown"),
    [
        ({"code": 402, "message": "Insufficient credits"}, "provider_quota", False, False),
        ({"code": 401, "message": "No auth credentials found"}, "provider_key", False, False),
        ({"code": 429, "message": "slow down"}, "provider_busy", True, True),
        ({"code": 502, "message": "Provider returned error"}, "provider_down", True, True),
        ({"message": "It broke"}, "provider_down", True, True),
    ],
)
async def test_a_refusal_behind_a_status_of_success(
    error: dict[str, Any], code: str, retryable: bool, unknown: bool
) -> None:
    """OpenRouter answers 200 once it began; what failed then may be billed, what was refused was not."""
    failed = await refusal(Fault(200, json.dumps({"error": error, "user_id": "u"}), JSON))
    assert (failed.code, failed.retryable, failed.outcome_unknown) == (code, retryable, unknown)


async def test_a_refusal_within_a_stream() -> None:
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    said = {**head, "choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}]}
    late = {"error": {"code": 402, "message": "Insufficient credits"}}
    events = "".join(f"data: {json.dumps(event)}\n\n" for event in (said, late))
    failed = await refusal(Fault(200, events, {"Content-Type": "text/event-stream"}), stream=True)
    assert failed.outcome_unknown
    first = f"data: {json.dumps(late)}\n\n"
    failed = await refusal(Fault(200, first, {"Content-Type": "text/event-stream"}), stream=True)
    assert (failed.code, failed.outcome_unknown) == ("provider_quota", False)


DONE = "data: [DONE]\n\n"
USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}


@pytest.mark.parametrize("with_choices", [False, True])
@pytest.mark.parametrize(("usage", "end"), [(None, DONE), (USAGE, DONE), (USAGE, "")])
async def test_an_error_in_mid_stream_makes_no_answer_of_what_came_before(
    with_choices: bool, usage: dict[str, int] | None, end: str
) -> None:
    """It is booked at the usage that it states, and is unknown without."""
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    said = {**head, "choices": [{"index": 0, "delta": {"content": "The answer is "}, "finish_reason": None}]}
    late = {**head, "error": {"code": 502, "message": "upstream gave up"}} | ({"usage": usage} if usage else {})
    if with_choices:
        late["choices"] = [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]
    events = "".join(f"data: {json.dumps(event)}\n\n" for event in (said, late)) + end
    failed = await refusal(Fault(200, events, {"Content-Type": "text/event-stream"}), stream=True)
    assert "upstream gave up" in str(failed)
    assert failed.outcome_unknown == (usage is None)
    assert getattr(failed.reply, "usage", None) == (Usage(10, completion_tokens=4) if usage else None)


async def test_a_content_refusal_behind_a_status_of_success_is_a_refusal_too() -> None:
    body = {"error": {"code": 403, "message": "Your input was flagged by moderation", "metadata": {"reasons": ["x"]}}}
    failed = await refusal(Fault(200, json.dumps(body), JSON))
    assert (failed.code, failed.retryable, failed.outcome_unknown) == ("model_refused", False, False)


async def test_what_a_reply_says_of_its_error_is_as_clean() -> None:
    words = f'boom for {KEY}\nTraceback (most recent call last):\n  File "/srv/vllm/engine.py", line 3'
    choice = {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "error"}
    body = {"id": "x", "object": "chat.completion", "model": "m", "choices": [choice | {"error": {"message": words}}]}
    assert "boom for [key]" in str(await refusal(Fault(200, json.dumps(body), JSON)))
    choice = {"index": 0, "message": {"role": "assistant", "refusal": words}, "finish_reason": "stop"}
    refused = await refusal(Fault(200, json.dumps(body | {"choices": [choice]}), JSON))
    assert (refused.code, KEY in str(refused.reply)) == ("model_refused", False)


async def test_no_traceback_of_the_servers_is_shown() -> None:
    trace = 'boom\nTraceback (most recent call last):\n  File "/srv/vllm/engine.py", line 3, in run\nKeyError: 1'
    failed = await refusal(Fault(500, json.dumps({"detail": trace}), JSON))
    assert str(failed).endswith("It says (500): boom")


async def test_a_body_that_echoes_the_request_is_cut() -> None:
    failed = await refusal(Fault(400, json.dumps({"message": "bad " + "x" * 50_000}), JSON))
    assert len(str(failed)) < 800


async def test_nobody_there_is_told_with_the_address() -> None:
    with OpenAIServer("Hi") as server:
        pass
    client = LiteLLMClient(lambda _: Credential(KEY, server.url))
    for url, says in (
        (server.url, f"Nothing answers at http://127.0.0.1:{server.port}."),
        ("http://nohost.invalid/v1", "There is no server named nohost.invalid"),
    ):
        client = LiteLLMClient(lambda _, url=url: Credential(KEY, url))
        request = LLMRequest(
            LLMSpec(model="gpt-4o-mini", timeout_s=20), ({"role": "user", "content": "Hi"},), max_tokens=9
        )
        with pytest.raises(ProviderError, match=says) as failed:
            await client.complete(request)
        assert (failed.value.code, failed.value.outcome_unknown) == ("provider_address", False)


async def test_an_id_of_nobody_says_how_to_write_one() -> None:
    client = LiteLLMClient(lambda _: Credential(KEY, "http://127.0.0.1:9/v1"))
    request = LLMRequest(LLMSpec(model="ghost/model"), ({"role": "user", "content": "Hi"},), max_tokens=9)
    with pytest.raises(ProviderError, match="names no known provider") as failed:
        await client.complete(request)
    assert failed.value.code == "provider_model"
