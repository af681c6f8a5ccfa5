"""USD as people and the engine write it (Decimal) and as the ledger keeps it (whole 1e-9 USD)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

NUSD_PER_USD = 1_000_000_000


def to_nusd(usd: Decimal) -> int:
    """USD to whole 1e-9 USD, rounded half up. Only of amounts within bounds: of 1e999990 it takes a minute."""
    return int((usd * NUSD_PER_USD).to_integral_value(rounding=ROUND_HALF_UP))


def to_usd(nusd: int) -> Decimal:
    """Whole 1e-9 USD to USD, exactly."""
    return Decimal(nusd) / NUSD_PER_USD


def usd_text(nusd: int | None) -> str | None:
    """USD as a plain decimal text without trailing zeros ("0.000123"), None for unknown."""
    if nusd is None:
        return None
    return f"{to_usd(nusd):.9f}".rstrip("0").rstrip(".")


def dollars(nusd: int) -> str:
    """The exact amount as people write it: "$10", "$12.50", "$1,000", "$0.000123"."""
    whole, _, rest = f"{to_usd(nusd):,.9f}".partition(".")
    rest = rest.rstrip("0")
    return f"${whole}.{rest.ljust(2, '0')}" if rest else f"${whole}"
