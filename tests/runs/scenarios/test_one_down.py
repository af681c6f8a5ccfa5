"""The rule of tiers, over all models of some providers: what it names is cheaper, of the same provider, and as able."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.catalogue import price_list
from engine.catalogue.model_ids import provider_of
from engine.catalogue.pricing import Usage, cost_usd
from runs.scenarios.one_down import STAYS_DAYS, Down, _down, models_of
from runs.scenarios.targets import Group


def one_down(model: str, *, asks_tools: bool = True, asks_schema: bool = False, prompt_above: int = 4_096) -> Down:
    group = Group(
        crew_id=1,
        crew="brief",
        agent="lead",
        model=model,
        calls=3,
        prompt_tokens=20_000,
        completion_tokens=3_000,
        prompt_above=prompt_above,
        asks_tools=asks_tools,
        asks_schema=asks_schema,
    )
    return _down(group, None)


def dollars(model: str) -> float:
    usage = Usage(prompt_tokens=20_000, completion_tokens=3_000)
    price = price_list.DefaultPrices().price(model)
    assert price is not None
    return float(cost_usd(usage, price) or 0)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "mistral"])
def test_what_is_named_is_cheaper_and_as_able(provider: str) -> None:
    models = models_of(provider)
    named = {model: one_down(model).model for model in models}
    assert any(named.values())
    for model, below in named.items():
        if not below:
            continue
        now, then = price_list.facts(model), price_list.facts(below)
        assert now is not None
        assert then is not None
        assert provider_of(below) == provider
        assert dollars(below) <= dollars(model) * 2 / 3 + 1e-9
        assert then.tools
        assert then.reasoning == now.reasoning
        assert then.context_tokens is None or then.context_tokens > 4_096
        assert then.retires is None or (then.retires - datetime.now(UTC).date()).days > STAYS_DAYS


def test_it_is_the_dearest_of_them() -> None:
    for model in models_of("openai"):
        below = one_down(model).model
        facts = price_list.facts(model)
        fitting = [
            other
            for other in models_of("openai")
            if dollars(other) <= dollars(model) * 2 / 3 - 1e-9
            and (found := price_list.facts(other)) is not None
            and facts is not None
            and found.tools
            and found.reasoning == facts.reasoning
            and (found.context_tokens or 10**9) > 4_096
        ]
        assert not fitting or dollars(below) >= max(map(dollars, fitting))


@pytest.mark.parametrize("model", ["azure/ours", "ollama/llama3", "acme-7b", "hosted_vllm/x"])
def test_providers_whose_ids_teams_make_up_have_no_tiers(model: str) -> None:
    assert one_down(model) == Down(one_down(model).group, why="The price list has no other models of its provider.")
