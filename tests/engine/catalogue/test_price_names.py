"""Which entry of the list prices an id, and which provider's key it asks with: one rule for all forms of an id."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.catalogue import price_list
from engine.catalogue.model_ids import provider_of
from engine.catalogue.price_list import DefaultPrices, entries_of


@pytest.mark.parametrize(
    ("model", "entry", "provider"),
    [
        ("gpt-4o", "gpt-4o", "openai"),
        ("openai/gpt-4o", "gpt-4o", "openai"),
        ("simulated/gpt-4o", "gpt-4o", "openai"),
        # A fine-tuned model costs what fine-tuned ones of its base do.
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", "ft:gpt-4o-mini-2024-07-18", "openai"),
        ("openai/ft:gpt-4o-2024-08-06:acme:name:1", "ft:gpt-4o-2024-08-06", "openai"),
        ("ft:gpt-4o-mini:acme::1", "ft:gpt-4o-mini-2024-07-18", "openai"),
        # A snapshot that is listed has its own price, and another one that of the model.
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13", "openai"),
        ("gpt-4o-2099-01-01", "gpt-4o", "openai"),
        ("claude-sonnet-4-5@20990101", "claude-sonnet-4-5", "anthropic"),
        ("azure/gpt-4o-2099-01-01", "azure/gpt-4o", "azure"),
        # Prefixes: one's own provider's, that of a route, none where the list has one.
        ("mistral-large-latest", "mistral/mistral-large-latest", "mistral"),
        ("cohere/command-r-08-2024", "command-r-08-2024", "cohere"),
        ("google/gemini-2.5-flash", "gemini/gemini-2.5-flash", "gemini"),
        ("vertex_ai/gemini-2.5-pro", "gemini-2.5-pro", "vertex_ai"),
        (
            "bedrock/converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "bedrock",
        ),
        # Routers pass prices through; what they give away is free.
        ("openrouter/openai/gpt-4o", "gpt-4o", "openrouter"),
        ("openrouter/anthropic/claude-sonnet-4.5", "claude-sonnet-4-5", "openrouter"),
        ("openrouter/google/gemini-2.5-pro", "gemini/gemini-2.5-pro", "openrouter"),
        ("openrouter/meta-llama/llama-9:free", "openrouter/*:free", "openrouter"),
        # Ollama's tag says a size. What runs on one's own server costs nothing.
        ("ollama/llama3:8b", "ollama/llama3:8b", "ollama"),
        ("ollama/llama3.1:8b-instruct-q4_K_M", "ollama/llama3.1", "ollama"),
        ("ollama_chat/qwen2.5:14b", "ollama/*", "ollama"),
    ],
)
def test_the_entry_and_the_key_of_an_id(model: str, entry: str, provider: str) -> None:
    price = DefaultPrices().price(model)
    assert price is not None
    assert (price.entry, provider_of(model)) == (entry, provider)


@pytest.mark.parametrize(
    "model",
    [
        "ft:gpt-4o-audio:acme::1",  # its base is listed, and costs less
        "azure/my-deployment",  # it may be any model: a person says which
        "groq/gpt-4o",  # another provider's model of that name
        "openrouter/openai/gpt-4o:online",  # a search more
        "together_ai/claude-sonnet-4-5",
        "my-own-model",
        "hosted_vllm/llama",
    ],
)
def test_no_entry_is_guessed(model: str) -> None:
    assert DefaultPrices().price(model) is None


def test_a_fine_tuned_model_never_costs_what_its_base_does() -> None:
    tuned, base = DefaultPrices().price("ft:gpt-4o-2024-08-06:a::b"), DefaultPrices().price("gpt-4o-2024-08-06")
    assert tuned is not None
    assert base is not None
    assert (tuned.input_usd_per_mtok, base.input_usd_per_mtok) == (Decimal("3.75"), Decimal("2.5"))


def test_the_same_rule_finds_what_a_model_can_do() -> None:
    for model in ("ft:gpt-4o-mini-2024-07-18:acme::abc", "gpt-4o-2099-01-01"):
        facts = price_list.facts(model)
        assert facts is not None
        assert (facts.tools, facts.context_tokens) == (True, 128_000)
    assert price_list.facts("openrouter/openai/gpt-4o") is None  # what a router can do is its own


def test_a_whole_providers_name_comes_last() -> None:
    assert entries_of("hosted_vllm/llama-3:70b")[-1] == "hosted_vllm/*"
    assert entries_of("gpt-4o")[-1] == "openai/*"


def test_every_listed_price_is_found_by_its_own_name() -> None:
    listed = DefaultPrices()
    wrong = [model for model, price in price_list.prices().items() if listed.price(model) != price]
    assert wrong == []
