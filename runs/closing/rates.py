"""A second currency beside the dollars of a closed bill, at a rate that a person types. It is no part of the bill."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from teams.refusals import Invalid

MAX_RATE = Decimal(1_000_000)
DECIMALS = 10
SHOWN = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Rate:
    """One dollar is ``rate`` of ``currency``, says whoever typed it."""

    currency: str
    rate: Decimal

    @property
    def words(self) -> str:
        return f"1 USD = {self.rate:f} {self.currency}"

    def exactly(self, usd: str) -> str:
        """An amount in the other currency as a plain decimal text: the product, not rounded."""
        amount = f"{Decimal(usd) * self.rate:f}"
        return amount.rstrip("0").rstrip(".") if "." in amount else amount

    def shown(self, usd: str) -> str:
        """The amount as pages show it: with four decimals, rounded half up."""
        return f"{(Decimal(usd) * self.rate).quantize(SHOWN, ROUND_HALF_UP):,}".replace("-", "−")


def rate_of(typed: Mapping[str, str]) -> Rate | None:
    """The rate that ``currency`` and ``rate`` ask for; None if neither is given. ``Invalid`` names what is wrong."""
    currency, rate = typed.get("currency", "").strip().upper(), typed.get("rate", "").strip()
    if not currency and not rate:
        return None
    fields = {}
    if not re.fullmatch("[A-Z]{3}", currency) or currency == "USD":
        fields["currency"] = "Give three letters, such as EUR."
    number = _number(rate)
    if number is None:
        fields["rate"] = (
            f"Give what one dollar is, such as 0.92: above 0, at most {MAX_RATE:,}, at most {DECIMALS} decimals."
        )
    if fields or number is None:
        raise Invalid("The amounts are shown in dollars alone.", fields=fields)
    return Rate(currency, number)


def _number(text: str) -> Decimal | None:
    if not re.fullmatch(rf"[0-9]{{1,7}}(\.[0-9]{{1,{DECIMALS}}})?", text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if 0 < number <= MAX_RATE else None
