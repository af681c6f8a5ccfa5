"""Prices, costs and hashes: exact, rounded once, unknown where unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import price_list
from engine.catalogue.model_ids import bare_id, provider_of, real_id
from engine.catalogue.price_list import RATE_FIELDS, DefaultPrices
from engine.catalogue.pricing import (
    PARTS,
    Price,
    Rates,
    Usage,
    charge_of,
    cost_usd,
    worst_case_rates,
    worst_case_usd,
)
from engine.spec.crew_spec import CrewSpec
from tests.engine.crews import crew, task

PRICE = Price(Decimal("2.5"), Decimal(10), cached_usd_per_mtok=Decimal("1.25"), cache_write_usd_per_mtok=Decimal("3"))
counts = st.integers(min_value=0, max_value=10_000_000)


def test_each_kind_of_token_has_its_price() -> None:
    usage = Usage(prompt_tokens=1000, cached_prompt_tokens=400, cache_write_tokens=100, completion_tokens=200)
    assert cost_usd(usage, PRICE) == (500 * Decimal("2.5") + 400 * Decimal("1.25") + 100 * 3 + 200 * 10) / 1_000_000


def test_an_unknown_price_is_none_and_not_zero() -> None:
    assert cost_usd(Usage(prompt_tokens=10), None) is None


@given(prompt=counts, completion=counts)
def test_a_reservation_covers_what_a_call_within_its_bounds_can_cost(prompt: int, completion: int) -> None:
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion)
    cost = cost_usd(usage, PRICE)
    assert cost is not None
    assert cost <= worst_case_usd(prompt, completion, PRICE)


rates = st.decimals(min_value=0, max_value=100, places=4)
all_rates = st.builds(
    Rates,
    input_usd_per_mtok=rates,
    output_usd_per_mtok=rates,
    cached_usd_per_mtok=st.none() | rates,
    cache_write_usd_per_mtok=st.none() | rates,
    above_tokens=st.integers(min_value=1, max_value=1_000_000),
)


@given(ordinary=all_rates, tiers=st.lists(all_rates, max_size=4), counted=st.integers(0, 1_000_000), data=st.data())
def test_a_reservation_covers_any_usage_within_the_counted_bound_at_any_tiers(
    ordinary: Rates, tiers: list[Rates], counted: int, data: st.DataObject
) -> None:
    prices = {field: getattr(ordinary, field) for field in RATE_FIELDS.values()}
    price = Price(**prices, tiers=tuple(sorted(tiers, key=lambda tier: tier.above_tokens)))
    near = {most for tier in tiers for most in (tier.above_tokens, tier.above_tokens + 1)}
    most_tokens = counted * 12 // 10 + 200
    prompt = data.draw(st.sampled_from(sorted(near | {most_tokens})) | st.integers(0, most_tokens))
    prompt = min(prompt, most_tokens)
    cached = data.draw(st.integers(0, prompt))
    written = data.draw(st.integers(0, prompt - cached))
    completion = data.draw(st.integers(0, 100_000))
    cost = cost_usd(Usage(prompt, cached, written, completion), price)
    assert cost is not None
    assert cost <= worst_case_usd(counted, completion, price)


@pytest.mark.parametrize(
    ("model", "usage", "by_hand"),
    [
        # 2.50 in, 0.25 cached and 15 out; above 272,000 tokens 5, 0.50 and 22.50.
        ("gpt-5.4", Usage(272_000, completion_tokens=1000), "0.695"),
        ("gpt-5.4", Usage(272_001, completion_tokens=1000), "1.382505"),
        ("gpt-5.4", Usage(272_000, cached_prompt_tokens=200_000), "0.23"),
        ("gpt-5.4", Usage(300_000, cached_prompt_tokens=200_000, completion_tokens=1000), "0.6225"),
        # 1.25 and 10; above 200,000 tokens 2.50 and 15.
        ("gemini/gemini-2.5-pro", Usage(200_000, completion_tokens=10), "0.2501"),
        ("gemini/gemini-2.5-pro", Usage(200_001, completion_tokens=10), "0.5001525"),
        # 0.10, 0.01 read, 0.125 written, 0.50 out; above 100,000 tokens five times as much. What is cached counts.
        ("claude-haiku-5-5", Usage(100_000, 60_000, 30_000, 2000), "0.00635"),
        ("claude-haiku-5-5", Usage(100_001, 60_000, 30_001, 2000), "0.031750625"),
        # 1.25 and 2.50; from 200,000 tokens on, and not above them, 2.50 and 5.
        ("xai/grok-4.3", Usage(199_999, completion_tokens=100), "0.24999875 + 0.00025"),
        ("xai/grok-4.3", Usage(200_000, completion_tokens=100), "0.5 + 0.0005"),
        # Ranges: 1 and 5 up to 32,000 tokens, 1.80 and 9 up to 128,000, 3 and 15 up to 256,000, then 6 and 60.
        ("dashscope/qwen3-coder-plus", Usage(32_000, completion_tokens=100), "0.0325"),
        ("dashscope/qwen3-coder-plus", Usage(128_000, completion_tokens=100), "0.2313"),
        ("dashscope/qwen3-coder-plus", Usage(128_001, completion_tokens=100), "0.385503"),
        ("dashscope/qwen3-coder-plus", Usage(1_000_000, completion_tokens=100), "6.006"),
        # Its tier says nothing of cached tokens, which then cost what they cost below it.
        ("perplexity/xai/grok-4.3", Usage(300_000, cached_prompt_tokens=100_000), "0.52"),
    ],
)
def test_a_long_prompt_is_billed_whole_at_its_tier(model: str, usage: Usage, by_hand: str) -> None:
    cost = cost_usd(usage, DefaultPrices().price(model))
    assert cost == sum(Decimal(part) for part in by_hand.split(" + "))


@pytest.mark.parametrize(
    ("counted", "reserved", "above"),
    [
        (100_000, "0.15025 + 0.01", 0),  # 120,200 tokens
        (166_500, "0.25 + 0.01", 0),  # 200,000 tokens, which is not above
        (166_501, "0.500003 + 0.015", 200_000),  # 200,001.2 tokens
        (300_000, "0.9005 + 0.015", 200_000),
    ],
)
def test_a_reservation_reckons_with_the_tier_that_it_can_reach(counted: int, reserved: str, above: int) -> None:
    price = DefaultPrices().price("gemini/gemini-2.5-pro")
    assert price is not None
    assert worst_case_usd(counted, 1000, price) == sum(Decimal(part) for part in reserved.split(" + "))
    assert worst_case_rates(counted, price).above_tokens == above


def test_a_cheaper_tier_does_not_lower_a_reservation() -> None:
    price = Price(Decimal(2), Decimal(10), tiers=(Rates(Decimal(1), Decimal(1), above_tokens=1000),))
    assert worst_case_usd(1000, 100, price) == Decimal("0.0038")


@pytest.mark.parametrize("model", ["gpt-4o", "claude-opus-4-6"])
def test_prices_of_other_service_tiers_and_longer_caches_are_no_tiers(model: str) -> None:
    price = DefaultPrices().price(model)
    assert price is not None
    assert price.tiers == ()


def test_reasoning_may_have_a_price_of_its_own_in_each_range() -> None:
    """0.40 in, 1.20 out and 4 for reasoning up to 256,000 tokens; 1.20, 3.60 and 12 above."""
    price = DefaultPrices().price("dashscope/qwen-plus-latest")
    assert cost_usd(Usage(1000, 0, 0, 300, 200), price) == Decimal("0.00132")  # 0.0004 + 0.00012 + 0.0008
    assert cost_usd(Usage(256_001, 0, 0, 300, 200), price) == Decimal("0.3099612")  # 0.3072012 + 0.00036 + 0.0024


def test_costs_are_whole_nano_dollars() -> None:
    cost = cost_usd(Usage(prompt_tokens=1), Price(Decimal("0.0375"), Decimal(0)))
    assert cost == Decimal("0.000000038")


@pytest.mark.parametrize("model", ["gpt-4o", "openai/gpt-4o", "simulated/gpt-4o", "simulated/openai/gpt-4o"])
def test_a_model_has_one_price_however_it_is_written(model: str) -> None:
    price = DefaultPrices().price(model)
    assert price is not None
    assert price == DefaultPrices().price("gpt-4o")


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("o3-mini", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("gemini/gemini-2.5-pro", "gemini"),
        ("ollama/llama3", "ollama"),
        ("groq/llama-3.3-70b", "groq"),
        ("my-model", None),
        ("google/gemini-pro", "gemini"),
    ],
)
def test_providers_are_known_by_prefix_and_by_well_known_names(model: str, provider: str | None) -> None:
    assert provider_of(model) == provider


def test_hosted_models_of_others_keep_their_whole_id() -> None:
    assert bare_id("openrouter/openai/gpt-4o") == "openrouter/openai/gpt-4o"


def test_equal_specs_share_a_hash_and_any_change_changes_it() -> None:
    spec = crew(task("a"), task("b"))
    assert spec.content_hash == CrewSpec.from_json(spec.to_json()).content_hash
    assert spec.content_hash != spec.model_copy(update={"cache": False}).content_hash


def test_defaults_are_left_out_of_the_canonical_form() -> None:
    assert crew(task("a")).to_json() == {
        "name": "Test",
        "agents": [{"key": "worker", "role": "The worker"}],
        "tasks": [{"key": "a", "description": "Do a.", "agent": "worker"}],
    }


def test_googles_models_are_known_under_crewais_name_for_google_too() -> None:
    assert real_id("simulated/google/gemini-2.5-flash") == "gemini/gemini-2.5-flash"
    assert real_id("openrouter/google/gemini-2.0-flash-001") == "openrouter/google/gemini-2.0-flash-001"
    assert price_list.facts("google/gemini-2.5-flash") == price_list.facts("gemini/gemini-2.5-flash") is not None


class TestParts:
    """A cost is the sum of its parts, whatever the price."""

    usd = st.decimals(min_value=0, max_value=1000, places=10)
    tokens = st.integers(0, 10_000_000)

    @given(
        price=st.builds(
            Price,
            input_usd_per_mtok=usd,
            output_usd_per_mtok=usd,
            cached_usd_per_mtok=st.none() | usd,
            cache_write_usd_per_mtok=st.none() | usd,
            reasoning_usd_per_mtok=st.none() | usd,
            request_usd=st.none() | usd,
            search_usd=st.none() | usd,
            citation_usd_per_mtok=st.none() | usd,
        ),
        counts=st.tuples(tokens, tokens, tokens, tokens, tokens, tokens),
        searches=st.integers(0, 1000),
        stated=st.none() | st.integers(0, 10**13),
        books_stated=st.booleans(),
    )
    def test_parts_sum_to_the_cost_and_each_is_within_one_of_its_own(
        self, price: Price, counts: tuple[int, ...], searches: int, stated: int | None, books_stated: bool
    ) -> None:
        plain, cached, written, answer, reasoning, citations = counts
        usage = Usage(
            plain + cached + written,
            cached,
            written,
            answer + reasoning,
            reasoning,
            citation_tokens=citations,
            searches=searches,
            stated_nusd=stated,
        )
        charge = charge_of(usage, price, books_stated=books_stated)
        assert charge.parts is not None
        assert charge.cost_usd is not None
        assert charge.cost_usd * 10**9 == charge.parts.total == sum(getattr(charge.parts, name) for name in PARTS)
        assert charge.is_stated == (books_stated and stated is not None)
        if charge.is_stated:
            assert charge.parts.total == stated
        else:
            assert charge.parts.stated == 0
            assert charge.cost_usd == cost_usd(usage, price)
        own = {
            "prompt": plain * price.input_usd_per_mtok * 1000,
            "request": (price.request_usd or 0) * 10**9,
            "searches": searches * (price.search_usd or 0) * 10**9,
            "citations": citations * (price.citation_usd_per_mtok or 0) * 1000,
        }
        assert all(abs(getattr(charge.parts, name) - amount) < 1 for name, amount in own.items())

    def test_what_is_stated_is_all_there_is_of_an_unpriced_call(self) -> None:
        charge = charge_of(Usage(10, completion_tokens=5, stated_nusd=140_000), None, books_stated=True)
        assert charge.parts is not None
        assert (charge.cost_usd, charge.parts.stated) == (Decimal("0.00014"), 140_000)
        assert charge_of(Usage(10, stated_nusd=140_000), None).cost_usd is None

    def test_perplexity_s_fee_of_a_request(self) -> None:
        """Its own figure for 14 and 200 tokens is 0.005214."""
        price = DefaultPrices().price("perplexity/sonar")
        assert cost_usd(Usage(14, completion_tokens=200), price) == Decimal("0.005214")
        assert worst_case_usd(14, 200, price) >= Decimal("0.005214")

    def test_perplexity_s_own_example_of_research(self) -> None:
        usage = Usage(33, 0, 0, 7163 + 73997, 73997, citation_tokens=20016, searches=18)
        price = DefaultPrices().price("perplexity/sonar-deep-research")
        assert cost_usd(usage, price) == Decimal("0.409393")
        assert worst_case_usd(33, 7163, price) >= Decimal("0.409393")
