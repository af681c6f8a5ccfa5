"""What people do about prices: set one for a model, from now or a later day on, and take it back.

A price holds for runs that begin while it is in force. Calls keep the prices that they were made with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from engine.catalogue.model_ids import real_id
from engine.catalogue.pricing import Rates
from engine.text import is_storable
from runs.ledger import late_prices
from runs.ledger.late_prices import Booked
from runs.ledger.prices import TeamPrices, fields_of
from runs.models import PriceQuote, PriceTier
from runs.money import usd_text
from runs.months import now as database_now
from runs.prices.doubts import doubts_about
from runs.prices.figures import FIGURES, NEEDED, figure_complaints, tier_complaint
from runs.typed_values import is_plain
from teams.access import Principal, require
from teams.audit.record import record
from teams.models import Role, Team
from teams.refusals import Conflict, Invalid

MAX_MODEL_CHARS = 200
MAX_NOTE_CHARS = 200
MOST_BOOKED = 1000
"""Calls without a price that are booked at one press."""
MOST_PERCENT = 100
PERCENT_DECIMALS = 4
ASKS_ABOVE_PERCENT = 90
"""A discount of more, or a surcharge that doubles the price, is asked about."""
LATEST = timedelta(days=10 * 366)
IN_THE_PAST = (
    "A price cannot begin in the past: calls that are priced keep their price. Leave this empty for now. This month's "
    "calls without a price can be booked at it once it holds."
)
NEEDS_FIGURES = (
    "Give a price in USD per million tokens, 0 if it is free or billed by the second; or say which model it is like, "
    "or how much less than the list it is."
)
NOW = timedelta(minutes=1)
"""A time that lies so little back is meant as now: a form was filled in meanwhile."""


@dataclass(frozen=True, slots=True)
class PriceOrder:
    """A model's price as a person gives it: figures; or ``like``, the id of another model whose price is its own; or
    ``discount_percent`` off the list's price, or off that of ``like``.

    Token prices are in USD per million, fees in USD for each. ``begins_at`` None: now; ``until`` None: until further
    notice. ``sure``: figures that look like a mistake are meant.
    """

    model: str
    like: str = ""
    discount_percent: Decimal | None = None
    input_usd_per_mtok: Decimal | None = None
    output_usd_per_mtok: Decimal | None = None
    cached_usd_per_mtok: Decimal | None = None
    cache_write_usd_per_mtok: Decimal | None = None
    reasoning_usd_per_mtok: Decimal | None = None
    request_usd: Decimal | None = None
    search_usd: Decimal | None = None
    citation_usd_per_mtok: Decimal | None = None
    extra_reserve_usd: Decimal | None = None
    second_usd: Decimal | None = None
    tiers: tuple[Rates, ...] = ()
    begins_at: datetime | None = None
    until: datetime | None = None
    note: str = ""
    sure: bool = False

    @property
    def figures(self) -> dict[str, Decimal | None]:
        return {name: getattr(self, name) for name in FIGURES}

    @property
    def is_reckoned(self) -> bool:
        """Whether the price is that of something else."""
        return bool(self.like.strip()) or self.discount_percent is not None


@transaction.atomic
def set_price(who: Principal, order: PriceOrder) -> PriceQuote:
    """The team's price of a model from now, or a later time, on. ``Invalid`` names every field that cannot be, or may
    not be, so."""
    require(who, Role.OWNER)
    Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)  # one price after the other
    model, like = order.model.strip(), order.like.strip()
    now = database_now()
    begins_at = order.begins_at if order.begins_at and order.begins_at > now else now
    fields = dict(_complaints(who, order, model, like, now))
    if not fields and not order.sure and (doubts := _doubts(who, order, model)):
        fields = doubts | {"sure": "Look at the unit. If the figures are meant as they are, say so here."}
    if fields:
        raise Invalid("The price was not saved.", fields=fields)
    _end(who, model, begins_at)
    figures = {} if order.is_reckoned else order.figures
    quote = PriceQuote.objects.create(
        team=who.team,
        model=model,
        like=like,
        discount_percent=order.discount_percent,
        begins_at=begins_at,
        until=order.until,
        note=order.note.strip(),
        made_by=who.user,
        **figures,
    )
    PriceTier.objects.bulk_create(
        PriceTier(quote=quote, above_tokens=tier.above_tokens, **fields_of(tier)) for tier in order.tiers
    )
    record(who, "price.set", quote, name=model, **_told(quote, order))
    return quote


@transaction.atomic
def take_back(who: Principal, quote: PriceQuote) -> bool:
    """From now on the default list's price holds for the model, if there is one; a price that has not begun never does,
    and what it was to follow goes on. What was booked stays. False if the price was in force no longer: then nothing
    changes."""
    require(who, Role.OWNER)
    Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)
    own, now = PriceQuote.objects.filter(team=who.team), database_now()
    going_on = Q(until=None) | Q(until__gt=now)
    if own.filter(pk=quote.pk, begins_at__gt=now).delete()[0]:  # no call can have been made with it
        own.filter(model=quote.model, ends_at=quote.begins_at, begins_at__lt=quote.begins_at).update(ends_at=None)
        record(who, "price.taken_back", quote, name=quote.model, before_it_began=True)
        return True
    not_ended = Q(ends_at=None) | Q(ends_at__gt=now)  # another one may be set for later
    was_in_force = bool(own.filter(going_on, not_ended, pk=quote.pk, begins_at__lte=now).update(ends_at=now))
    if was_in_force:
        record(who, "price.taken_back", quote, name=quote.model)
    return was_in_force


def book_unpriced(who: Principal, model: str) -> Booked:
    """Books the open months' calls of a model that had no price at the one that is in force now, exactly as they would
    have cost. At most ``MOST_BOOKED`` at once. ``Conflict`` if there is no price, or no such call."""
    require(who, Role.OWNER)
    model = model.strip()
    price = TeamPrices(who.team, [model]).price(model) if _is_id(model) else None
    if price is None:
        raise Conflict("No price is known for this model yet. Set one first.")

    def told(calls: int, nusd: int) -> None:
        record(who, "price.booked", who.team, name=model, calls=calls, usd=usd_text(nusd))

    booked = late_prices.book_unpriced(who.team, {model: price}, most=MOST_BOOKED, told=told)
    if not booked.calls:
        raise Conflict(
            "No call of this model can be priced: perhaps all have a price by now. Calls whose outcome is not known "
            "cannot be priced. Where the price is by the second, nor can calls of unknown duration."
        )
    return booked


def _told(quote: PriceQuote, order: PriceOrder) -> dict[str, str]:
    """The price as the log says it."""
    given: dict[str, object] = {"like": quote.like, "discount_percent": quote.discount_percent}
    given |= {} if order.is_reckoned else order.figures
    given |= {"tiers": len(order.tiers) or None, "from": order.begins_at, "until": order.until}
    return {name: str(value) for name, value in given.items() if value not in (None, "")}


def _end(who: Principal, model: str, begins_at: datetime) -> None:
    """Those that the new one follows end where it begins."""
    earlier = PriceQuote.objects.filter(team=who.team, model=model, begins_at__lt=begins_at)
    earlier.filter(Q(ends_at=None) | Q(ends_at__gt=begins_at)).update(ends_at=begins_at)


def _complaints(who: Principal, order: PriceOrder, model: str, like: str, now: datetime) -> Iterator[tuple[str, str]]:
    if not _is_id(model):
        yield "model", f"Give a model's id as agents name it, without blanks, of at most {MAX_MODEL_CHARS} characters."
    yield from _complaints_about_times(who, order, model, now)
    if len(order.note.strip()) > MAX_NOTE_CHARS or not is_storable(order.note):
        yield "note", f"Give at most {MAX_NOTE_CHARS} characters."
    if order.is_reckoned:
        yield from _complaints_about_other(who, order, model, like)
        return
    for name in NEEDED:
        if getattr(order, name) is None:
            yield name, NEEDS_FIGURES
    yield from figure_complaints(order.figures)
    if complaint := tier_complaint(order.tiers):
        yield "tiers", complaint


def _is_id(model: str) -> bool:
    return bool(model) and len(model) <= MAX_MODEL_CHARS and is_storable(model) and len(model.split()) == 1


def _complaints_about_times(who: Principal, order: PriceOrder, model: str, now: datetime) -> Iterator[tuple[str, str]]:
    begins_at = order.begins_at or now
    if begins_at < now - NOW:
        yield "begins_at", IN_THE_PAST
    elif begins_at > now + LATEST:
        yield "begins_at", "Give a day within the next ten years."
    if order.until is not None and order.until > now + 2 * LATEST:
        yield "until", "Give a day within the next twenty years, or leave this empty."
    elif order.until is not None and order.until <= max(begins_at, now):
        yield "until", "Give a time after the one from which it holds, or leave this empty."
    if not is_storable(model):
        return
    next_one = (
        PriceQuote.objects.filter(team=who.team, model=model, begins_at__gte=max(begins_at, now), ends_at=None)
        .order_by("begins_at")
        .first()
    )
    if next_one is not None and (order.until is None or order.until > next_one.begins_at):
        begins = f"{next_one.begins_at:%Y-%m-%d %H:%M} UTC"
        yield "until", f"Another price of yours begins on {begins}. Let this one end by then, or take that one back."


def _complaints_about_other(who: Principal, order: PriceOrder, model: str, like: str) -> Iterator[tuple[str, str]]:
    percent = order.discount_percent
    if percent is not None and (complaint := _percent_complaint(percent)):
        yield "discount_percent", complaint
    if any(amount is not None for amount in order.figures.values()) or order.tiers:
        yield "like" if like else "discount_percent", "Give figures, or another price that it follows, and not both."
    elif like and real_id(like) == real_id(model):
        yield "like", "This is the model itself."
    elif like and (len(like) > MAX_MODEL_CHARS or not is_storable(like)):
        yield "like", "No price is known for this model either."
    elif like:
        prices = TeamPrices(who.team, [like])
        own = prices.own(like)
        if own is not None and own.like:
            yield "like", f"This one is itself priced like {own.like}. Name that one."
        elif prices.quote(like) is None:
            yield "like", "No price is known for this model either."
    elif _is_id(model) and not model.endswith("/*") and TeamPrices(who.team, [model], own=False).quote(model) is None:
        yield "discount_percent", "The list has no price of this model to take something off."


def _percent_complaint(percent: Decimal) -> str:
    if not is_plain(percent) or not -MOST_PERCENT <= percent <= MOST_PERCENT:
        return f"Give a percentage from -{MOST_PERCENT} to {MOST_PERCENT}; below 0 it costs more than the list says."
    if percent != round(percent, PERCENT_DECIMALS):
        return f"Give at most {PERCENT_DECIMALS} decimals."
    return ""


def _doubts(who: Principal, order: PriceOrder, model: str) -> dict[str, str]:
    if order.discount_percent is not None and abs(order.discount_percent) > ASKS_ABOVE_PERCENT:
        more = "less" if order.discount_percent > 0 else "more"
        return {"discount_percent": f"That is {abs(order.discount_percent).normalize():f} % {more} than the price."}
    if order.is_reckoned:
        return {}
    known = TeamPrices(who.team, [model], own=False).price(model)
    doubts = doubts_about(order.figures, known)
    for tier in order.tiers:
        if found := doubts_about(fields_of(tier), known):
            doubts["tiers"] = f"Above {tier.above_tokens:,} tokens: {next(iter(found.values()))}"
    return doubts
