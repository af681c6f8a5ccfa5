"""Prices, costs and hashes: exact, rounded once, unknown where unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import price_list
from engine.llm import Usage
from engine.models import bare_id, provider_of, real_id
from engine.price_list import DefaultPrices
from engine.pricing import Price, cost_usd, worst_case_usd
from engine.spec import CrewSpec
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
