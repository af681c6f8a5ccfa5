"""Reads of prices: which are in force for the models that a team uses, the whole list, and what held when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Now

from agents_app.models import Agent
from engine.catalogue.pricing import Price
from engine.spec.crew_spec import LLMSpec
from runs.ledger.late_prices import bookable_by_model, unpriced_by_model, would_cost
from runs.ledger.prices import TeamPrices, as_price, in_force, is_reckoned
from runs.models import PriceQuote, PriceTier
from runs.months import now as database_now
from runs.prices.actions import MOST_BOOKED
from teams.access import Principal, visible_to

MOST_MODELS = 200
MOST_RECKONED_MODELS = 5
"""Models whose calls without a price are reckoned on the page."""
PER_PAGE = 50
MOST_HISTORY = 100


@dataclass(frozen=True, slots=True)
class Unpriced:
    """The open months' real calls of a model whose cost nobody knows."""

    calls: int
    known: int  # of these all is known that a price asks for, so that they can be priced
    would_nusd: int | None = None  # at the price in force, if there is one and it was reckoned
    is_all: bool = True  # ``would_nusd`` is of all known calls, and not of the first ones


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """The price in force for one model. ``quote`` has the figures that ``price`` is reckoned from; both are None if no
    price is known.

    ``own``: the team's own quote that says so, by figures, by another model or by a discount. ``later``: the team's
    next one, which has not begun.
    """

    model: str
    quote: PriceQuote | None
    price: Price | None = None
    own: PriceQuote | None = None
    later: PriceQuote | None = None
    unpriced: Unpriced | None = None

    @property
    def unpriced_calls(self) -> int:
        return 0 if self.unpriced is None else self.unpriced.calls

    @property
    def has_fees(self) -> bool:
        """Whether something costs besides, or other than, prompt and answer."""
        fees = ("request_usd", "search_usd", "citation_usd_per_mtok", "reasoning_usd_per_mtok", "second_usd")
        return any(getattr(self.price, name, None) for name in fees)

    @property
    def is_of_provider(self) -> bool:
        """Whether it is a discount of a whole provider, which has no figures by itself."""
        return self.quote is None and self.own is not None and self.own.discount_percent is not None

    @property
    def entry(self) -> str:
        """The name that the price is listed under; "" if there is none."""
        return "" if self.quote is None else self.quote.model

    @property
    def discount_percent(self) -> Decimal | None:
        """What is taken off the figures of ``quote``; None if nothing is."""
        return None if self.own is None else self.own.discount_percent


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A page of the default list."""

    items: Sequence[ModelPrice]
    next: str  # the last entry's name, behind which the next page begins; "" at the end


@dataclass(frozen=True, slots=True)
class Past:
    """A price of a model's history. ``ended_at``: when another took its place or it was taken back; None: it goes on.

    ``price`` None: it follows another price."""

    quote: PriceQuote
    price: Price | None
    ended_at: datetime | None
    state: str  # "later", "now" or "past"


def price_of(who: Principal, model: str) -> ModelPrice:
    """For any id, whether the team uses it or not."""
    return _price(model, TeamPrices(who.team, [model]), {}, _later(who))


def prices_of(who: Principal) -> list[ModelPrice]:
    """Of the models that agents name, that have an own price, or that calls of open months had no price of: those
    without a price first, at most ``MOST_MODELS``."""
    unpriced = unpriced_by_model(who.team)
    later = _later(who)
    own = (quote.model for quote in own_quotes(who))
    models = list(dict.fromkeys([*unpriced, *own, *sorted(_named(who))]))[:MOST_MODELS]
    table = TeamPrices(who.team, models)
    reckoned = _reckoned(who, table, unpriced)
    found = [_price(model, table, reckoned, later) for model in models]
    known = {price.model for price in found if price.quote is not None or price.own is not None}
    return sorted(found, key=lambda price: (price.model in known, -price.unpriced_calls, price.model))


def own_quotes(who: Principal) -> Sequence[PriceQuote]:
    """The team's own prices that hold now or will."""
    going_on = visible_to(who, PriceQuote).filter(Q(ends_at=None) | Q(ends_at__gt=Now()))
    lasting = going_on.filter(Q(until=None) | Q(until__gt=Now()))
    return list(lasting.select_related("made_by").order_by("model", "-begins_at"))


