"""What the API takes and answers about prices. Amounts are decimal texts."""

from decimal import Decimal
from typing import Annotated

from ninja import Schema
from pydantic import BeforeValidator, Field, StrictBool

from runs.api_fields import TextOrNull, TimeText, TimeTextOrNull
from runs.models import PriceQuote
from runs.prices.queries import ModelPrice
from teams.api.request_body import Strict


def _only_text(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError('Give the amount as a decimal text, such as "0.15".')
    return value


def _plain_text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"


Usd = Annotated[Decimal | None, BeforeValidator(_only_text)]
AmountText = Annotated[str | None, BeforeValidator(_plain_text)]
PER_MTOK = "USD per million tokens"


class PriceIn(Strict):
    """Give prompt and answer prices, or ``like``. What is left out is no fee, or priced as the prompt or the answer."""

    model: str = Field(max_length=200, description="as agents name it; provider/* is every model of a provider")
    like: str = Field("", max_length=200, description="the id of another model whose price is this one's")
    input_usd_per_mtok: Usd = Field(None, description=PER_MTOK)
    output_usd_per_mtok: Usd = Field(None, description=PER_MTOK)
    cached_usd_per_mtok: Usd = None
    cache_write_usd_per_mtok: Usd = None
    reasoning_usd_per_mtok: Usd = None
    request_usd: Usd = Field(None, description="a fee of each request")
    search_usd: Usd = Field(None, description="a fee of each search that the provider makes")
    citation_usd_per_mtok: Usd = None
    extra_reserve_usd: Usd = Field(None, description="reserved for each call, where only the reply tells how many fees")
    sure: StrictBool = Field(False, description="figures that look like another unit are meant as they are")


class TierOut(Schema):
    above_tokens: int
    input_usd_per_mtok: AmountText
    output_usd_per_mtok: AmountText
    cached_usd_per_mtok: AmountText
    cache_write_usd_per_mtok: AmountText
    reasoning_usd_per_mtok: AmountText


class QuoteOut(Schema):
    id: int = Field(validation_alias="pk")
    entry: str = Field(validation_alias="model", description="the name under which it is listed")
    like: TextOrNull
    own: bool = Field(description="the team's own; else of the default list")
    source: TextOrNull
    begins_at: TimeText
    ends_at: TimeTextOrNull
    input_usd_per_mtok: AmountText
    output_usd_per_mtok: AmountText
    cached_usd_per_mtok: AmountText
    cache_write_usd_per_mtok: AmountText
    reasoning_usd_per_mtok: AmountText
    request_usd: AmountText
    search_usd: AmountText
    citation_usd_per_mtok: AmountText
    extra_reserve_usd: AmountText
    tiers: list[TierOut]

    @staticmethod
    def resolve_own(quote: PriceQuote) -> bool:
        return quote.team_id is not None

    @staticmethod
    def resolve_tiers(quote: PriceQuote) -> list[object]:
        return list(quote.tiers.all())


class ModelPriceOut(Schema):
    model: str
    price: QuoteOut | None = Field(validation_alias="quote", description="null: no price is known")
    own: QuoteOut | None = Field(description="the team's own price that says so, by figures or by another model")
    unpriced_calls: int = Field(description="real calls of this month whose cost nobody knows")


class PriceList(Schema):
    items: list[ModelPriceOut]
    next: str | None = None

    @staticmethod
    def of(prices: list[ModelPrice]) -> dict[str, object]:
        return {"items": prices, "next": None}
