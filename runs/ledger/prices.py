"""Reads from dated quotes which price is in force for a team and a model, and brings the default list into them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, Value
from django.db.models.functions import Now

from engine.catalogue import price_list
from engine.catalogue.price_list import entries_of
from engine.catalogue.price_names import spellings
from engine.catalogue.pricing import Price, Rates
from runs.models import PriceQuote, PriceTier
from teams.models import Team

PRICE_FIELDS = (
    *("input_usd_per_mtok", "output_usd_per_mtok", "cached_usd_per_mtok", "cache_write_usd_per_mtok"),
    "reasoning_usd_per_mtok",
)
FEE_FIELDS = ("request_usd", "search_usd", "citation_usd_per_mtok", "extra_reserve_usd")


class TeamPrices:
    """The prices of some models as they stood when this was made. A run keeps one from claim to end."""

    def __init__(self, team: Team, models: Iterable[str], *, own: bool = True, at: datetime | None = None) -> None:
        """``own`` False leaves out the team's own prices. ``at``: as they stood then; None is now."""
        quotes = _in_force(team if own else None, _names(models), at)
        others = {quote.like for quote in quotes.values() if quote.like}
        self._prices: dict[str, Price | None] = {}
        self._quotes = (_in_force(team, _names(others), at) | quotes) if others else quotes

    def price(self, model: str) -> Price | None:
        if model not in self._prices:
            quote = self.quote(model)
            self._prices[model] = None if quote is None else as_price(quote)
        return self._prices[model]

    def quote(self, model: str) -> PriceQuote | None:
        """The quote that has the figures: that of the model, or of the one that it is priced like."""
        quote = self._listed(model)
        if quote is not None and quote.like:  # one step only, so that there is no circle
            quote = self._listed(quote.like)
        return None if quote is None or quote.like else quote

    def own(self, model: str) -> PriceQuote | None:
        """The team's own quote that decides what the model is priced at; None if the default list does."""
        quote = self._listed(model)
        return None if quote is None or quote.team_id is None else quote

    def _listed(self, model: str) -> PriceQuote | None:
        """The team's own quote of this very model, however that is written; else the first that is listed."""
        found = [self._quotes[name] for name in spellings(model) if name in self._quotes]
        if own := next((quote for quote in found if quote.team_id is not None), None):
            return own
        return next((self._quotes[name] for name in entries_of(model) if name in self._quotes), None)


@transaction.atomic
def load_default_prices() -> int:
    """Adds a quote for each model of the bundled list whose price is new or has changed; returns how many it added."""
    source, listed = price_list.source(), price_list.prices()
    current = _latest_defaults()
    changed = [
        (PriceQuote(model=model, source=source, **_fields(price), **_fees(price)), price.tiers)
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
    return Price(**_fields(quote), **_fees(quote), tiers=tuple(tiers), entry=quote.model, quote_id=quote.pk)


def _fields(prices: Rates | PriceQuote | PriceTier) -> dict[str, Any]:
    return {field: getattr(prices, field) for field in PRICE_FIELDS}


def _fees(prices: Price | PriceQuote) -> dict[str, Any]:
    return {field: getattr(prices, field) for field in FEE_FIELDS}


def _names(models: Iterable[str]) -> set[str]:
    return {name for model in models for name in (*entries_of(model), *spellings(model))}


def _in_force(team: Team | None, models: set[str], at: datetime | None) -> dict[str, PriceQuote]:
    """The quotes by name. ``team`` None: those of the default list alone. ``at`` None: now."""
    moment = Now() if at is None else Value(at)
    begun = PriceQuote.objects.filter(Q(team=team) | Q(team=None), model__in=models, begins_at__lte=moment)
    going_on = begun.filter(Q(ends_at=None) | Q(ends_at__gt=moment))
    quotes = list(going_on.order_by("begins_at", "pk").prefetch_related("tiers"))
    own = {quote.model: quote for quote in quotes if quote.team_id is not None}
    default = {quote.model: quote for quote in quotes if quote.team_id is None}
    return default | own


def _latest_defaults() -> dict[str, Price]:
    newest = (
        PriceQuote.objects.filter(team=None).order_by("model", "-begins_at").distinct("model").prefetch_related("tiers")
    )
    return {quote.model: as_price(quote) for quote in newest}
