"""What a request costs: usage times price, exact, rounded once to 1e-9 USD; None where the price is unknown.

Where prices come from (the default list, a team's own prices) is not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

NANO_USD = Decimal("1e-9")
RESERVE_TOKEN_FACTOR = Decimal("1.2")
RESERVE_TOKEN_MARGIN = 200


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request as billed.

    ``prompt_tokens`` includes ``cached_prompt_tokens`` and ``cache_write_tokens``; ``completion_tokens`` includes
    ``reasoning_tokens``. ``estimated``: the provider reported no usable figures, so the tokens were counted locally.
    """

    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens, for requests whose prompt has more than ``above_tokens`` tokens.

    Where the cached or the cache-write price is None, the input price applies.
    """

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cached_usd_per_mtok: Decimal | None = None
    cache_write_usd_per_mtok: Decimal | None = None
    above_tokens: int = 0

    @property
    def dearest_input_usd_per_mtok(self) -> Decimal:
        """The most that a million tokens of the prompt can cost."""
        prices = (self.input_usd_per_mtok, self.cached_usd_per_mtok, self.cache_write_usd_per_mtok)
        return max(price for price in prices if price is not None)


@dataclass(frozen=True, slots=True)
class Price(Rates):
    """A model's price: the rates for ordinary prompts, and ``tiers`` of rates for longer ones, in ascending order.

    Once the prompt, cached tokens included, exceeds a tier's threshold, that tier's rates apply to all tokens of the
    request, and no lower ones to any. Sources: LiteLLM 1.106 (``litellm_core_utils/llm_cost_calc/utils.py``,
    ``_get_token_base_cost``) and the providers: "prompts with >272K input tokens are priced at 2x input and 1.5x output
    for the full session" (developers.openai.com/api/docs/models/gpt-5.4), "billed at the higher rate for all tokens in
    the request" (docs.x.ai/developers/models).
    """

    tiers: tuple[Rates, ...] = ()

    def rates(self, prompt_tokens: int | Decimal) -> Rates:
        """The rates that apply to a request with a prompt of so many tokens."""
        reached = (tier for tier in self.tiers if tier.above_tokens < prompt_tokens)
        return max(reached, key=lambda tier: tier.above_tokens, default=self)


class PriceTable(Protocol):
    """The prices in force for one run."""

    def price(self, model: str) -> Price | None:
        """The price of a model by the id in its spec; None if the price is unknown."""
        ...


def cost_usd(usage: Usage, price: Price | None) -> Decimal | None:
    """What a request cost in USD, rounded half up to 1e-9; None if the price is unknown."""
    if price is None:
        return None
    rates = price.rates(usage.prompt_tokens)
    cached_usd_per_mtok = _or_input(rates.cached_usd_per_mtok, rates)
    cache_write_usd_per_mtok = _or_input(rates.cache_write_usd_per_mtok, rates)
    uncached_tokens = usage.prompt_tokens - usage.cached_prompt_tokens - usage.cache_write_tokens
    return _per_million(
        uncached_tokens * rates.input_usd_per_mtok
        + usage.cached_prompt_tokens * cached_usd_per_mtok
        + usage.cache_write_tokens * cache_write_usd_per_mtok
        + usage.completion_tokens * rates.output_usd_per_mtok
    )


def worst_case_usd(prompt_tokens: int, max_tokens: int, price: Price | None) -> Decimal:
    """What to reserve before a request, in USD: ``(prompt x 1.2 + 200) x dearest input + max_tokens x output``.

    The factor and the margin allow for errors of local counting. Where the prompt may reach several tiers, the dearest
    result counts. An unknown price reserves nothing: the cost cannot be bounded, and the call is shown as unpriced.
    """
    if price is None:
        return Decimal(0)
    most_tokens = _most_tokens(prompt_tokens)
    reached = (tier for tier in price.tiers if tier.above_tokens < most_tokens)
    return max(
        _per_million(most_tokens * rates.dearest_input_usd_per_mtok + max_tokens * rates.output_usd_per_mtok)
        for rates in (price, *reached)
    )


def worst_case_rates(prompt_tokens: int, price: Price) -> Rates:
    """The rates for the longest prompt that a reservation allows for."""
    return price.rates(_most_tokens(prompt_tokens))


def _most_tokens(prompt_tokens: int) -> Decimal:
    """The most tokens that the provider may count where we count ``prompt_tokens``."""
    return prompt_tokens * RESERVE_TOKEN_FACTOR + RESERVE_TOKEN_MARGIN


def _per_million(usd: Decimal) -> Decimal:
    """A sum of tokens times USD per million tokens, in USD."""
    return (usd / 1_000_000).quantize(NANO_USD, rounding=ROUND_HALF_UP)


def _or_input(usd_per_mtok: Decimal | None, rates: Rates) -> Decimal:
    return rates.input_usd_per_mtok if usd_per_mtok is None else usd_per_mtok
