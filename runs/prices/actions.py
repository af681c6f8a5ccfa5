"""What people do about prices: set one for a model, say which other model it is priced like, and take that back.

A price holds for runs that begin from then on. Calls keep the prices that they were made with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models.functions import Now

from engine.text import is_storable
from runs.ledger.prices import TeamPrices
from runs.models import PriceQuote
from runs.prices.doubts import doubts_about
from teams.access import Principal, require
from teams.models import Role
from teams.refusals import Invalid

MAX_MODEL_CHARS = 200
MAX_USD = Decimal(1_000_000)
MOST_DECIMALS = 10
NEEDED = ("input_usd_per_mtok", "output_usd_per_mtok")
FIGURES = (
    *NEEDED,
    *("cached_usd_per_mtok", "cache_write_usd_per_mtok", "reasoning_usd_per_mtok"),
    *("request_usd", "search_usd", "citation_usd_per_mtok", "extra_reserve_usd"),
)


@dataclass(frozen=True, slots=True)
class PriceOrder:
    """A model's price as a person gives it: figures, or ``like``, the id of another model whose price is its own.

    Token prices are in USD per million, fees in USD for each. ``sure``: figures that look like a mistake are meant.
    """

    model: str
    like: str = ""
    input_usd_per_mtok: Decimal | None = None
    output_usd_per_mtok: Decimal | None = None
    cached_usd_per_mtok: Decimal | None = None
    cache_write_usd_per_mtok: Decimal | None = None
    reasoning_usd_per_mtok: Decimal | None = None
    request_usd: Decimal | None = None
    search_usd: Decimal | None = None
    citation_usd_per_mtok: Decimal | None = None
    extra_reserve_usd: Decimal | None = None
    sure: bool = False

    @property
    def figures(self) -> dict[str, Decimal | None]:
        return {name: getattr(self, name) for name in FIGURES}


@transaction.atomic
def set_price(who: Principal, order: PriceOrder) -> PriceQuote:
    """The team's price of a model from now on. ``Invalid`` names every field that cannot be, or may not be, so."""
    require(who, Role.OWNER)
    model, like = order.model.strip(), order.like.strip()
    fields = dict(_complaints(who, order, model, like))
    if not fields and not order.sure and (doubts := doubts_about(who.team, model, order.figures)):
        fields = doubts | {"sure": "Look at the unit. If the figures are meant as they are, say so here."}
    if fields:
        raise Invalid("The price was not saved.", fields=fields)
    _end(who, model)
    figures = {} if like else order.figures
    return PriceQuote.objects.create(team=who.team, model=model, like=like, made_by=who.user, **figures)


@transaction.atomic
def take_back(who: Principal, quote: PriceQuote) -> bool:
    """From now on the default list's price holds for the model, if there is one. What was booked stays. False if the
    price was in force no longer: then nothing changes."""
    require(who, Role.OWNER)
    return bool(PriceQuote.objects.filter(team=who.team, pk=quote.pk, ends_at=None).update(ends_at=Now()))


def _end(who: Principal, model: str) -> None:
    PriceQuote.objects.filter(team=who.team, model=model, ends_at=None).update(ends_at=Now())


def _complaints(who: Principal, order: PriceOrder, model: str, like: str) -> Iterator[tuple[str, str]]:
    if not model or len(model) > MAX_MODEL_CHARS or not is_storable(model) or len(model.split()) > 1:
        yield "model", f"Give a model's id as agents name it, without blanks, of at most {MAX_MODEL_CHARS} characters."
    if like:
        yield from _complaints_about_like(who, order, model, like)
        return
    for name in NEEDED:
        if getattr(order, name) is None:
            yield name, "Give a price in USD per million tokens, 0 if it is free; or say below which model it is like."
    for name, amount in order.figures.items():
        if amount is not None and (complaint := _amount_complaint(amount)):
            yield name, complaint


def _complaints_about_like(who: Principal, order: PriceOrder, model: str, like: str) -> Iterator[tuple[str, str]]:
    if any(amount is not None for amount in order.figures.values()):
        yield "like", "Give figures, or another model, and not both."
    elif like == model:
        yield "like", "This is the model itself."
    elif len(like) > MAX_MODEL_CHARS or not is_storable(like):
        yield "like", "No price is known for this model either."
    else:
        prices = TeamPrices(who.team, [like])
        own = prices.own(like)
        if own is not None and own.like:
            yield "like", f"This one is itself priced like {own.like}. Name that one."
        elif prices.quote(like) is None:
            yield "like", "No price is known for this model either."


def _amount_complaint(amount: Decimal) -> str:
    if not amount.is_finite() or not 0 <= amount <= MAX_USD:
        return f"Give an amount from 0 to {MAX_USD:,}."
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MOST_DECIMALS and amount != round(amount, MOST_DECIMALS):
        return f"Give at most {MOST_DECIMALS} decimals."
    return ""
