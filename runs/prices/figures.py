"""The figures of a price: their names, and which amounts may be one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from engine.catalogue.pricing import Rates
from runs.ledger.prices import FEE_FIELDS, PRICE_FIELDS
from runs.typed_values import is_plain

MAX_USD = Decimal(1_000_000)
MOST_DECIMALS = 10
MAX_ABOVE_TOKENS = 100_000_000
MOST_TIERS = 8
NEEDED = ("input_usd_per_mtok", "output_usd_per_mtok")
FIGURES = (*PRICE_FIELDS, *FEE_FIELDS)
TITLES = {
    "input_usd_per_mtok": "prompt",
    "output_usd_per_mtok": "answer",
    "cached_usd_per_mtok": "cached prompt",
    "cache_write_usd_per_mtok": "written to the cache",
    "reasoning_usd_per_mtok": "reasoning",
    "request_usd": "each request",
    "search_usd": "each search",
    "citation_usd_per_mtok": "citations",
    "extra_reserve_usd": "reserved for fees",
    "second_usd": "each second",
}


def amount_complaint(amount: Decimal) -> str:
    """Why the amount is no price; "" if it may be one."""
    if not is_plain(amount) or not 0 <= amount <= MAX_USD:
        return f"Give an amount from 0 to {MAX_USD:,}."
    if amount != round(amount, MOST_DECIMALS):
        return f"Give at most {MOST_DECIMALS} decimals."
    return ""


def figure_complaints(figures: Mapping[str, Decimal | None]) -> Iterator[tuple[str, str]]:
    """What is wrong, by figure."""
    for name, amount in figures.items():
        if amount is not None and (complaint := amount_complaint(amount)):
            yield name, complaint


def tier_complaint(tiers: tuple[Rates, ...]) -> str:
    """What is wrong with the prices of long prompts; "" if nothing is."""
    lengths = [tier.above_tokens for tier in tiers]
    if len(tiers) > MOST_TIERS:
        return f"Give at most {MOST_TIERS} lengths."
    if any(not 1 <= length <= MAX_ABOVE_TOKENS for length in lengths):
        return f"Give lengths from 1 to {MAX_ABOVE_TOKENS:,} tokens."
    if len(set(lengths)) < len(lengths):
        return "Give each length once."
    for tier in tiers:
        for name in PRICE_FIELDS:
            amount = getattr(tier, name)
            if amount is None and name in NEEDED:
                return f"Above {tier.above_tokens:,} tokens: give the prices of prompt and answer."
            if amount is not None and (complaint := amount_complaint(amount)):
                return f"Above {tier.above_tokens:,} tokens, {TITLES[name]}: {complaint}"
    return ""