def listed(who: Principal, q: str = "", *, after: str = "", limit: int = PER_PAGE) -> ListedPage:
    """The default list as it is in force, in the order of its names. ``q``: words that all are in a name."""
    found = list(_listed(q).filter(model__gt=after)[: limit + 1])
    own = {quote.model: quote for quote in in_force(visible_to(who, PriceQuote)).order_by("begins_at")}
    items = [ModelPrice(quote.model, quote, as_price(quote), own.get(quote.model)) for quote in found[:limit]]
    return ListedPage(items, items[-1].model if len(found) > limit else "")


def count_listed(q: str = "") -> int:
    return _listed(q).count()


def history_of(who: Principal, model: str) -> list[Past]:
    """What the default list and the team itself said of a model, under each name that its price is found by; the newest
    first, at most ``MOST_HISTORY``."""
    current = price_of(who, model)
    names = {model, *filter(None, (current.entry, current.own and current.own.model))}
    quotes = (
        PriceQuote.objects.filter(Q(team=who.team) | Q(team=None), model__in=names)
        .select_related("made_by")
        .prefetch_related(_TIERS)
        .order_by("-begins_at", "-pk")
    )
    now = database_now()
    later: dict[tuple[int | None, str], datetime] = {}
    found = []
    for quote in quotes[:MOST_HISTORY]:
        follows = later.get((quote.team_id, quote.model))
        ends = [end for end in (quote.ends_at, quote.until, follows) if end is not None]
        later[quote.team_id, quote.model] = quote.begins_at
        ended_at = min(ends, default=None)
        state = "later" if quote.begins_at > now else "past" if ended_at is not None and ended_at <= now else "now"
        found.append(Past(quote, None if is_reckoned(quote) else as_price(quote), ended_at, state))
    return found


_TIERS = Prefetch("tiers", PriceTier.objects.order_by("above_tokens"))


def _listed(q: str) -> QuerySet[PriceQuote]:
    quotes = PriceQuote.objects.filter(team=None, begins_at__lte=Now())
    for word in q.split():
        quotes = quotes.filter(model__icontains=word)
    return quotes.order_by("model", "-begins_at").distinct("model").prefetch_related(_TIERS)


def _named(who: Principal) -> set[str]:
    """The models that agents of drafts name, their fallbacks included. One query."""
    llms = visible_to(who, Agent).filter(crew__archived_at=None).order_by().values_list("llm", flat=True).distinct()
    specs = [LLMSpec(**llm) for llm in llms[:MOST_MODELS]]  # it has the model that is usual where none is named
    return {model for spec in specs for model in (spec.model, *spec.fallbacks)}


def _later(who: Principal) -> Mapping[str, PriceQuote]:
    """The team's next price of each model that has one which has not begun."""
    coming = visible_to(who, PriceQuote).filter(begins_at__gt=Now()).order_by("-begins_at")
    return {quote.model: quote for quote in coming}


def _reckoned(who: Principal, table: TeamPrices, unpriced: Mapping[str, tuple[int, int]]) -> dict[str, Unpriced]:
    """The calls without a price by model, and what the first models' would cost at the prices that there are now."""
    by_second = {model: price for model in unpriced if (price := table.price(model)) is not None and price.second_usd}
    bookable = dict.fromkeys(by_second, 0) | (dict(bookable_by_model(who.team, by_second)) if by_second else {})
    found = {
        model: Unpriced(calls, bookable.get(model, known))  # by the second their time must be known too
        for model, (calls, known) in unpriced.items()
    }
    priced = [(model, price) for model in found if found[model].known and (price := table.price(model)) is not None]
    for model, price in priced[:MOST_RECKONED_MODELS]:
        nusd, is_all = would_cost(who.team, {model: price}, most=MOST_BOOKED)
        found[model] = Unpriced(found[model].calls, found[model].known, nusd, is_all)
    return found


def _price(
    model: str, table: TeamPrices, unpriced: Mapping[str, Unpriced], later: Mapping[str, PriceQuote]
) -> ModelPrice:
    return ModelPrice(
        model, table.quote(model), table.price(model), table.own(model), later.get(model), unpriced.get(model)
    )
