"""Converts USD between Decimal, as people and the engine write it, and whole 1e-9 USD, as the ledger keeps it."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import overload

NUSD_PER_USD = 1_000_000_000
CENT_NUSD, MICRO_NUSD = 10_000_000, 1_000


@overload
def to_nusd(usd: Decimal) -> int: ...
@overload
def to_nusd(usd: Decimal | None) -> int | None: ...
def to_nusd(usd: Decimal | None) -> int | None:
    """Whole 1e-9 USD, rounded half up; None stays None. Bound the amount before: 1e999990 takes a minute."""
    return None if usd is None else int((usd * NUSD_PER_USD).to_integral_value(rounding=ROUND_HALF_UP))


@overload
def to_usd(nusd: int) -> Decimal: ...
@overload
def to_usd(nusd: int | None) -> Decimal | None: ...
def to_usd(nusd: int | None) -> Decimal | None:
    """USD, exactly; None stays None."""
    return None if nusd is None else Decimal(nusd) / NUSD_PER_USD


@overload
def usd_text(nusd: int) -> str: ...
@overload
def usd_text(nusd: int | None) -> str | None: ...
def usd_text(nusd: int | None) -> str | None:
    """USD as a plain decimal text without trailing zeros ("0.000123"); None stays None."""
    return None if nusd is None else f"{to_usd(nusd):.9f}".rstrip("0").rstrip(".")


def dollars(nusd: int) -> str:
    """The exact amount as people write it: "$10", "$12.50", "$1,000", "$0.000123", "−$0.50"."""
    whole, _, rest = f"{to_usd(abs(nusd)):,.9f}".partition(".")
    rest = rest.rstrip("0")
    return f"{sign_of(nusd)}${whole}.{rest.ljust(2, '0')}" if rest else f"{sign_of(nusd)}${whole}"


def sign_of(nusd: int) -> str:
    """The minus that stands before the dollar of an amount below 0; "" for another."""
    return "−" if nusd < 0 else ""


def sized(nusd: int) -> str:
    """Without its sign, in as many digits as its size needs: cents from a dollar on, four decimals from a cent on, six
    or nine below."""
    amount = abs(nusd)
    if not amount:
        return "$0"
    digits = 2 if amount >= NUSD_PER_USD else 4 if amount >= CENT_NUSD else 6 if amount >= MICRO_NUSD else 9
    return f"${to_usd(amount):,.{digits}f}"
