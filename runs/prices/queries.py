"""Reads of prices: which are in force for the models that a team uses, and which entry each was found under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q
from django.db.models.functions import Now

from agents_app.models import Agent
from engine.spec.crew_spec import LLMSpec
from runs.bounds.unpriced import unpriced_of
from runs.ledger.prices import TeamPrices
from runs.models import PriceQuote
from runs.months import this_month
from teams.access import Principal, visible_to

MOST_MODELS = 200


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """The price in force for one model. ``quote`` has the figures, None if no price is known.

    ``own``: the team's own quote that says so, by figures or by another model.
    """

    model: str
    quote: PriceQuote | None
    own: PriceQuote | None = None
    unpriced_calls: int = 0  # real calls of this month whose cost nobody knows

    @property
    def has_fees(self) -> bool:
        """Whether something costs besides, or other than, prompt and answer."""
        fees = ("request_usd", "search_usd", "citation_usd_per_mtok", "reasoning_usd_per_mtok")
        return any(getattr(self.quote, name, None) for name in fees)

    @property
    def entry(self) -> str:
        """The name that the price is listed under; "" if there is none."""
        return "" if self.quote is None else self.quote.model


def price_of(who: Principal, model: str) -> ModelPrice:
    """For any id, whether the team uses it or not. At most two queries."""
    return _price(model, TeamPrices(who.team, [model]), 0)


def prices_of(who: Principal) -> list[ModelPrice]:
    """Of the models that agents name, that have an own price, or that this month's calls had no price of: those without
    a price first, at most ``MOST_MODELS``."""
    rows = unpriced_of(who.team, this_month()).values("model").annotate(calls=Count("pk")).order_by("-calls")
    unpriced = {row["model"]: row["calls"] for row in rows[:MOST_MODELS]}
    own = own_quotes(who)
    models = list(dict.fromkeys([*unpriced, *(quote.model for quote in own), *sorted(_named(who))]))
    table = TeamPrices(who.team, models[:MOST_MODELS])
    found = [_price(model, table, unpriced.get(model, 0)) for model in models[:MOST_MODELS]]
    return sorted(found, key=lambda price: (price.quote is not None, -price.unpriced_calls, price.model))


def own_quotes(who: Principal) -> Sequence[PriceQuote]:
    """The team's own prices that hold now or will."""
    going_on = visible_to(who, PriceQuote).filter(Q(ends_at=None) | Q(ends_at__gt=Now()))
    return list(going_on.select_related("made_by").order_by("model", "-begins_at"))


def _named(who: Principal) -> set[str]:
    """The models that agents of drafts name, their fallbacks included. One query."""
    llms = visible_to(who, Agent).filter(crew__archived_at=None).order_by().values_list("llm", flat=True).distinct()
    specs = [LLMSpec(**llm) for llm in llms[:MOST_MODELS]]  # it has the model that is usual where none is named
    return {model for spec in specs for model in (spec.model, *spec.fallbacks)}


def _price(model: str, table: TeamPrices, unpriced_calls: int) -> ModelPrice:
    return ModelPrice(model, table.quote(model), table.own(model), unpriced_calls)
