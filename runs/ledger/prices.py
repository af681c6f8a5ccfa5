"""Reads from dated quotes which price is in force for a team and a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Now

from engine.catalogue.price_list import entries_of
from engine.catalogue.price_names import spellings
from engine.catalogue.pricing import Price, Rates
from runs.models import PriceQuote, PriceTier
from teams.models import Team

PRICE_FIELDS = (
    *("input_usd_per_mtok", "output_usd_per_mtok", "cached_usd_per_mtok", "cache_write_usd_per_mtok"),
    "reasoning_usd_per_mtok",
)
FEE_FIELDS = ("request_usd", "search_usd", "citation_usd_per_mtok", "extra_reserve_usd", "second_usd")
EXACT = Decimal("1e-10")
"""Prices are kept with so many decimals; a discounted one is rounded to them before anything is reckoned with it."""


class TeamPrices:
    """The prices of some models as they stood when this was made. A run keeps one from claim to end."""

    def __init__(self, team: Team, models: Iterable[str], *, own: bool = True, at: datetime | None = None) -> None:
        """``own`` False leaves out the team's own prices. ``at``: as they stood then; None is now."""
        self._prices: dict[str, Price | None] = {}
        self._own: dict[str, PriceQuote] = {}
        self._list: dict[str, PriceQuote] = {}
        self._read(team if own else None, _names(models), at)
        others = {quote.like for quote in self._own.values() if quote.like}
        if others:
            self._read(team, _names(others), at)

    def price(self, model: str) -> Price | None:
        if model not in self._prices:
            quote = self._listed(model)
            self._prices[model] = None if quote is None else self._reckoned(quote, model)
        return self._prices[model]

    def quote(self, model: str) -> PriceQuote | None:
        """The quote that has the figures: that of the model, or of the one that it is reckoned from."""
        quote = self._listed(model)
        if quote is None or not is_reckoned(quote):
            return quote
        other, other_model = self._other(quote, model)
        if other is not None and is_reckoned(other):  # a discount of a listed price
            other, _ = self._other(other, other_model)
        return None if other is None or is_reckoned(other) else other

    def own(self, model: str) -> PriceQuote | None:
        """The team's own quote that decides what the model is priced at; None if the default list does."""
        quote = self._listed(model)
        return None if quote is None or quote.team_id is None else quote

    def _read(self, team: Team | None, names: set[str], at: datetime | None) -> None:
        quotes = list(
            in_force(PriceQuote.objects.filter(Q(team=team) | Q(team=None), model__in=names), at)
            .order_by("begins_at", "pk")
            .prefetch_related("tiers")
        )
        self._own |= {quote.model: quote for quote in quotes if quote.team_id is not None}
        self._list |= {quote.model: quote for quote in quotes if quote.team_id is None}

    def _listed(self, model: str) -> PriceQuote | None:
        """The team's own quote of this very model, however that is written; else the team's discount on its whole
        provider, if the list has the model; else the first that is listed."""
        spelled = (self._own.get(name) for name in spellings(model))
        if own := next((quote for quote in spelled if quote is not None), None):
            return own
        names = entries_of(model)
        wide = (self._own[name] for name in names if name.endswith("/*") and name in self._own)
        discount = next((quote for quote in wide if quote.discount_percent is not None and not quote.like), None)
        if discount is not None and self._of_list(model) is not None:
            return discount
        return next((quote for name in names if (quote := self._own.get(name) or self._list.get(name))), None)

    def _of_list(self, model: str) -> PriceQuote | None:
        return next((self._list[name] for name in entries_of(model) if name in self._list), None)

    def _other(self, quote: PriceQuote, model: str) -> tuple[PriceQuote | None, str]:
        """What a quote without figures is reckoned from. One step only from model to model, so that there is no
        circle."""
        if not quote.like:
            return self._of_list(model), model
        other = self._listed(quote.like)
        return (None if other is None or other.like else other), quote.like

    def _reckoned(self, quote: PriceQuote, model: str) -> Price | None:
        if not is_reckoned(quote):
            return as_price(quote)
        other, other_model = self._other(quote, model)
        price = None if other is None else self._reckoned(other, other_model)
        if price is None or quote.discount_percent is None:
            return price
        return replace(discounted(price, quote.discount_percent), entry=quote.model, quote_id=quote.pk)


def is_reckoned(quote: PriceQuote) -> bool:
    """Whether the quote has no figures of its own."""
    return quote.input_usd_per_mtok is None


def in_force(quotes: QuerySet[PriceQuote], at: datetime | None = None) -> QuerySet[PriceQuote]:
    """Those that have begun and not ended, now or then. Of one model the newest holds."""
    moment = Now() if at is None else Value(at)
    going_on = Q(ends_at=None) | Q(ends_at__gt=moment)
    return quotes.filter(going_on, Q(until=None) | Q(until__gt=moment), begins_at__lte=moment)


def as_price(quote: PriceQuote) -> Price:
    """The quote with its tiers, as the engine reckons with it."""
    tiers = (Rates(**fields_of(tier), above_tokens=tier.above_tokens) for tier in quote.tiers.all())
    return Price(**fields_of(quote), **fees_of(quote), tiers=tuple(tiers), entry=quote.model, quote_id=quote.pk)


def discounted(price: Price, percent: Decimal) -> Price:
    """So much less of every figure, fees and tiers included, to ten decimals; more where it is below 0."""
    share = (100 - percent) / 100

    def less(figures: Mapping[str, Decimal | None]) -> dict[str, Any]:
        return {
            name: None if usd is None else (usd * share).quantize(EXACT, rounding=ROUND_HALF_UP)
            for name, usd in figures.items()
        }

    tiers = tuple(Rates(**less(fields_of(tier)), above_tokens=tier.above_tokens) for tier in price.tiers)
    return Price(**less(fields_of(price) | fees_of(price)), tiers=tiers, entry=price.entry, quote_id=price.quote_id)


def fields_of(prices: Rates | PriceQuote | PriceTier) -> dict[str, Any]:
    return {field: getattr(prices, field) for field in PRICE_FIELDS}


def fees_of(prices: Price | PriceQuote) -> dict[str, Any]:
    return {field: getattr(prices, field) for field in FEE_FIELDS}


def _names(models: Iterable[str]) -> set[str]:
    return {name for model in models for name in (*entries_of(model), *spellings(model))}
