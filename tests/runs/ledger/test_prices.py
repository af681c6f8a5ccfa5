"""Prices in force, and those that are kept with a call: of long prompts, the tier that was applied."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client

from engine.catalogue.price_list import DefaultPrices
from engine.catalogue.pricing import Price, Rates, Usage, cost_usd, worst_case_usd
from engine.providers.llm import LLMReply
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus
from runs.ledger.journal import LedgerJournal
from runs.ledger.prices import TeamPrices
from runs.ledger.replay import read_replay
from runs.models import Call, PriceQuote, PriceTier
from runs.money import to_nusd
from runs.prices.updates import load_default_prices
from runs.states import CallState, CostClass, RunState
from runs.worker import claim
from runs.worker.process import WorkerProcess
from teams.actions import add_provider
from tests.anthropic_server import AnthropicServer
from tests.cast import Cast
from tests.openai_server import Answer, Fault, OpenAIServer
from tests.runs.workers import (
    MODEL,
    agent,
    assert_sums,
    cost_by_kept_prices,
    execute,
    expire,
    launched,
    task,
    use_provider,
)

pytestmark = pytest.mark.django_db(transaction=True)

LONG = {"input_usd_per_mtok": Decimal("0.3"), "output_usd_per_mtok": Decimal("0.9")}


def use_tiered(cast: Cast, server: OpenAIServer, *, above_tokens: int) -> Price:
    """0.15 and 0.60 USD per million tokens, and above so many tokens 0.30, 0.90, 0.03 cached."""
    use_provider(cast.owner, server)
    quote = PriceQuote.objects.get(team=cast.team)
    quote.tiers.create(above_tokens=above_tokens, cached_usd_per_mtok=Decimal("0.03"), **LONG)
    price = TeamPrices(cast.team, [MODEL]).price(MODEL)
    assert price is not None
    return price


def reports(prompt_tokens: int, *, cached: int = 0) -> Answer:
    usage: dict[str, Any] = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": 1000,
        "total_tokens": prompt_tokens + 1000,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    return lambda body: {"role": "assistant", "content": "An answer.", "usage": dict(usage)}


@pytest.mark.parametrize(
    ("reported", "cached", "above", "kept", "nusd"),
    [
        (200_000, 0, 0, ("0.15", "0.6", None), 30_600_000),
        (200_001, 0, 200_000, ("0.3", "0.9", "0.03"), 60_900_300),
        (250_000, 150_000, 200_000, ("0.3", "0.9", "0.03"), 35_400_000),
    ],
)
def test_a_call_keeps_the_prices_of_the_tier_that_was_applied(
    cast: Cast, worker: WorkerProcess, reported: int, cached: int, above: int, kept: tuple[Any, ...], nusd: int
) -> None:
    with OpenAIServer(reports(reported, cached=cached)) as server:
        use_tiered(cast, server, above_tokens=200_000)
        run = execute(launched(cast.owner, task("a")), worker)
    assert run.state == RunState.SUCCEEDED
    call = run.calls.get()
    prices = (call.input_usd_per_mtok, call.output_usd_per_mtok, call.cached_usd_per_mtok)
    assert prices == tuple(price and Decimal(price) for price in kept)
    assert (call.priced_above_tokens, call.cost_nusd, run.spent_nusd) == (above, nusd, nusd)
    assert call.cost_nusd == cost_by_kept_prices(call)
    assert_sums(run)
    client = Client()
    client.force_login(cast.viewer.user)
    page = client.get(f"/t/{cast.team.slug}/runs/{run.pk}/calls/{call.pk}/").content.decode()
    assert "Price in, per million" in page
    assert ("prompts of more than 200,000 tokens" in page) == bool(above)


def test_cached_and_written_tokens_of_the_default_list_cost_what_their_tier_says(
    cast: Cast, worker: WorkerProcess
) -> None:
    usage = {
        "input_tokens": 50_000,
        "cache_read_input_tokens": 150_000,
        "cache_creation_input_tokens": 50_000,
        "output_tokens": 1000,
    }
    load_default_prices()
    with AnthropicServer(usage) as server:
        add_provider(cast.owner, provider="anthropic", api_key="sk-test", base_url=server.url)
        llm = {"model": "anthropic/claude-haiku-5-5", "max_tokens": 2000}
        run = execute(launched(cast.owner, task("a"), agents=(agent(llm=llm),)), worker)
    call = run.calls.get()
    assert (call.state, call.prompt_tokens, call.priced_above_tokens) == (CallState.OK, 250_000, 100_000)
    # 50,000 x 0.50 + 150,000 x 0.05 + 50,000 x 0.625 + 1000 x 2.50, per million
    assert call.cost_nusd == cost_by_kept_prices(call) == 66_250_000
    assert_sums(run)


def test_a_call_of_unknown_outcome_is_booked_at_the_tier_that_it_could_have_reached(
    cast: Cast, worker: WorkerProcess
) -> None:
    with OpenAIServer(lambda body: Fault(cut=True)) as server:
        price = use_tiered(cast, server, above_tokens=300)
        run = launched(cast.owner, task("a", description="Do it well. " * 100))
        run = execute(run, worker)
    assert run.state == RunState.FAILED
    call = run.calls.filter(state=CallState.UNKNOWN).first()
    assert call is not None
    assert call.cost_nusd == call.reserved_nusd == to_nusd(worst_case_usd(call.counted_tokens, 50, price))
    assert (call.priced_above_tokens, call.input_usd_per_mtok) == (300, LONG["input_usd_per_mtok"])
    most_tokens = call.counted_tokens * Decimal("1.2") + 200
    by_kept = most_tokens * call.input_usd_per_mtok + 50 * call.output_usd_per_mtok
    assert call.cost_nusd == round(by_kept * 1000)
    assert_sums(run)


@pytest.mark.parametrize("taken_over", [False, True])
def test_a_late_answer_brings_its_tier(cast: Cast, worker: WorkerProcess, taken_over: bool) -> None:
    price = Price(Decimal(1), Decimal(2), tiers=(Rates(Decimal(3), Decimal(4), Decimal("0.5"), above_tokens=1000),))
    usage = Usage(prompt_tokens=2000, cached_prompt_tokens=500, completion_tokens=10)
    intent = CallIntent(
        task="a",
        agent="worker",
        step=0,
        attempt=1,
        kind=CallKind.MODEL,
        model=MODEL,
        reserved_usd=worst_case_usd(100, 10, price),
        prompt_tokens=100,
        price=price,
    )
    run = claim.claim(launched(cast.owner, task("a")).pk, owner="first")
    assert run is not None
    journal = LedgerJournal(run, read_replay(run), worker.writer)
    ticket = asyncio.run(journal.open_call(intent))
    assert Call.objects.get().priced_above_tokens == 0
    if taken_over:  # the open call becomes unknown, at what was reserved
        expire(run)
        assert claim.claim(run.pk, owner="second") is not None
        assert Call.objects.get().cost_nusd == to_nusd(intent.reserved_usd)
    outcome = CallOutcome(
        CallStatus.OK,
        reply=LLMReply(text="Late", usage=usage, model=MODEL),
        usage=usage,
        cost_usd=cost_usd(usage, price),
        rates=price.rates(usage.prompt_tokens),
    )
    asyncio.run(journal.settle_call(ticket, outcome))
    call = Call.objects.get()
    assert call.state == (CallState.LATE if taken_over else CallState.OK)
    assert (call.priced_above_tokens, call.cost_nusd) == (1000, 4_790_000)
    assert call.cost_nusd == cost_by_kept_prices(call)


def test_a_reused_reply_keeps_the_prices_that_its_saving_was_reckoned_with(cast: Cast, worker: WorkerProcess) -> None:
    cached = agent(llm={"model": MODEL, "max_tokens": 50, "cache_ttl_s": 3600})
    with OpenAIServer(reports(250_000)) as server:
        use_tiered(cast, server, above_tokens=200_000)
        paid = execute(launched(cast.owner, task("a"), agents=(cached,)), worker).calls.get()
        hit = execute(launched(cast.owner, task("a"), agents=(cached,)), worker).calls.get()
    assert (hit.cost_class, hit.cost_nusd, hit.priced_above_tokens) == (CostClass.CACHE_HIT, 0, 200_000)
    assert hit.saved_nusd == paid.cost_nusd == 75_900_000


def test_the_default_list_is_brought_in_with_its_tiers_once(cast: Cast) -> None:
    added, doubts = load_default_prices()
    assert added > 1000
    assert load_default_prices() == (0, doubts)
    models = ["gpt-5.4", "dashscope/qwen3-coder-plus", "gpt-4o"]
    table, listed = TeamPrices(cast.team, models), DefaultPrices()
    assert [table.price(model) for model in models] == [listed.price(model) for model in models]
    assert [len(price.tiers) for model in models if (price := table.price(model))] == [1, 3, 0]


@pytest.mark.parametrize("change", ["dearer", "gone"])
def test_a_tier_that_changed_is_a_new_quote(change: str) -> None:
    load_default_prices()
    tiers = PriceTier.objects.filter(quote__model="gpt-5.4")
    if change == "gone":
        tiers.delete()
    else:
        tiers.update(output_usd_per_mtok=Decimal(99))
    assert load_default_prices()[0] == 1
    assert PriceQuote.objects.filter(model="gpt-5.4").count() == 2
    assert load_default_prices()[0] == 0


def test_a_teams_own_price_has_no_tiers_unless_they_are_given(cast: Cast) -> None:
    load_default_prices()
    own = PriceQuote.objects.create(team=cast.team, model="gpt-5.4", input_usd_per_mtok=1, output_usd_per_mtok=2)
    assert TeamPrices(cast.team, ["gpt-5.4"]).price("gpt-5.4") == Price(Decimal(1), Decimal(2))
    own.tiers.create(above_tokens=5, **LONG)
    tier = Rates(**LONG, above_tokens=5)
    assert TeamPrices(cast.team, ["gpt-5.4"]).price("gpt-5.4") == Price(Decimal(1), Decimal(2), tiers=(tier,))


@pytest.mark.parametrize(
    "wrong", [{"above_tokens": 0}, {"above_tokens": 9}, {"input_usd_per_mtok": -1}, {"cached_usd_per_mtok": -1}]
)
def test_a_tier_that_makes_no_sense_is_refused_by_the_database(cast: Cast, wrong: dict[str, Any]) -> None:
    quote = PriceQuote.objects.create(team=cast.team, model=MODEL, input_usd_per_mtok=1, output_usd_per_mtok=2)
    quote.tiers.create(above_tokens=9, **LONG)
    with pytest.raises(IntegrityError):
        quote.tiers.create(**({"above_tokens": 10, **LONG} | wrong))
