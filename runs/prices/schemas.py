"""What the API takes and answers about prices. Amounts are decimal texts."""

from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from ninja import Schema
from pydantic import AwareDatetime, BeforeValidator, Field, StrictBool

from engine.catalogue.pricing import Price, Rates
from runs.api_fields import TextOrNull, TimeText, TimeTextOrNull, UsdText
from runs.ledger.late_prices import Booked
from runs.ledger.prices import fees_of, fields_of
from runs.models import PriceQuote
from runs.prices.actions import PriceOrder
from runs.prices.figures import MAX_ABOVE_TOKENS, MOST_TIERS
from runs.prices.queries import ListedPage, ModelPrice, Past
from runs.prices.tables import plain
from teams.api.request_body import Strict


def _only_text(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError('Give the amount as a decimal text, such as "0.15".')
    return value


def _plain_text(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


Usd = Annotated[Decimal | None, BeforeValidator(_only_text)]
NeededUsd = Annotated[Decimal, BeforeValidator(_only_text)]
AmountText = Annotated[str | None, BeforeValidator(_plain_text)]
PER_MTOK = "USD per million tokens"


class TierIn(Strict):
    """The prices of a request whose prompt is longer than ``above_tokens``. What is left out is priced as the prompt or
    the answer."""

    above_tokens: int = Field(ge=1, le=MAX_ABOVE_TOKENS)
    input_usd_per_mtok: NeededUsd = Field(description=PER_MTOK)
    output_usd_per_mtok: NeededUsd = Field(description=PER_MTOK)
    cached_usd_per_mtok: Usd = None
    cache_write_usd_per_mtok: Usd = None
    reasoning_usd_per_mtok: Usd = None


class PriceIn(Strict):
    """Give prompt and answer prices, or ``like``, or ``discount_percent``. What is left out is no fee, or priced as the
    prompt or the answer."""

    model: str = Field(max_length=200, description="as agents name it; provider/* is every model of a provider")
    like: str = Field("", max_length=200, description="the id of another model whose price is this one's")
    discount_percent: Usd = Field(
        None, description="off the list's price, or off that of `like`, fees included; below 0 it costs more"
    )
    input_usd_per_mtok: Usd = Field(None, description=PER_MTOK)
    output_usd_per_mtok: Usd = Field(None, description=PER_MTOK)
    cached_usd_per_mtok: Usd = None
    cache_write_usd_per_mtok: Usd = None
    reasoning_usd_per_mtok: Usd = None
    request_usd: Usd = Field(None, description="a fee of each request")
    search_usd: Usd = Field(None, description="a fee of each search that the provider makes")
    citation_usd_per_mtok: Usd = None
    extra_reserve_usd: Usd = Field(None, description="reserved for each call, where only the reply tells how many fees")
    second_usd: Usd = Field(None, description="of each second from the request to the end of the reply")
    tiers: list[TierIn] = Field(default_factory=list, max_length=MOST_TIERS, description="prices of long prompts")
    begins_at: AwareDatetime | None = Field(None, description="from when it holds; null: from now on")
    until: AwareDatetime | None = Field(None, description="until when; null: until further notice")
    note: str = Field("", max_length=200, description="what it rests on, such as a contract's number")
    sure: StrictBool = Field(False, description="figures that look like another unit are meant as they are")

    def order(self) -> PriceOrder:
        given: dict[str, Any] = self.model_dump()
        return PriceOrder(**given | {"tiers": tuple(Rates(**tier) for tier in given["tiers"])})


class UnpricedIn(Strict):
    model: str = Field(max_length=200, description="as its calls name it")


class BookedOut(Schema):
    calls: int
    cost_usd: UsdText
    left: int = Field(description="calls of the model without a price that are left; ask again")

    @staticmethod
    def of(booked: Booked) -> dict[str, object]:
        return {"calls": booked.calls, "cost_usd": booked.nusd, "left": booked.left}


class TierOut(Schema):
    above_tokens: int
    input_usd_per_mtok: AmountText
    output_usd_per_mtok: AmountText
    cached_usd_per_mtok: AmountText
    cache_write_usd_per_mtok: AmountText
    reasoning_usd_per_mtok: AmountText


class Figures(Schema):
    input_usd_per_mtok: AmountText
    output_usd_per_mtok: AmountText
    cached_usd_per_mtok: AmountText
    cache_write_usd_per_mtok: AmountText
    reasoning_usd_per_mtok: AmountText
    request_usd: AmountText
    search_usd: AmountText
    citation_usd_per_mtok: AmountText
    extra_reserve_usd: AmountText
    second_usd: AmountText
    tiers: list[TierOut]


class QuoteOut(Figures):
    id: int = Field(validation_alias="pk")
    entry: str = Field(validation_alias="model", description="the name under which it is listed")
    like: TextOrNull
    discount_percent: AmountText
    own: bool = Field(description="the team's own; else of the default list")
    source: TextOrNull
    note: TextOrNull
    begins_at: TimeText
    until: TimeTextOrNull = Field(description="its term, as it was given")
    ends_at: TimeTextOrNull = Field(description="when another took its place, or it was taken back")

    @staticmethod
    def of(quote: PriceQuote, price: Price | None = None) -> dict[str, object]:
        """The quote with its own figures, or with those of ``price`` that hold by it."""
        names = ("pk", "model", "like", "discount_percent", "source", "note", "begins_at", "until", "ends_at")
        figures = fields_of(quote) | fees_of(quote) if price is None else fields_of(price) | fees_of(price)
        tiers = list(quote.tiers.all()) if price is None else [asdict(tier) for tier in price.tiers]
        facts = {name: getattr(quote, name) for name in names}
        return facts | figures | {"tiers": tiers, "own": quote.team_id is not None}


class ModelPriceOut(Schema):
    model: str
    price: QuoteOut | None = Field(description="with what a discount takes off; null: no price is known")
    own: QuoteOut | None = Field(description="the team's own price that says so: figures, another model or a discount")
    later: QuoteOut | None = Field(description="the team's next price, which has not begun")
    unpriced_calls: int = Field(description="real calls of open months whose cost nobody knows")
    unpriced_known_calls: int = Field(description="of these, how many could be priced: what they used is known")

    @staticmethod
    def of(one: ModelPrice) -> dict[str, object]:
        return {
            "model": one.model,
            "price": None if one.quote is None else QuoteOut.of(one.quote, one.price),
            "own": one.own and QuoteOut.of(one.own),
            "later": one.later and QuoteOut.of(one.later),
            "unpriced_calls": one.unpriced_calls,
            "unpriced_known_calls": 0 if one.unpriced is None else one.unpriced.known,
        }


class PriceList(Schema):
    items: list[ModelPriceOut]
    next: str | None = None

    @staticmethod
    def of(prices: list[ModelPrice]) -> dict[str, object]:
        return {"items": [ModelPriceOut.of(price) for price in prices], "next": None}

    @staticmethod
    def of_page(page: ListedPage) -> dict[str, object]:
        return {"items": [ModelPriceOut.of(price) for price in page.items], "next": page.next or None}


class PastOut(Schema):
    quote: QuoteOut
    ended_at: TimeTextOrNull = Field(description="when it ended or will end; null: it goes on")
    state: str = Field(description="later, now or past")


class History(Schema):
    model: str
    items: list[PastOut]

    @staticmethod
    def of(model: str, past: list[Past]) -> dict[str, object]:
        items = [{"quote": QuoteOut.of(one.quote), "ended_at": one.ended_at, "state": one.state} for one in past]
        return {"model": model, "items": items}


class MonthOfModel(Schema):
    model: str
    calls: int
    booked_usd: UsdText = Field(validation_alias="booked_nusd", description="of calls whose cost is known")
    listed_usd: UsdText = Field(validation_alias="listed_nusd", description="the same calls by the list as it is now")
    more_usd: UsdText = Field(validation_alias="more_nusd", description="what the list says more; below 0: less")
    reckoned_calls: int = Field(description="calls whose cost the list decides; the others stay as they were booked")
    unpriced_calls: int = Field(description="calls whose cost nobody knew")
    found_calls: int = Field(description="of these, how many the list prices now")
    found_usd: UsdText = Field(validation_alias="found_nusd", description="and what they cost by it")


class PricedMonthOut(Schema):
    month: date
    models: list[MonthOfModel]
    total: MonthOfModel = Field(description="its model is empty")
