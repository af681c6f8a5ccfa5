"""Prices of a team's own: from when they hold, what they are found for, and figures in another unit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from engine.catalogue.pricing import Price, Rates
from runs.ledger.prices import TeamPrices
from runs.models import PriceQuote
from runs.prices.actions import PriceOrder, set_price, take_back
from runs.prices.queries import prices_of
from teams.refusals import Invalid
from tests.cast import Cast, make_crew
from tests.ledger import make_call, make_run
from tests.runs.listed import list_prices

pytestmark = pytest.mark.django_db

LISTED = (
    "gpt-4o",
    "gpt-4o-2024-05-13",
    "gpt-4o-mini",
    "azure/gpt-4o",
    "ollama/llama3.1",
    "ollama/*",
    "ft:gpt-4o-2024-08-06",
)
ONE_AND_TWO = {"input_usd_per_mtok": Decimal(1), "output_usd_per_mtok": Decimal(2)}


def price(cast: Cast, model: str) -> Price | None:
    return TeamPrices(cast.team, [model]).price(model)


@pytest.mark.parametrize(
    ("own", "model"),
    [
        ("my-model", "my-model"),
        ("gpt-4o", "openai/gpt-4o"),
        ("openai/gpt-4o", "gpt-4o"),
        ("azure/ours", "azure/ours"),
        ("hosted_vllm/*", "hosted_vllm/llama-3:70b"),
        ("ollama/llama3.1", "ollama/llama3.1:8b"),
        ("ft:gpt-4o-2024-08-06", "ft:gpt-4o-2024-08-06:acme::1"),
    ],
)
def test_an_own_price_holds_for_every_form_of_the_id(cast: Cast, own: str, model: str) -> None:
    list_prices(*LISTED)
    quote = set_price(cast.owner, PriceOrder(own, **ONE_AND_TWO))
    found = price(cast, model)
    assert found is not None
    assert (found.input_usd_per_mtok, found.quote_id, found.entry) == (1, quote.pk, own)
    assert TeamPrices(cast.stranger.team, [model]).own(model) is None


def test_an_own_price_of_a_family_does_not_hide_a_listed_snapshot(cast: Cast) -> None:
    list_prices(*LISTED)
    set_price(cast.owner, PriceOrder("gpt-4o", **ONE_AND_TWO))
    found = price(cast, "gpt-4o-2024-05-13")
    assert found is not None
    assert found.input_usd_per_mtok == 5


def test_a_deployment_is_priced_like_the_model_that_it_is(cast: Cast) -> None:
    list_prices(*LISTED)
    set_price(cast.owner, PriceOrder("azure/ours", like="azure/gpt-4o"))
    listed = PriceQuote.objects.get(model="azure/gpt-4o")
    found = price(cast, "azure/ours")
    assert found is not None
    assert (found.entry, found.quote_id, found.input_usd_per_mtok) == ("azure/gpt-4o", listed.pk, Decimal("2.5"))
    set_price(cast.owner, PriceOrder("azure/gpt-4o", **ONE_AND_TWO))  # and follows that model's own price
    found = price(cast, "azure/ours")
    assert found is not None
    assert found.input_usd_per_mtok == 1


def test_models_that_are_like_each_other_are_no_circle(cast: Cast) -> None:
    set_price(cast.owner, PriceOrder("a", **ONE_AND_TWO))
    set_price(cast.owner, PriceOrder("b", like="a"))
    with pytest.raises(Invalid) as refused:
        set_price(cast.owner, PriceOrder("c", like="b"))
    assert refused.value.fields["like"]
    PriceQuote.objects.create(team=cast.team, model="a", like="b")
    assert price(cast, "a") is price(cast, "b") is None


def test_a_new_price_takes_the_place_of_the_old_one_and_taking_it_back_brings_the_list_again(cast: Cast) -> None:
    list_prices(*LISTED)
    first = set_price(cast.owner, PriceOrder("gpt-4o", **ONE_AND_TWO))
    second = set_price(cast.owner, PriceOrder("gpt-4o", **(ONE_AND_TWO | {"request_usd": Decimal("0.01")})))
    first.refresh_from_db()
    assert first.ends_at is not None
    found = price(cast, "gpt-4o")
    assert found is not None
    assert (found.quote_id, found.request_usd) == (second.pk, Decimal("0.01"))
    assert not take_back(cast.owner, first)  # from a page that shows it still
    found = price(cast, "gpt-4o")
    assert found is not None
    assert found.quote_id == second.pk
    assert take_back(cast.owner, second)
    found = price(cast, "gpt-4o")
    assert found is not None
    assert (found.input_usd_per_mtok, found.quote_id in (first.pk, second.pk)) == (Decimal("2.5"), False)
    assert PriceQuote.objects.filter(team=cast.team).count() == 2  # nothing is removed: calls keep them


@pytest.mark.parametrize("who", ["editor", "runner", "viewer"])
def test_only_owners_set_prices(cast: Cast, who: str) -> None:
    with pytest.raises(PermissionDenied):
        set_price(getattr(cast, who), PriceOrder("m", **ONE_AND_TWO))


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"model": ""}, "model"),
        ({"model": "two words"}, "model"),
        ({"model": "m" * 201}, "model"),
        ({"model": "m\x00"}, "model"),
        ({"input_usd_per_mtok": None}, "input_usd_per_mtok"),
        ({"output_usd_per_mtok": Decimal(-1)}, "output_usd_per_mtok"),
        ({"output_usd_per_mtok": Decimal("NaN")}, "output_usd_per_mtok"),
        ({"request_usd": Decimal("1e30")}, "request_usd"),
        ({"request_usd": Decimal("0E-999999")}, "request_usd"),
        ({"request_usd": Decimal("0E+999999")}, "request_usd"),
        ({"request_usd": Decimal("1E+999999")}, "request_usd"),
        ({"request_usd": Decimal("1." + 20_000 * "0")}, "request_usd"),
        ({"tiers": (Rates(Decimal("0E-999999"), Decimal(1), above_tokens=5),)}, "tiers"),
        ({"cached_usd_per_mtok": Decimal("0.00000000001")}, "cached_usd_per_mtok"),
        ({"like": "gpt-4o"}, "like"),  # and figures
    ],
)
def test_what_cannot_be_is_told_at_its_field(cast: Cast, order: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        set_price(cast.owner, PriceOrder(**({"model": "m", **ONE_AND_TWO} | order), sure=True))
    assert list(refused.value.fields) == [field]
    assert not PriceQuote.objects.exists()


@pytest.mark.parametrize("like", ["m", "unknown", "x" * 300])
def test_a_model_can_only_be_like_another_one_that_has_a_price(cast: Cast, like: str) -> None:
    with pytest.raises(Invalid) as refused:
        set_price(cast.owner, PriceOrder("m", like=like))
    assert list(refused.value.fields) == ["like"]


@pytest.mark.parametrize(
    ("model", "figures", "said"),
    [
        ("m", {"input_usd_per_mtok": Decimal("0.00000015")}, "Type 0.15."),
        ("m", {"output_usd_per_mtok": Decimal(600_000)}, "$0.6 a token"),
        ("gpt-4o", {"input_usd_per_mtok": Decimal(250)}, "100 times what the price list says, $2.5"),
        ("gpt-4o", {"input_usd_per_mtok": Decimal("0.0025")}, "1/1,000 of what the price list says"),
        ("m", {"request_usd": Decimal(5)}, "For one it would be 0.005."),
    ],
)
def test_a_figure_in_another_unit_is_asked_about_and_taken_if_it_is_meant(
    cast: Cast, model: str, figures: dict[str, Decimal], said: str
) -> None:
    list_prices(*LISTED)
    order = {"model": model, "input_usd_per_mtok": Decimal("2.5"), "output_usd_per_mtok": Decimal(10)} | figures
    with pytest.raises(Invalid) as refused:
        set_price(cast.owner, PriceOrder(**order))
    assert list(refused.value.fields) == [*figures, "sure"]
    assert said in refused.value.fields[next(iter(figures))]
    assert set_price(cast.owner, PriceOrder(**order, sure=True)).pk


@pytest.mark.parametrize("amount", ["0", "1.25", "25", "200"])
def test_discounts_and_dear_models_are_not_asked_about(cast: Cast, amount: str) -> None:
    list_prices(*LISTED)
    figures = {"input_usd_per_mtok": Decimal(amount), "output_usd_per_mtok": Decimal(amount)}
    assert set_price(cast.owner, PriceOrder("gpt-4o", **figures)).pk


def test_models_without_a_price_come_first_with_their_calls(cast: Cast) -> None:
    list_prices(*LISTED)
    crew = make_crew(cast.owner)
    run = make_run(cast.runner, crew)
    for step in range(3):
        make_call(run, step=step, model="mine", cost_nusd=None, input_usd_per_mtok=None, output_usd_per_mtok=None)
    set_price(cast.owner, PriceOrder("other", **ONE_AND_TWO))
    found = prices_of(cast.viewer)
    assert [(one.model, one.quote is not None, one.unpriced_calls) for one in found] == [
        ("mine", False, 3),
        ("gpt-4o-mini", True, 0),
        ("other", True, 0),
    ]
