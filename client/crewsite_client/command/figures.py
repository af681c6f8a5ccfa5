"""Figures as people read them."""

from __future__ import annotations

from decimal import Decimal

CENT = Decimal("0.01")


def usd(amount: str | Decimal | None, *, signed: bool = False) -> str:
    """Dollars: to the cent from one dollar on, else three figures; "?" for what nobody knows."""
    if amount is None:
        return "?"
    value = Decimal(amount)
    sign = "-" if value < 0 else "+" if signed and value > 0 else ""
    value = abs(value)
    if value >= 1:
        return f"{sign}${value.quantize(CENT):,}"
    if not value:
        return "$0"
    text = f"{value:.{max(2, 2 - value.adjusted())}f}"
    return f"{sign}${text}"


def span(milliseconds: float | None, *, signed: bool = False) -> str:
    if milliseconds is None:
        return "–"
    sign = "-" if milliseconds < 0 else "+" if signed and milliseconds > 0 else ""
    seconds = abs(milliseconds) / 1000
    if seconds < 10:
        return f"{sign}{seconds:.2f} s"
    if seconds < 60:
        return f"{sign}{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours} h {minutes:02} min" if hours else f"{sign}{minutes} min {rest:02} s"


def about(milliseconds: float) -> str:
    """A span that is a guess: whole seconds."""
    return span(milliseconds) if milliseconds >= 60_000 else f"{max(1, round(milliseconds / 1000))} s"


def counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(text: str | None) -> str:
    """A time of the API to the minute, in UTC."""
    return "–" if text is None else text[:16].replace("T", " ")
