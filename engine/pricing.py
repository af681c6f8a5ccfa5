"""Usage and a price make a cost: exact, rounded once to 1e-9 USD, and None wherever a price is unknown.

Where prices come from (a provider's list, a team's overrides) is not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from engine.llm import Usage

NANO_USD = Decimal("1e-9")
RESERVE_TOKEN_FACTOR = Decimal("1.2")
RESERVE_TOKEN_MARGIN = 200


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens. A cached or cache-write price of None means the input price applies."""

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cached_usd_per_mtok: Decimal | None = None
    cache_write_usd_per_mtok: Decimal | None = None


class PriceTable(Protocol):
    """The prices in force for one run."""

    def price(self, model: str) -> Price | None:
        """The price of a model as it is asked for, or None if nobody knows it."""
        ...


def cost_usd(usage: Usage, price: Price | None) -> Decimal | None:
    """What a request cost in USD, in whole 1e-9 USD; None if the price is unknown."""
    if price is None:
        return None
    cached = _or_input(price.cached_usd_per_mtok, price)
    cache_write = _or_input(price.cache_write_usd_per_mtok, price)
    plain_tokens = usage.prompt_tokens - usage.cached_prompt_tokens - usage.cache_write_tokens
    per_mtok = (
        plain_tokens * price.input_usd_per_mtok
        + usage.cached_prompt_tokens * cached
        + usage.cache_write_tokens * cache_write
        + usage.completion_tokens * price.output_usd_per_mtok
    )
    return (per_mtok / 1_000_000).quantize(NANO_USD, rounding=ROUND_HALF_UP)


def worst_case_usd(prompt_tokens: int, max_tokens: int, price: Price | None) -> Decimal:
    """What to reserve before a request, in USD: ``(prompt x 1.2 + 200) x dearest input + max_tokens x output``.

    An unknown price reserves nothing: it cannot be bounded, and the call is shown as unpriced.
    """
    if price is None:
        return Decimal(0)
    dearest_input = max(price.input_usd_per_mtok, _or_input(price.cache_write_usd_per_mtok, price))
    tokens = prompt_tokens * RESERVE_TOKEN_FACTOR + RESERVE_TOKEN_MARGIN
    per_mtok = tokens * dearest_input + max_tokens * price.output_usd_per_mtok
    return (per_mtok / 1_000_000).quantize(NANO_USD, rounding=ROUND_HALF_UP)


def _or_input(special: Decimal | None, price: Price) -> Decimal:
    return price.input_usd_per_mtok if special is None else special
