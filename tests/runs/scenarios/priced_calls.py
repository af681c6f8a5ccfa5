"""Calls of every kind that the ledger knows, priced as the engine prices them, and re-priced one by one in Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from django.utils import timezone

from agents_app.models import Crew
from engine.catalogue.pricing import Price, Rates, Usage, charge_of
from runs.ledger import rollups
from runs.ledger.call_lines import parts_of
from runs.ledger.prices import FEE_FIELDS, PRICE_FIELDS
from runs.models import Call, PriceQuote, Run
from runs.money import to_nusd
from tests.cast import Cast
from tests.ledger import make_call, make_run, make_task

D = Decimal
WHOLE = Price(D("2.5"), D("10"), D("1.25"))
PRICES: Mapping[str, Price] = {
    "gpt-4o": WHOLE,
    "gpt-4.1-mini": Price(D("0.4"), D("1.6"), D("0.1")),
    "gemini/odd": Price(D("0.0123456789"), D("0.0987654321"), D("0.0011111111"), D("0.0154321098")),
    "xai/tiered": Price(
        D("3"),
        D("15"),
        D("0.75"),
        reasoning_usd_per_mtok=D("17.5"),
        tiers=(Rates(D("6"), D("30"), D("1.5"), above_tokens=128_000), Rates(D("9"), D("45"), above_tokens=200_000)),
    ),
    "perplexity/fees": Price(
        D("1"), D("1"), request_usd=D("0.005"), search_usd=D("0.0051234567"), citation_usd_per_mtok=D("2")
    ),
    "own/by-second": Price(D("0.1"), D("0.2"), second_usd=D("0.0003123456")),
    "perplexity/cached": Price(
        D("1"), D("1"), D("0.25"), request_usd=D("0.005"), search_usd=D("0.0051234567"), citation_usd_per_mtok=D("2")
    ),
    "own/cached-by-second": Price(D("0.1"), D("0.2"), D("0.03"), D("0.125"), second_usd=D("0.0003123456")),
}
LENGTHS = (0, 1, 500, 1_023, 1_024, 4_096, 8_193, 127_999, 128_000, 128_001, 200_000, 200_001, 300_000)
AGENTS = ("finance", "news", "")


def list_quotes(prices: Mapping[str, Price] = PRICES, **fields: Any) -> None:
    """Brings the prices into the default list, or wherever the fields say."""
    for model, price in prices.items():
        figures = {name: getattr(price, name) for name in (*PRICE_FIELDS, *FEE_FIELDS)}
        quote = PriceQuote.objects.create(model=model, **({"source": "a test"} | figures | fields))
        for tier in price.tiers:
            quote.tiers.create(above_tokens=tier.above_tokens, **{name: getattr(tier, name) for name in PRICE_FIELDS})


def some_calls(cast: Cast, crew: Crew, seed: int, *, count: int = 40, **fields: Any) -> Run:
    """A run of so many calls of all kinds, drawn by the seed, with the sums that the ledger would keep."""
    chance = Random(seed)
    run = make_run(cast.owner, crew, **fields)
    task = make_task(run, "figures", started_at=run.started_at, finished_at=run.finished_at)
    for step in range(count):
        make_call(run, task=task, step=step, simulated=run.simulated, **_drawn(chance))
    rollups.rebuild(run.team_id)
    return run


def usage_of(call: Call) -> Usage:
    return Usage(
        prompt_tokens=call.prompt_tokens,
        cached_prompt_tokens=call.cached_prompt_tokens,
        cache_write_tokens=call.cache_write_tokens,
        completion_tokens=call.completion_tokens,
        reasoning_tokens=call.reasoning_tokens,
        citation_tokens=call.citation_tokens,
        searches=call.searches,
        took_ms=call.took_ms,
    )


def is_as_booked(call: Call) -> bool:
    nothing = call.prompt_tokens + call.completion_tokens == 0
    return call.cache_hit or call.state == "unknown" or (call.state == "error" and nothing)


def own_price(call: Call) -> Price | None:
    """The price that is kept with the call."""
    if call.input_usd_per_mtok is None or call.output_usd_per_mtok is None:
        return None
    fees = (name for name in FEE_FIELDS if name != "extra_reserve_usd")
    return Price(**{name: getattr(call, name) for name in (*PRICE_FIELDS, *fees)})


def own_cost(call: Call) -> int | None:
    """What the call costs by its own tokens, time and price, in 1e-9 USD, reckoned by the engine and not read; but for
    what nobody can reckon: what its provider stated, and what was booked for one that did not answer."""
    if call.provider_is_booked:
        return call.provider_nusd
    return call.cost_nusd if is_as_booked(call) else to_nusd(charge_of(usage_of(call), own_price(call)).cost_usd)


def is_untimed(call: Call, price: Price) -> bool:
    """Whether a price by the second cannot be put on the call."""
    return bool(price.second_usd) and not call.took_ms and not is_as_booked(call)


def repriced(calls: Iterable[Call], price: Price) -> tuple[int, int]:
    """What the calls with a known cost were booked at, and would cost at this price, in 1e-9 USD."""
    before = after = 0
    for call in calls:
        if call.kind == "model" and call.cost_nusd is not None and not is_untimed(call, price):
            before += call.cost_nusd
            cost = to_nusd(charge_of(usage_of(call), price).cost_usd)
            after += call.cost_nusd if is_as_booked(call) else cost or 0
    return before, after


def this_month() -> date:
    return timezone.now().date().replace(day=1)


def _drawn(chance: Random) -> dict[str, Any]:
    model = chance.choice([*PRICES, "acme-7b"])
    kind = chance.choice(["asked"] * 6 + ["stated", "reused", "refused", "broken", "lost", "late", "unpriced", "tool"])
    common: dict[str, Any] = {"model": model, "agent": chance.choice(AGENTS), "billed_month": this_month()}
    if chance.random() < 0.5:
        common["params"] = {"tools": ["search"]} | ({"response_schema": {}} if chance.random() < 0.5 else {})
    if kind == "tool":
        return common | {"kind": "tool", "model": "", "cost_nusd": 0} | _charged(Usage(), None)
    if kind == "reused":
        return common | {"cache_hit": True, "cost_class": "cache_hit", "cost_nusd": 0} | _tokens(Usage())
    if kind == "refused":
        return common | {"state": "error", "cost_class": "failed", "cost_nusd": 0} | _tokens(Usage())
    if kind == "lost":
        booked = {"cost_nusd": 900_000, "reserved_nusd": 900_000}
        return common | {"state": "unknown", "cost_class": "failed"} | booked | _tokens(Usage())
    price = None if kind == "unpriced" else PRICES.get(model)
    states = {"late": ("late", "duplicate"), "broken": ("error", "failed")}
    state, cost_class = states.get(kind, ("ok", "work"))
    stated = chance.randrange(10_000_000) if kind == "stated" else None
    return common | {"state": state, "cost_class": cost_class} | _charged(_usage(chance, stated), price)


def _usage(chance: Random, stated: int | None) -> Usage:
    prompt, completion = chance.choice(LENGTHS), chance.randrange(1, 5_000)
    cached = chance.randrange(prompt + 1)
    return Usage(
        prompt_tokens=prompt,
        cached_prompt_tokens=cached,
        cache_write_tokens=chance.randrange(prompt - cached + 1),
        completion_tokens=completion,
        reasoning_tokens=chance.randrange(completion),
        citation_tokens=chance.choice((0, 777)),
        searches=chance.choice((0, 3)),
        took_ms=chance.randrange(60_000),
        stated_nusd=stated,
    )


def _charged(usage: Usage, price: Price | None) -> dict[str, Any]:
    charge = charge_of(usage, price, books_stated=True)
    rates = charge.rates
    kept = {name: getattr(rates, name) if rates else None for name in PRICE_FIELDS}
    fees = {name: getattr(price, name) if price else None for name in FEE_FIELDS if name != "extra_reserve_usd"}
    stated = {"provider_nusd": usage.stated_nusd, "provider_is_booked": charge.is_stated}
    cost = {"cost_nusd": to_nusd(charge.cost_usd)} if price or charge.is_stated else {"cost_nusd": None}
    return _tokens(usage) | kept | fees | stated | cost | parts_of(charge.parts)


def _tokens(usage: Usage) -> dict[str, int]:
    names = (
        *("prompt_tokens", "cached_prompt_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens"),
        *("citation_tokens", "searches", "took_ms"),
    )
    return {name: getattr(usage, name) for name in names}
