"""Fees that are not tokens, and costs that providers state themselves: booked, kept, shown, proved."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from engine.catalogue.pricing import PARTS, Price, Usage, charge_of, cost_usd
from runs.models import Call, PriceQuote, Run, TaskCallSum
from runs.models.call import CALL_PARTS
from runs.money import to_nusd
from runs.states import RunState
from runs.worker.process import WorkerProcess
from teams.actions import add_provider, issue_token
from teams.models import Scope
from teams.providers.actions import change_provider
from tests.cast import Cast
from tests.openai_server import Answer, OpenAIServer
from tests.pages import html, signed_in
from tests.runs.listed import list_prices
from tests.runs.workers import agent, assert_sums, execute, launched, task

pytestmark = pytest.mark.django_db(transaction=True)

LISTED = ("perplexity/sonar", "perplexity/sonar-deep-research", "gpt-4o", "xai/grok-4.3")
SONAR = {
    "prompt_tokens": 14,
    "completion_tokens": 200,
    "total_tokens": 214,
    "search_context_size": "low",
    "cost": {
        "input_tokens_cost": 0.000014,
        "output_tokens_cost": 0.0002,
        "request_cost": 0.005,
        "total_cost": 0.005214,
    },
}
RESEARCH = {
    "prompt_tokens": 33,
    "completion_tokens": 7163,
    "total_tokens": 7196,
    "citation_tokens": 20016,
    "num_search_queries": 18,
    "reasoning_tokens": 73997,
}
ROUTED = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "cost": 0.000347, "is_byok": False}


def says(usage: dict[str, Any]) -> Answer:
    return lambda body: {"role": "assistant", "content": "An answer.", "usage": dict(usage)}


def asked(
    cast: Cast,
    worker: WorkerProcess,
    model: str,
    usage: dict[str, Any],
    *,
    books_stated: bool | None = None,
    stream: bool = False,
    **order: Any,
) -> Run:
    """A run of one call."""
    list_prices(*LISTED)
    provider = model.partition("/")[0]
    with OpenAIServer(says(usage)) as server:
        add_provider(cast.owner, provider=provider, api_key="k", base_url=server.url, books_stated=books_stated)
        llm = {"model": model, "max_tokens": 8000, "stream": stream}
        run = execute(launched(cast.owner, task("a"), agents=(agent(llm=llm),), **order), worker)
    assert run.state == RunState.SUCCEEDED, run.error
    return run


def parts_of(call: Call) -> dict[str, int]:
    return {part: amount for part in CALL_PARTS if (amount := getattr(call, f"{part}_nusd"))}


@pytest.mark.parametrize("stream", [False, True])
def test_perplexity_is_booked_with_the_fee_of_its_request(cast: Cast, worker: WorkerProcess, stream: bool) -> None:
    run = asked(cast, worker, "perplexity/sonar", SONAR, stream=stream)
    call = run.calls.get()
    assert (call.cost_nusd, call.provider_nusd, call.provider_is_booked) == (5_214_000, 5_214_000, True)
    assert parts_of(call) == {"prompt": 14_000, "completion": 200_000, "request": 5_000_000}
    assert call.cost_nusd <= call.reserved_nusd
    assert call.quote == PriceQuote.objects.get(model="perplexity/sonar")
    assert_sums(run)


def test_without_a_stated_cost_the_list_knows_the_fee_too(cast: Cast, worker: WorkerProcess) -> None:
    usage = {name: count for name, count in SONAR.items() if name != "cost"}
    call = asked(cast, worker, "perplexity/sonar", usage).calls.get()
    assert (call.cost_nusd, call.provider_nusd, call.provider_is_booked) == (5_214_000, None, False)


def test_research_is_booked_with_searches_citations_and_reasoning(cast: Cast, worker: WorkerProcess) -> None:
    """Perplexity's own example, which it says costs $0.409393; here the list's price makes the same of it."""
    run = asked(cast, worker, "perplexity/sonar-deep-research", RESEARCH)
    call = run.calls.get()
    assert parts_of(call) == {
        "prompt": 66_000,
        "completion": 57_304_000,
        "reasoning": 221_991_000,
        "citations": 40_032_000,
        "searches": 90_000_000,
    }
    assert (call.cost_nusd, call.searches, call.citation_tokens) == (409_393_000, 18, 20_016)
    assert (call.completion_tokens, call.reasoning_tokens) == (81_160, 73_997)
    assert call.cost_nusd <= call.reserved_nusd
    assert_sums(run)


@pytest.mark.parametrize(("books_stated", "nusd", "beyond"), [(None, 347_000, -3_000), (False, 350_000, 0)])
def test_which_of_two_costs_is_booked_is_a_setting_of_the_key(
    cast: Cast, worker: WorkerProcess, books_stated: bool | None, nusd: int, beyond: int
) -> None:
    run = asked(cast, worker, "openrouter/openai/gpt-4o", ROUTED, books_stated=books_stated)
    call = run.calls.get()
    assert (call.cost_nusd, call.provider_nusd, call.beyond_ours_nusd) == (nusd, 347_000, beyond)
    assert run.spent_nusd == nusd
    assert_sums(run)
    page = html(signed_in(cast.viewer).get(f"/t/acme/runs/{run.pk}/calls/{call.pk}/"))
    assert "less than our price list" in page
    assert ("this is booked" in page) == (books_stated is None)
    assert "gpt-4o, litellm" in page.replace("\n", "")
    key = cast.team.provider_keys.get()
    change_provider(cast.owner, key, books_stated=True)
    key.refresh_from_db()
    assert key.books_stated


def test_a_stated_cost_prices_a_model_that_no_list_has(cast: Cast, worker: WorkerProcess) -> None:
    run = asked(cast, worker, "openrouter/some/model", ROUTED)
    call = run.calls.get()
    assert (call.cost_nusd, call.input_usd_per_mtok, run.unpriced_calls) == (347_000, None, 0)
    assert parts_of(call) == {"beyond_ours": 347_000}
    assert_sums(run)


def test_where_the_list_is_booked_such_a_model_stays_unpriced(cast: Cast, worker: WorkerProcess) -> None:
    run = asked(cast, worker, "openrouter/some/model", ROUTED, books_stated=False)
    call = run.calls.get()
    assert (call.cost_nusd, call.provider_nusd, run.unpriced_calls) == (None, 347_000, 1)
    assert_sums(run)


def test_another_provider_s_word_on_cost_is_kept_and_not_booked(cast: Cast, worker: WorkerProcess) -> None:
    call = asked(cast, worker, "openai/gpt-4o", ROUTED).calls.get()
    assert (call.cost_nusd, call.provider_nusd, call.provider_is_booked) == (350_000, 347_000, False)


def test_xai_counts_in_ticks(cast: Cast, worker: WorkerProcess) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "cost_in_usd_ticks": 1_234_567}
    call = asked(cast, worker, "xai/grok-4.3", usage).calls.get()
    assert (call.cost_nusd, call.provider_is_booked) == (123_457, True)


def test_a_priced_call_is_priced_again_to_the_last_digit_by_what_it_keeps(cast: Cast, worker: WorkerProcess) -> None:
    call = asked(cast, worker, "perplexity/sonar-deep-research", RESEARCH).calls.get()
    assert call.quote is not None
    rates = ("input_usd_per_mtok", "output_usd_per_mtok", "cached_usd_per_mtok", "cache_write_usd_per_mtok")
    fees = ("reasoning_usd_per_mtok", "request_usd", "search_usd", "citation_usd_per_mtok")
    price = Price(**{name: getattr(call, name) for name in (*rates, *fees)})
    tokens = ("prompt_tokens", "cached_prompt_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens")
    usage = Usage(*(getattr(call, name) for name in tokens), citation_tokens=20_016, searches=18)
    assert to_nusd(cost_usd(usage, price) or Decimal(0)) == call.cost_nusd
    parts = charge_of(usage, price).parts
    assert [getattr(parts, name) for name in PARTS] == [getattr(call, f"{name}_nusd") for name in CALL_PARTS]


def test_fees_are_summed_apart_in_the_rollups(cast: Cast, worker: WorkerProcess) -> None:
    asked(cast, worker, "perplexity/sonar", SONAR)
    sums = TaskCallSum.objects.get()
    assert (sums.cost_nusd, sums.fees_nusd) == (5_214_000, 5_000_000)
    assert sums.spend_prompt * 1000 + sums.spend_completion * 1000 == 214_000


def test_the_api_tells_the_parts(cast: Cast, worker: WorkerProcess) -> None:
    run = asked(cast, worker, "perplexity/sonar", SONAR)
    token = issue_token(cast.viewer, scope=Scope.READ)[1]
    answer = Client(headers={"Authorization": f"Bearer {token}"}).get(f"/api/v1/runs/{run.pk}/calls")
    (call,) = answer.json()["items"]
    assert call["cost_usd"] == call["provider_cost_usd"] == "0.005214"
    assert sum(map(Decimal, call["cost_parts_usd"].values())) == Decimal(call["cost_usd"])
    assert call["cost_parts_usd"]["request"] == "0.005"
    assert call["provider_cost_is_booked"] is True
