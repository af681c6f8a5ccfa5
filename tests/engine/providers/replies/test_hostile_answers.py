"""Answers that were made to take the square of their length, or to be stumbled upon: they cost little, and are paid."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from engine.catalogue.pricing import Usage
from engine.catalogue.stated_costs import MAX_SEARCHES, besides_tokens
from engine.errors import ProviderError
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.providers.llm import LLMRequest
from engine.providers.refusals.said import said, tidy
from engine.providers.replies.assembling import Assembly
from engine.providers.replies.calls_in_text import taken_from
from engine.spec.crew_spec import LLMSpec
from tests.openai_server import Fault, OpenAIServer

TOOLS: dict[str, dict[str, Any]] = {"search": {}}
MOST_S = 6.0
"""Of processor time. What these took before was minutes."""


@pytest.fixture
def at_most() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < MOST_S


@pytest.mark.parametrize(
    "text",
    [
        "```" + "a" * 400_000 + "\n[",
        "```" + "\n" * 400_000 + "[",
        "<tool_call>```" + "`" * 400_000 + "[",
        "<tool_call>" + "[" * 100_000,
        "<function=search><parameter=" + " " * 200 + "\t" * 400_000,
        json.dumps([{"name": "x" * 1000, "arguments": {}}] * 20_000),
    ],
    ids=["fence", "lines", "ticks", "nested", "parameter", "many"],
)
@pytest.mark.usefixtures("at_most")
def test_looking_for_calls_in_a_text_is_cheap(text: str) -> None:
    assert taken_from(text, TOOLS)[0] in (text, "")


@pytest.mark.usefixtures("at_most")
def test_pieces_of_calls_are_put_together_cheaply() -> None:
    answer = Assembly()
    event = {"choices": [{"delta": {"tool_calls": [{"function": {"name": "a", "arguments": "}"}}] * 1_000}}]}
    for _ in range(100):
        answer.add(event, is_event=True)


@pytest.mark.parametrize("text", ["./" * 400_000, " " * 400_000 + "x", "/a" * 400_000])
@pytest.mark.usefixtures("at_most")
def test_words_of_refusals_are_looked_through_cheaply(text: str) -> None:
    assert len(tidy(text)) <= 601
    assert len(said(json.dumps({"error": {"message": text}}).encode()).words) <= 601


def test_words_can_be_stored() -> None:
    assert "\0" not in tidy("a\0b\ud800")
    tidy("a\0b\ud800").encode()


@pytest.mark.parametrize("cost", ["1e1000000", "-1e1000000", "1e-1000000", "Infinity", "sNaN"])
def test_amounts_beyond_reason_are_not_stated(cost: str) -> None:
    for usage in ({"cost": cost}, {"cost": {"total_cost": cost}}):
        assert besides_tokens(usage)["stated_nusd"] in (None, 0)


def test_more_searches_than_anybody_makes_are_not_believed() -> None:
    assert besides_tokens({"num_search_queries": MAX_SEARCHES})["searches"] == MAX_SEARCHES
    assert besides_tokens({"server_tool_use": {"web_search_requests": 100_000_000}})["searches"] == 0


@pytest.mark.parametrize("code", ["Infinity", "1e400"])
async def test_an_error_with_an_odd_code_is_an_error(code: str) -> None:
    assert await failure(f'{{"error": {{"code": {code}, "message": "no"}}}}') is not None


async def test_an_answer_that_our_reading_stumbles_on_is_booked_at_its_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbles(*_: Any, **__: Any) -> None:
        raise RuntimeError("A fault of ours")

    monkeypatch.setattr("engine.providers.replies.reading.calls_of", stumbles)
    choice = {"index": 0, "message": {"role": "assistant", "content": "Four."}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    body = {"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
    failed = await failure(json.dumps(body))
    assert (failed.outcome_unknown, getattr(failed.reply, "usage", None)) == (False, Usage(9, completion_tokens=2))
    assert not failed.retryable  # it would be stumbled on again, and paid again


async def failure(body: str) -> ProviderError:
    with OpenAIServer(lambda _: Fault(200, body, {"Content-Type": "application/json"})) as server:
        client = LiteLLMClient(lambda _: Credential("sk-loopback", server.url))
        request = LLMRequest(LLMSpec(model="gpt-4o-mini"), ({"role": "user", "content": "2 + 2"},), max_tokens=100)
        with pytest.raises(ProviderError) as failed:
            await client.complete(request)
    return failed.value
