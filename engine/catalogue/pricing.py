"""What a request costs: usage times price, exact, rounded once to 1e-9 USD; None where the price is unknown.

Where prices come from (the default list, a team's own prices) is not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from math import ceil
from typing import Protocol

NANO_USD = Decimal("1e-9")
MTOK = 1_000_000
MS = 1_000
NUSD_PER_MTOK_USD = 1_000
"""A price of one USD per million tokens is so many 1e-9 USD a token."""
RESERVE_TOKEN_FACTOR = Decimal("1.2")
RESERVE_TOKEN_MARGIN = 200


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request as billed.

    ``prompt_tokens`` includes ``cached_prompt_tokens`` and ``cache_write_tokens``; ``completion_tokens`` includes
    ``reasoning_tokens``. ``estimated``: the provider reported no usable figures, so the tokens were counted locally.
    ``citation_tokens`` are billed beside the prompt, ``searches`` by their number. ``took_ms``: from the request to the
    end of the reply, for models that are priced by time. ``stated_nusd``: what the provider itself says that the
    request costs, in 1e-9 USD; None if it does not say.
    """

    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    citation_tokens: int = 0
    searches: int = 0
    stated_nusd: int | None = None
    took_ms: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens, for requests whose prompt has more than ``above_tokens`` tokens.

    Where the cached or the cache-write price is None, the input price applies; where that of reasoning is, the output
    price.
    """

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cached_usd_per_mtok: Decimal | None = None
    cache_write_usd_per_mtok: Decimal | None = None
    above_tokens: int = 0
    reasoning_usd_per_mtok: Decimal | None = None

    @property
    def dearest_input_usd_per_mtok(self) -> Decimal:
        """The most that a million tokens of the prompt can cost."""
        prices = (self.input_usd_per_mtok, self.cached_usd_per_mtok, self.cache_write_usd_per_mtok)
        return max(price for price in prices if price is not None)

    @property
    def dearest_output_usd_per_mtok(self) -> Decimal:
        """The most that a million tokens of the reply can cost."""
        return max(self.output_usd_per_mtok, self.reasoning_usd_per_mtok or self.output_usd_per_mtok)


@dataclass(frozen=True, slots=True)
class Price(Rates):
    """A model's price: the rates for ordinary prompts, ``tiers`` of rates for longer ones in ascending order, and fees.

    The fees are in USD: for the request itself, for each search that the provider makes for it, for each million
    tokens of citations, and for each second that the reply took. None: there is none. ``extra_reserve_usd`` is set
    aside for those whose number only the reply tells. ``entry``: the name under which the price is listed.
    ``quote_id``: the row that it comes from, if any.

    Once the prompt, cached tokens included, exceeds a tier's threshold, that tier's rates apply to all tokens of the
    request, and no lower ones to any. Sources: LiteLLM 1.106 (``litellm_core_utils/llm_cost_calc/utils.py``,
    ``_get_token_base_cost``) and the providers: "prompts with >272K input tokens are priced at 2x input and 1.5x output
    for the full session" (developers.openai.com/api/docs/models/gpt-5.4), "billed at the higher rate for all tokens in
    the request" (docs.x.ai/developers/models).
    """

    tiers: tuple[Rates, ...] = ()
    request_usd: Decimal | None = None
    search_usd: Decimal | None = None
    citation_usd_per_mtok: Decimal | None = None
    extra_reserve_usd: Decimal | None = None
    second_usd: Decimal | None = None
    entry: str = field(default="", compare=False)
    quote_id: int | None = field(default=None, compare=False)

    def rates(self, prompt_tokens: int | Decimal) -> Rates:
        """The rates that apply to a request with a prompt of so many tokens."""
        reached = (tier for tier in self.tiers if tier.above_tokens < prompt_tokens)
        return max(reached, key=lambda tier: tier.above_tokens, default=self)


class PriceTable(Protocol):
    """The prices in force for one run."""

    def price(self, model: str) -> Price | None:
        """The price of a model by the id in its spec; None if the price is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a request's cost is made of, in whole 1e-9 USD. The parts sum to the cost exactly.

    ``reasoning`` is 0 where reasoning costs what other output does. ``stated``: what the provider's own figure is above
    ours, or below it; 0 where ours is booked.
    """

    prompt: int = 0
    cached: int = 0
    cache_write: int = 0
    completion: int = 0
    reasoning: int = 0
    citations: int = 0
    searches: int = 0
    request: int = 0
    seconds: int = 0
    stated: int = 0

    @property
    def total(self) -> int:
        return sum(getattr(self, name) for name in PARTS)


PARTS = (
    *("prompt", "cached", "cache_write", "completion", "reasoning"),
    *("citations", "searches", "request", "seconds", "stated"),
)
"""The names of all parts, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What is booked for a request. ``cost_usd`` and ``parts`` are None if nobody knows what it costs.

    ``rates``: those that apply to its usage, None without a price. ``is_stated``: the provider's own figure is booked.
    """

    cost_usd: Decimal | None
    parts: Parts | None
    rates: Rates | None
    is_stated: bool = False


def charge_of(usage: Usage, price: Price | None, *, books_stated: bool = False) -> Charge:
    """What to book. ``books_stated``: the provider's own figure, where it states one."""
    rates = price and price.rates(usage.prompt_tokens)
    ours = _parts(usage, price)
    if books_stated and usage.stated_nusd is not None:
        known = ours or Parts()
        parts = replace(known, stated=usage.stated_nusd - known.total)
        return Charge(usage.stated_nusd * NANO_USD, parts, rates, is_stated=True)
    return Charge(None if ours is None else ours.total * NANO_USD, ours, rates)


