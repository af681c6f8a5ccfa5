"""Some of the default list's prices, for tests: bringing in all of them takes seconds."""

from __future__ import annotations

from engine.catalogue import price_list
from runs.ledger.prices import FEE_FIELDS, PRICE_FIELDS
from runs.models import PriceQuote


def list_prices(*models: str) -> None:
    """Brings in these entries of the list, with their fees and tiers."""
    prices = price_list.prices()
    for model in models:
        price = prices[model]
        figures = {name: getattr(price, name) for name in (*PRICE_FIELDS, *FEE_FIELDS)}
        quote = PriceQuote.objects.create(model=model, source=price_list.source(), **figures)
        for tier in price.tiers:
            quote.tiers.create(above_tokens=tier.above_tokens, **{name: getattr(tier, name) for name in PRICE_FIELDS})
