"""What a refusal changes in the next request: a shorter answer is allowed, another model is asked, or nothing is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.crew.token_bounds import DEFAULT_MAX_TOKENS, LEAST_MAX_TOKENS, KnownRoom, max_tokens_for
from engine.errors import Room
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.record.journal import CallStatus
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import CrewSpec, LLMSpec
from tests.engine.crews import agent, crew, run, runtime, task
from tests.openai_server import Fault, OpenAIServer

OWN = "openai/my-own-model"
"""The price list does not know its window."""


def refusal(status: int, message: str, code: str = "") -> Fault:
    body = f'{{"error": {{"message": "{message}", "code": "{code}", "type": "invalid_request_error"}}}}'
    return Fault(status, body, {"Content-Type": "application/json"})


def classic(prompt: int, asked: int, window: int) -> str:
    return (
        f"This model's maximum context length is {window} tokens. However, you requested {prompt + asked} tokens "
        f"({prompt} in the messages, {asked} in the completion). Please reduce the length."
    )


def vllm(prompt: int, asked: int, window: int) -> str:
    """It stops counting the prompt where the answer would no longer fit."""
    seen = min(prompt, window - asked + 1)
    return (
        f"This model's maximum context length is {window} tokens. However, you requested {asked} output tokens and "
        f"your prompt contains at least {seen} input tokens, for a total of at least {seen + asked} tokens."
    )


def windowed(window: int, prompt: int, says: Callable[[int, int, int], str]) -> Callable[[dict[str, Any]], Any]:
    """A server with this window, to which each prompt has so many tokens."""

    def answer(body: dict[str, Any]) -> Any:
        asked = body["max_tokens"]
        return "Done." if prompt + asked <= window else refusal(400, says(prompt, asked, window))

    return answer


def own(server: OpenAIServer) -> LiteLLMClient:
    return LiteLLMClient(lambda _: Credential("sk-x", server.url))


def one_task(model: str = OWN, **llm: Any) -> CrewSpec:
    return crew(task("a"), task("b"), agents=(agent(llm={"model": model, **llm}),))


@pytest.mark.parametrize("says", [classic, vllm])
@pytest.mark.parametrize(("window", "prompt"), [(4096, 300), (8192, 4500), (2048, 1500)])
async def test_a_window_too_small_for_our_own_default_is_asked_again_for_less(
    says: Callable[[int, int, int], str], window: int, prompt: int
) -> None:
    journal = MemoryJournal()
    asked: list[int] = []
    answer = windowed(window, prompt, says)

    def noted(body: dict[str, Any]) -> Any:
        asked.append(body["max_tokens"])
        return answer(body)

    with OpenAIServer(noted) as server:
        output = await run(one_task(), runtime(llm=own(server), journal=journal))
    assert (output.raw, output.error) == ("Done.", "")
    assert asked[0] == DEFAULT_MAX_TOKENS
    assert asked == sorted(asked, reverse=True)
    refused = [call for call in journal.calls if call.outcome.status is CallStatus.ERROR]
    assert 1 <= len(refused) <= 5
    assert {call.outcome.cost_usd for call in refused} == {0}
    assert not any("Shorten" in call.outcome.error for call in refused), "the texts are not to blame"
    assert len(asked) == len(refused) + 2, "the second task asks at once for what there is room for"
    if says is classic:
        assert len(refused) == 1
        assert window - prompt - 60 <= asked[1] <= window - prompt


async def test_a_longer_answer_than_the_model_gives_is_asked_again_for_less_also_if_a_person_set_it() -> None:
    def answer(body: dict[str, Any]) -> Any:
        most = "max_tokens is too large: 9000. This model supports at most 1000 completion tokens."
        return "Done." if body["max_tokens"] <= 1000 else refusal(400, most)

    with OpenAIServer(answer) as server:
        output = await run(one_task(max_tokens=9000), runtime(llm=own(server)))
        assert server.requests == 3
    assert (output.raw, [billed.body["max_tokens"] for billed in server.billed]) == ("Done.", [1000, 1000])


async def test_a_prompt_that_fills_the_window_is_blamed_on_the_texts_and_not_asked_again() -> None:
    with OpenAIServer(windowed(1000, 990, classic)) as server:
        output = await run(one_task(), runtime(llm=own(server)))
        assert server.requests == 1
    assert output.error_code == "context_too_long"
    assert "takes 1,000 tokens with its answer" in output.error
    assert "Shorten the texts" in output.error


QUOTA = refusal(
    429, "You exceeded your current quota, please check your plan and billing details.", "insufficient_quota"
)


async def test_without_credit_a_task_ends_at_once() -> None:
    with OpenAIServer(lambda body: QUOTA) as server:
        output = await run(one_task(), runtime(llm=own(server)))
        assert server.requests == 1
    assert output.error_code == "provider_quota"
    assert "Add credit" in output.error


async def test_without_credit_the_fallback_is_asked_at_once() -> None:
    def answer(body: dict[str, Any]) -> Any:
        return QUOTA if body["model"] == "my-own-model" else "From the other."

    with OpenAIServer(answer) as server:
        output = await run(one_task(fallbacks=("openai/other",)), runtime(llm=own(server)))
        assert server.requests == 4
    assert output.raw == "From the other."


async def test_what_no_minute_has_room_for_goes_to_the_fallback() -> None:
    message = "Request too large for gpt on tokens per minute (TPM): Limit 3000, Requested 7096, please reduce"

    def answer(body: dict[str, Any]) -> Any:
        return refusal(413, message) if body["model"] == "my-own-model" else "From the other."

    with OpenAIServer(answer) as server:
        output = await run(one_task(fallbacks=("openai/other",)), runtime(llm=own(server)))
    assert output.raw == "From the other."


@given(
    window=st.integers(1, 300_000),
    prompt=st.integers(0, 300_000) | st.none(),
    most=st.integers(1, 100_000) | st.none(),
    ours=st.integers(0, 300_000),
)
def test_asking_for_less_always_ends(window: int, prompt: int | None, most: int | None, ours: int) -> None:
    known, llm = KnownRoom(), LLMSpec(model=OWN)
    asked = max_tokens_for(llm, ours, known)
    for _ in range(20):
        if not known.learn(llm, Room(window, prompt, most), prompt_tokens=ours, asked=asked):
            return
        less = max_tokens_for(llm, ours, known)
        assert LEAST_MAX_TOKENS <= less < asked
        asked = less
    raise AssertionError("it asks without end")
