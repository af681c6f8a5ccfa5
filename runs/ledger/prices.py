"""Reads from dated quotes which price is in force for a team and a model, and brings the default list into them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from engine.catalogue import price_list
from engine.catalogue.model_ids import bare_id
from engine.catalogue.pricing import Price, Rates
from runs.models import PriceQuote, PriceTier
from teams.models import Team

PRICE_FIELDS = ("input_usd_per_mtok", "output_usd_per_mtok", "cached_usd_per_mtok", "cache_write_usd_per_mtok")


class TeamPrices:
    """The prices of some models as they stood when this was made. A run keeps one from claim to end."""

    def __init__(self, team: Team, models: Iterable[str]) -> None:
        self._prices = _in_force(team, {name for model in models for name in (model, bare_id(model))})

    def price(self, model: str) -> Price | None:
        return self._prices.get(model) or self._prices.get(bare_id(model))


@transaction.atomic
def load_default_prices() -> int:
    """Adds a quote for each model of the bundled list whose price is new or has changed; returns how many it added."""
    source, listed = price_list.source(), price_list.prices()
    current = _latest_defaults()
    changed = [
        (PriceQuote(model=model, source=source, **_fields(price)), price.tiers)
        for model, price in listed.items()
        if current.get(model) != price
    ]
    PriceQuote.objects.bulk_create([quote for quote, _ in changed], batch_size=500)
    PriceTier.objects.bulk_create(
        [
            PriceTier(quote=quote, above_tokens=tier.above_tokens, **_fields(tier))
            for quote, tiers in changed
            for tier in tiers
        ],
        batch_size=500,
    )
    return len(changed)


def as_price(quote: PriceQuote) -> Price:
    """The quote with its tiers, as the engine reckons with it."""
    tiers = (Rates(**_fields(tier), above_tokens=tier.above_tokens) for tier in quote.tiers.all())
    return Price(**_fields(quote), tiers=tuple(tiers))


def _fields(prices: Rates | PriceQuote | PriceTier) -> dict[str, Any]:
    return {field: getattr(prices, field) for field in PRICE_FIELDS}


def _in_force(team: Team, models: set[str]) -> dict[str, Price]:
    begun = PriceQuote.objects.filter(Q(team=team) | Q(team=None), model__in=models, begins_at__lte=Now())
    quotes = begun.order_by("team_id", "begins_at").prefetch_related("tiers")
    own = {quote.model: as_price(quote) for quote in quotes if quote.team_id is not None}
    default = {quote.model: as_price(quote) for quote in quotes if quote.team_id is None}
    return default | own


def _latest_defaults() -> dict[str, Price]:
    newest = (
        PriceQuote.objects.filter(team=None).order_by("model", "-begins_at").distinct("model").prefetch_related("tiers")
    )
    return {quote.model: as_price(quote) for quote in newest}
