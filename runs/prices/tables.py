"""Prices as CSV: a line for each, and one more for each length of prompt from which another price holds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from decimal import Decimal

from engine.catalogue.pricing import Price, Rates
from runs.ledger.prices import FEE_FIELDS, PRICE_FIELDS
from runs.prices.figures import FIGURES
from runs.prices.queries import ModelPrice
from runs.spreadsheets import safe
from teams.times import time_text

COLUMNS = ("model", "above_tokens", *FIGURES, "entry", "source", "own", "discount_percent", "begins_at")


def csv_of(prices: Iterable[ModelPrice]) -> str:
    """The same figures as in the API's JSON. A model without a known price has a line without figures."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for one in prices:
        about = _about(one)
        if one.price is None:
            rows.writerow([safe(one.model), "", *[""] * len(FIGURES), *about])
            continue
        for rates in (one.price, *one.price.tiers):
            rows.writerow([safe(one.model), rates.above_tokens or "", *_figures(rates), *about])
    return text.getvalue()


def _figures(rates: Price | Rates) -> list[str]:
    fees = [getattr(rates, name) for name in FEE_FIELDS] if isinstance(rates, Price) else [None] * len(FEE_FIELDS)
    return [
        "" if amount is None else plain(amount) for amount in (*(getattr(rates, name) for name in PRICE_FIELDS), *fees)
    ]


def _about(one: ModelPrice) -> list[str]:
    quote = one.own or one.quote
    if quote is None:
        return [""] * 5
    percent = one.discount_percent
    return [
        safe(one.entry),
        safe(quote.source),
        "yes" if one.own else "no",
        "" if percent is None else plain(percent),
        time_text(quote.begins_at),
    ]


def plain(amount: Decimal) -> str:
    """The amount as a plain decimal text without trailing zeros."""
    return f"{amount.normalize():f}"
