"""Which figures of a price look like a mistake: a price per token where one per million is meant, or one in cents.

Nothing is refused for good here: a person who means the figures says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from engine.catalogue.pricing import Price

LEAST_USD_PER_MTOK = Decimal("0.0005")
"""No listed model's tokens cost less per million, but for those that are free."""
MOST_USD_PER_MTOK = Decimal(2_000)
MOST_FEE_USD = Decimal(1)
"""Providers name fees per thousand requests or searches; the dearest is some cents each. A second of a large server of
one's own costs a cent."""
MTOK = 1_000_000
FACTOR = 100
"""No discount, and no difference between two models of one name, is as large. One between dollars and cents is."""
FEES = ("request_usd", "search_usd", "second_usd")


def doubts_about(figures: Mapping[str, Decimal | None], known: Price | None) -> dict[str, str]:
    """What looks wrong, by field; empty if nothing does. ``known``: the list's price of the model, if it has one."""
    doubts = {}
    for name, amount in figures.items():
        if amount:  # a price of 0 is meant
            doubt = _fee_doubt(amount) if name in FEES else ""
            if name.endswith("_per_mtok"):
                doubt = _token_doubt(amount)
            if doubt := doubt or _against_list(name, amount, known):
                doubts[name] = doubt
    return doubts


def _token_doubt(amount: Decimal) -> str:
    if amount < LEAST_USD_PER_MTOK:
        return (
            f"That looks like a price per token: ${_plain(amount)} a token is ${_plain(amount * MTOK)} per million. "
            f"Type {_plain(amount * MTOK)}."
        )
    if amount > MOST_USD_PER_MTOK:
        return f"That is ${_plain(amount / MTOK)} a token, more than any model costs. The price is per million tokens."
    return ""


def _against_list(name: str, amount: Decimal, known: Price | None) -> str:
    listed = getattr(known, name, None)
    if not listed or listed / FACTOR < amount < listed * FACTOR:
        return ""
    times = f"{amount / listed:,.0f} times" if amount > listed else f"1/{listed / amount:,.0f} of"
    each = " per million tokens" if name.endswith("_per_mtok") else ""
    return f"That is {times} what the price list says, ${_plain(listed)}{each}. The price is in dollars{each}."


def _fee_doubt(amount: Decimal) -> str:
    if amount <= MOST_FEE_USD:
        return ""
    return f"That looks like a fee per thousand. For one it would be {_plain(amount / 1000)}."


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
