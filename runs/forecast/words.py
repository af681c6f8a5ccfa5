"""A forecast in words: "$498-531 by 30 Nov (80 %)", and when its budget ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from engine.text import counted
from runs.forecast.month import LEAST_DAYS, Forecast
from runs.money import dollars, to_usd

NO_FORECAST = f"less than {LEAST_DAYS} days of runs: no forecast yet"
NOT_THIS_MONTH = "not this month"


@dataclass(frozen=True, slots=True)
class Line:
    """What a page or mail says: the range by which day, the range alone, how it was made, and when the budget ends, in
    a sentence and alone ("" without one)."""

    text: str
    range: str
    why: str
    ends: str
    end_day: str
    is_known: bool


def line(found: Forecast) -> Line:
    return Line(forecast_text(found), _range(found), why(found), ends_text(found), end_day(found), found.is_known)


def forecast_text(found: Forecast) -> str:
    """Without a link or a tag; of a month that is over its total."""
    if found.low_nusd is None or found.high_nusd is None:
        return NO_FORECAST
    if found.is_over:
        return f"{dollars(found.spent_nusd)} in all"
    return f"{_range(found)} by {day_text(found.last_day)} ({found.confidence} %)"


def range_text(low_nusd: int, high_nusd: int, spent_nusd: int = 0) -> str:
    """Widened to as many digits as its size needs: "$498-531", "$4.20-5.13", "$0.0310-0.0402". Never down below what is
    spent, under which no month can end: "$1.1494-1.28" where $1.14932 is. Below 0, where what came late for closed
    months is all there is: "−$0.50 to $0.10"."""
    places = _places(max(abs(low_nusd), abs(high_nusd)))
    low, high = _rounded(low_nusd, places, ROUND_FLOOR), _rounded(high_nusd, places, ROUND_CEILING)
    if low < to_usd(spent_nusd) <= to_usd(low_nusd):
        low = _rounded(low_nusd, places + 2, ROUND_CEILING)
    if low >= high:
        return _signed(high)
    if low < 0:
        return f"{_signed(low)} to {_signed(high)}"
    return f"${f'{low:,f}' if low_nusd else 0}-{high:,f}"


def ends_text(found: Forecast) -> str:
    """After "the budget": "ends 24-28 Nov", "lasts the month"; "" where nothing can be said."""
    day = end_day(found)
    return "lasts the month" if day == NOT_THIS_MONTH else day and f"ends {day}"


def end_day(found: Forecast) -> str:
    """On which day the budget ends: "24-28 Nov", "not this month"; "" where nothing can be said."""
    end = found.end
    if end is None:
        return ""
    if end.earliest is None:
        return NOT_THIS_MONTH
    if end.latest is None:
        return f"{day_text(end.earliest)} at the earliest, or {NOT_THIS_MONTH}"
    if end.earliest == end.latest:
        return f"on {day_text(end.earliest)}"
    return f"{end.earliest.day}-{day_text(end.latest)}"


def why(found: Forecast) -> str:
    """How the range was made, and its exact bounds."""
    if found.low_nusd is None or found.high_nusd is None or found.is_over:
        return ""
    made_of = f"{counted(found.days, 'day')}, {'by weekday' if found.by_weekday else 'at their usual rate'}"
    trend = "" if not found.slope else ", which grew" if found.slope > 0 else ", which shrank"
    return f"From the last {made_of}{trend}. Exactly {dollars(found.low_nusd)} to {dollars(found.high_nusd)}."


def day_text(day: date) -> str:
    return f"{day.day} {day:%b}"


def _range(found: Forecast) -> str:
    if found.low_nusd is None or found.high_nusd is None:
        return "no forecast yet"
    return range_text(found.low_nusd, found.high_nusd, found.spent_nusd)


def _places(nusd: int) -> int:
    usd = to_usd(nusd)
    return 0 if usd >= 100 else 2 if usd >= 1 else 4 if usd >= Decimal("0.01") else 6


def _rounded(nusd: int, places: int, rounding: str) -> Decimal:
    return to_usd(nusd).quantize(Decimal(1).scaleb(-places), rounding=rounding)


def _signed(usd: Decimal) -> str:
    return f"{'−' if usd < 0 else ''}${abs(usd):,f}"