def cost_usd(usage: Usage, price: Price | None) -> Decimal | None:
    """What a request cost by its price in USD, rounded half up to 1e-9; None if the price is unknown."""
    return charge_of(usage, price).cost_usd


def _parts(usage: Usage, price: Price | None) -> Parts | None:
    """The rounded cost, divided among its parts by the largest remainder."""
    if price is None:
        return None
    exact = _exact_nusd(usage, price)
    whole = {name: int(amount) for name, amount in exact.items()}
    rest = int(sum(exact.values(), Decimal(0)).to_integral_value(rounding=ROUND_HALF_UP)) - sum(whole.values())
    for name in sorted(exact, key=lambda name: whole[name] - exact[name])[:rest]:
        whole[name] += 1
    return Parts(**whole)


def _exact_nusd(usage: Usage, price: Price) -> dict[str, Decimal]:
    """Each part in 1e-9 USD, not yet rounded."""
    rates = price.rates(usage.prompt_tokens)
    apart = 0 if rates.reasoning_usd_per_mtok is None else usage.reasoning_tokens
    per_mtok = {
        "prompt": (usage.prompt_tokens - usage.cached_prompt_tokens - usage.cache_write_tokens, _input(rates)),
        "cached": (usage.cached_prompt_tokens, _input(rates, rates.cached_usd_per_mtok)),
        "cache_write": (usage.cache_write_tokens, _input(rates, rates.cache_write_usd_per_mtok)),
        "completion": (usage.completion_tokens - apart, rates.output_usd_per_mtok),
        "reasoning": (apart, rates.reasoning_usd_per_mtok or Decimal(0)),
        "citations": (usage.citation_tokens, price.citation_usd_per_mtok or Decimal(0)),
    }
    fees = {
        "searches": usage.searches * (price.search_usd or Decimal(0)),
        "request": price.request_usd or Decimal(0),
        "seconds": usage.took_ms * (price.second_usd or Decimal(0)) / MS,
    }
    return {name: tokens * usd * NUSD_PER_MTOK_USD for name, (tokens, usd) in per_mtok.items()} | {
        name: usd / NANO_USD for name, usd in fees.items()
    }


def worst_case_usd(prompt_tokens: int, max_tokens: int, price: Price | None, *, max_s: float = 0) -> Decimal:
    """What to reserve before a request, in USD: ``(prompt x 1.2 + 200) x dearest input + max_tokens x output + fees``.

    ``max_s``: the seconds after which the request is given up, for models that are priced by time.
    The factor and the margin allow for errors of local counting. Where the prompt may reach several tiers, the dearest
    result counts. An unknown price reserves nothing: the cost cannot be bounded, and the call is shown as unpriced.
    """
    if price is None:
        return Decimal(0)
    most_tokens = _most_tokens(prompt_tokens)
    reached = (tier for tier in price.tiers if tier.above_tokens < most_tokens)
    fees_usd = (price.request_usd or Decimal(0)) + (price.extra_reserve_usd or Decimal(0))
    if price.second_usd is not None:
        fees_usd += price.second_usd * ceil(max_s * MS) / MS
    return max(
        _rounded(
            fees_usd
            + (most_tokens * rates.dearest_input_usd_per_mtok + max_tokens * rates.dearest_output_usd_per_mtok) / MTOK
        )
        for rates in (price, *reached)
    )


def worst_case_rates(prompt_tokens: int, price: Price) -> Rates:
    """The rates for the longest prompt that a reservation allows for."""
    return price.rates(_most_tokens(prompt_tokens))


def _most_tokens(prompt_tokens: int) -> Decimal:
    """The most tokens that the provider may count where we count ``prompt_tokens``."""
    return prompt_tokens * RESERVE_TOKEN_FACTOR + RESERVE_TOKEN_MARGIN


def _rounded(usd: Decimal) -> Decimal:
    return usd.quantize(NANO_USD, rounding=ROUND_HALF_UP)


def _input(rates: Rates, own_usd_per_mtok: Decimal | None = None) -> Decimal:
    return rates.input_usd_per_mtok if own_usd_per_mtok is None else own_usd_per_mtok
