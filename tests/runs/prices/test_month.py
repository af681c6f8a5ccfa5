"""What the month would cost by the list as it is now: to the last digit, by model, with what no list decides."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from engine.catalogue.pricing import Usage, charge_of
from runs.ledger.prices import TeamPrices
from runs.models import Call, PriceQuote, Run
from runs.money import to_nusd, usd_text
from runs.prices import month
from runs.prices.actions import PriceOrder, set_price
from runs.prices.month import month_by_list
from teams.actions import issue_token
from tests.cast import Cast, make_crew
from tests.ledger import make_call, make_run
from tests.pages import html, signed_in
from tests.runs.listed import list_prices
from tests.runs.scenarios.priced_calls import PRICES, list_quotes, repriced, some_calls

pytestmark = pytest.mark.django_db

PAGE = "/t/acme/prices/month/"
UNPRICED: dict[str, Any] = {"cost_nusd": None, "input_usd_per_mtok": None, "output_usd_per_mtok": None}
USAGES = (Usage(7, 3, 1, 5), Usage(300_000, 100, 0, 77, 11), Usage(272_000, 0, 9, 1), Usage(1, 0, 0, 1))


def priced(cast: Cast, run: Run, step: int, model: str, usage: Usage, **fields: Any) -> Call:
    """A call as it is booked by the prices in force."""
    price = TeamPrices(cast.team, [model]).price(model)
    assert price is not None
    charge = charge_of(usage, price)
    assert charge.rates is not None
    names = ("input_usd_per_mtok", "output_usd_per_mtok", "cached_usd_per_mtok", "cache_write_usd_per_mtok")
    kept = {name: getattr(charge.rates, name) for name in (*names, "reasoning_usd_per_mtok")}
    tokens = ("prompt_tokens", "cached_prompt_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens")
    used = {name: getattr(usage, name) for name in tokens}
    due = {"cost_nusd": to_nusd(charge.cost_usd)}
    return make_call(run, step=step, model=model, **(kept | used | due | fields))


@pytest.fixture
def run(cast: Cast) -> Run:
    """Under way, with four calls that were booked by the list as it is."""
    list_prices("gpt-5.4", "gpt-4o")
    run = make_run(cast.runner, make_crew(cast.owner), state="running", lease_owner="w", lease_epoch=1)
    for step, usage in enumerate(USAGES):
        priced(cast, run, step, "gpt-5.4", usage)
    return run


def test_what_was_booked_by_the_list_costs_the_same_by_it_to_the_last_digit(cast: Cast, run: Run) -> None:
    (found,) = month_by_list(cast.viewer).models
    assert (found.model, found.calls, found.more_nusd, found.reckoned_calls) == ("gpt-5.4", 4, 0, 4)
    assert "The price list says what was booked" in html(signed_in(cast.viewer).get(PAGE))


def test_calls_of_every_kind_cost_by_the_list_what_the_engine_would_book(cast: Cast) -> None:
    """Fees, seconds, citations, reasoning and tiers among them; nothing of it is compared with what was stored."""
    some_calls(cast, make_crew(cast.owner), 21, count=90)
    listed = {model: replace(one, output_usd_per_mtok=Decimal("3.14159")) for model, one in PRICES.items()}
    list_quotes(listed)
    found = {one.model: one for one in month_by_list(cast.viewer).models}
    for model, by_list in listed.items():
        calls = Call.objects.filter(team=cast.team, kind="model", model=model)
        stated = sum(call.provider_nusd or 0 for call in calls.filter(provider_is_booked=True))
        _, due = repriced(calls.exclude(provider_is_booked=True), by_list)
        assert (found[model].listed_nusd, found[model].more_nusd != 0) == (due + stated, True), model


def change_everything(cast: Cast, run: Run) -> int:
    """Calls whose cost no list decides, and another list; returns what the four calls cost by that one."""
    priced(cast, run, 10, "gpt-5.4", USAGES[0], provider_is_booked=True, provider_nusd=5, cost_nusd=5)
    make_call(run, step=11, model="gpt-4o", **UNPRICED)  # from before the list had it
    make_call(run, step=12, model="nobodys", **UNPRICED)
    make_call(run, step=13, model="nobodys", cost_nusd=40, input_usd_per_mtok=1, output_usd_per_mtok=1)
    lost = {"state": "unknown", "cost_class": "failed", "prompt_tokens": 0, "completion_tokens": 0}
    make_call(run, step=14, model="gpt-5.4", cost_nusd=900, reserved_nusd=900, **lost)
    make_call(run, step=15, model="gpt-5.4", simulated=True)
    dearer = PriceQuote.objects.create(
        model="gpt-5.4", input_usd_per_mtok=Decimal("2.71828182"), output_usd_per_mtok=Decimal("31.4159265")
    )
    dearer.tiers.create(above_tokens=272_000, input_usd_per_mtok=7, output_usd_per_mtok=70, cached_usd_per_mtok=1)
    set_price(cast.owner, PriceOrder("gpt-5.4", discount_percent=Decimal(50)))  # the list is without it
    by_list = TeamPrices(cast.team, ["gpt-5.4"], own=False).price("gpt-5.4")
    return sum(to_nusd(charge_of(usage, by_list).cost_usd) or 0 for usage in USAGES)


def test_the_month_by_a_list_that_has_changed(cast: Cast, run: Run) -> None:
    due = change_everything(cast, run)
    found = month_by_list(cast.viewer)
    booked = sum(call.cost_nusd or 0 for call in Call.objects.filter(model="gpt-5.4", simulated=False))
    (first, *_), models = found.models, {one.model: one for one in found.models}
    assert (first.model, first.listed_nusd, first.booked_nusd) == ("gpt-5.4", due + 5 + 900, booked)
    assert (first.calls, first.reckoned_calls) == (6, 4)
    late, never = models["gpt-4o"], models["nobodys"]
    assert (late.unpriced_calls, late.found_calls, late.found_nusd) == (1, 1, 750_000)
    assert (never.unpriced_calls, never.found_calls, never.more_nusd) == (1, 0, 0)
    assert found.total.booked_nusd == sum(one.booked_nusd for one in found.models)

    page = html(signed_in(cast.viewer).get(PAGE))
    assert "more now:" in page
    assert "1 call without a price would cost" in page
    _, secret = issue_token(cast.owner)
    body = Client().get("/api/v1/prices/month", headers={"Authorization": f"Bearer {secret}"}).json()
    assert body["total"]["listed_usd"] == usd_text(found.total.listed_nusd)
    assert [one["model"] for one in body["models"]] == [one.model for one in found.models]


def test_a_call_of_unknown_time_stays_as_it_was_where_the_list_is_by_the_second(cast: Cast, run: Run) -> None:
    PriceQuote.objects.create(model="gpt-4o", input_usd_per_mtok=0, output_usd_per_mtok=0, second_usd=Decimal("0.01"))
    make_call(run, step=20, model="gpt-4o", cost_nusd=40, took_ms=0)
    make_call(run, step=21, model="gpt-4o", cost_nusd=40, took_ms=1_500)
    make_call(run, step=22, model="gpt-4o", took_ms=0, **UNPRICED)
    make_call(run, step=23, model="gpt-4o", reply={"latency_ms": 2_000}, **UNPRICED)  # as it can be booked late
    (found,) = (one for one in month_by_list(cast.viewer).models if one.model == "gpt-4o")
    assert (found.listed_nusd, found.reckoned_calls, found.found_calls) == (40 + 15_000_000, 2, 1)
    assert found.found_nusd == 20_000_000


def test_it_leaves_threads_for_pages_and_is_given_up_in_time(
    cast: Cast, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(cast.viewer)
    monkeypatch.setattr(month.PLACES, "_patience_s", 0.01)
    with month.PLACES.one(), month.PLACES.one():
        answered = client.get(PAGE)
    assert (answered.status_code, "Other months are being reckoned." in html(answered)) == (429, True)
    assert answered["Retry-After"] == "10"
    monkeypatch.setattr(month, "SECONDS", 0)
    answered = client.get(PAGE)
    assert (answered.status_code, "was given up. Its bill says what was booked." in html(answered)) == (422, True)


def test_a_month_without_calls_says_so(cast: Cast) -> None:
    assert "No real call was made this month." in html(signed_in(cast.viewer).get(PAGE))
