"""Prices as CSV: a line for each, and one more for each length of prompt from which another price holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from engine.catalogue.pricing import Price, Rates
from runs.ledger.prices import FEE_FIELDS, PRICE_FIELDS
from runs.money import usd_text
from runs.prices.figures import FIGURES
from runs.prices.month import ModelMonth, MonthByList
from runs.prices.queries import ModelPrice, Past
from teams.texts.spreadsheets import csv_text, safe
from teams.texts.times import time_text

COLUMNS = ("model", "above_tokens", *FIGURES, "entry", "source", "own", "discount_percent", "begins_at")
HISTORY_COLUMNS = (
    *("model", "entry", "above_tokens", *FIGURES, "own", "like", "discount_percent", "source", "note"),
    *("begins_at", "until", "ends_at", "ended_at", "state"),
)
MONTH_COLUMNS = (
    *("section", "month", "model", "calls", "booked_usd", "listed_usd", "more_usd"),
    *("reckoned_calls", "unpriced_calls", "found_calls", "found_usd"),
)


def csv_of(prices: Iterable[ModelPrice]) -> str:
    """The same figures as in the API's JSON. A model without a known price has a line without figures."""
    return csv_text(
        [COLUMNS, *([safe(one.model), *line, *_about(one)] for one in prices for line in _lines(one.price))]
    )


def csv_of_history(model: str, past: Iterable[Past]) -> str:
    """What held for a model, the newest first. A price that follows another one has a line without figures."""
    rows = (
        [safe(model), safe(one.quote.model), *line, *_about_past(one)] for one in past for line in _lines(one.price)
    )
    return csv_text([HISTORY_COLUMNS, *rows])


def csv_of_month(found: MonthByList) -> str:
    """``section`` is model or total."""
    sections = [*(("model", one) for one in found.models), ("total", found.total)]
    return csv_text([MONTH_COLUMNS, *([section, f"{found.month:%Y-%m}", *_sums(one)] for section, one in sections)])


def _lines(price: Price | None) -> Iterator[list[object]]:
    """From how many tokens on, and the figures: of ordinary prompts, then of each length."""
    if price is None:
        yield ["", *[""] * len(FIGURES)]
        return
    for rates in (price, *price.tiers):
        yield [rates.above_tokens or "", *_figures(rates)]


def _sums(one: ModelMonth) -> list[object]:
    booked, listed, more, found = map(usd_text, (one.booked_nusd, one.listed_nusd, one.more_nusd, one.found_nusd))
    counts = (one.reckoned_calls, one.unpriced_calls, one.found_calls)
    return [safe(one.model), one.calls, booked, listed, more, *counts, found]


def _about_past(one: Past) -> list[str]:
    quote = one.quote
    percent = "" if quote.discount_percent is None else plain(quote.discount_percent)
    own = "no" if quote.team_id is None else "yes"
    times = (quote.begins_at, quote.until, quote.ends_at, one.ended_at)
    told = (own, safe(quote.like), percent, safe(quote.source), safe(quote.note))
    return [*told, *("" if time is None else time_text(time) for time in times), one.state]


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
