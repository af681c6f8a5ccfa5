"""The range in which a month's total will lie, and the days on which its budget may end. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil, floor, sqrt

from runs.forecast.pace import MOST_DAYS, WEEK, Pace, pace

CONFIDENCE, CERTAIN = 80, 100
"""In percent: so many of a hundred totals lie within their ranges; and that of a month that is over."""
TAIL = 0.1
"""Of the totals so many may lie below a range, and as many above."""
LEAST_DAYS = 3
"""With fewer days on which something was spent there is no forecast."""
UNSEEN_WEEKDAY = 0.4
"""By how much, in parts of an average day, a weekday may differ that was not seen yet."""
UNEVEN_DAY = 1 / 3
"""Nobody knows when in a day its money is spent: at noon the variance of what is left is a quarter of this."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BudgetEnd:
    """On which day a budget is used up: one of those from ``earliest`` to ``latest``; None is "not this month"."""

    budget_nusd: int
    earliest: date | None
    latest: date | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the month will have come to at its end, if no budget holds runs back.

    The range is None while there are too few days to tell. Of a month that is over it is the total alone.
    """

    month: date
    spent_nusd: int
    low_nusd: int | None
    high_nusd: int | None
    confidence: int = CONFIDENCE  # in percent
    days: int = 0  # that tell of it
    by_weekday: bool = False
    slope: float = 0.0  # of a day, in parts of the usual one; 0: no trend stands out
    end: BudgetEnd | None = None  # of the budget that was asked about; None too if it is used up already

    @property
    def is_known(self) -> bool:
        return self.low_nusd is not None

    @property
    def is_over(self) -> bool:
        return self.confidence == CERTAIN

    @property
    def last_day(self) -> date:
        return next_month(self.month) - DAY


def next_month(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def first_counted(today: date) -> date:
    """The first of the days that a forecast is made from."""
    return today - MOST_DAYS * DAY


def forecast(
    days: Mapping[date, int], *, month: date, spent_nusd: int, now: datetime, budget_nusd: int | None = None
) -> Forecast:
    """``days``: the sums of days in UTC from ``first_counted`` on, and of some before, which tell whether it had begun
    by then; a day that is missing had none. ``spent_nusd`` is the month's total as far as it has gone, and ``now`` an
    aware moment of it or after it.
    """
    now = now.astimezone(UTC)
    if now.date() >= next_month(month):
        return Forecast(month, spent_nusd, spent_nusd, spent_nusd, CERTAIN)
    found = _pace_before(days, now.date())
    if found is None:
        return Forecast(month, spent_nusd, None, None)
    left = _days_left(now, next_month(month))
    sums = DaysToCome(found)
    for day, part in left.items():
        sums.add(day, part)
    low, high = sums.bounds()
    end = None
    if budget_nusd is not None and budget_nusd > spent_nusd:
        end = BudgetEnd(budget_nusd, *_reached(found, left, budget_nusd - spent_nusd))
    return Forecast(
        month,
        spent_nusd,
        spent_nusd + low,
        spent_nusd + high,
        days=found.count,
        by_weekday=found.by_weekday,
        slope=found.slope,
        end=end,
    )


class DaysToCome:
    """Mean, variance and skewness of what the days cost together that were added; and the two bounds they give."""

    def __init__(self, found: Pace) -> None:
        self._pace = found
        self._mean = self._squares = self._cubes = self._unseen = self._uneven = self._count = self._turned = 0.0
        self._usual = [0.0] * WEEK

    def add(self, day: date, part: float) -> None:
        """``part`` of the day is still to come."""
        expected, usual = self._pace.expected(day), self._pace.of_weekday[day.weekday()] * part
        self._mean += expected * part
        self._squares += expected**2 * part
        self._cubes += expected**3 * part
        self._uneven += expected**2 * part * (1 - part) * UNEVEN_DAY
        self._unseen += expected * part if day.weekday() in self._pace.unseen else 0.0
        self._usual[day.weekday()] += usual
        self._turned += usual * self._pace.from_middle(day)
        self._count += part if usual else 0.0

    def bounds(self) -> tuple[int, int]:
        """At least and at most, in whole 1e-9 USD. At least nothing where it is likely enough that nothing runs."""
        spread = sqrt(self._variance())
        if not spread:
            return floor(self._mean), ceil(self._mean)
        skew = self._cubes * self._pace.skew * self._pace.spread**3 / spread**3
        low = self._mean + spread * _quantile(-self._pace.quantile, skew)
        high = self._mean + spread * _quantile(self._pace.quantile, skew)
        nothing_may_run = self._pace.empty_share**self._count >= TAIL
        return 0 if nothing_may_run else max(0, floor(low)), max(0, ceil(high))

    def _variance(self) -> float:
        """That of the days themselves, and of their level, which the days that were seen tell only so well; that by
        which the level moves on, that of weekdays that were not seen, and that of today."""
        pace = self._pace
        drift = pace.drift * (pace.weighs_as / 2 + self._count) / 3
        return (
            pace.spread**2 * (self._squares + self._of_level())
            + self._mean**2 * drift
            + (UNSEEN_WEEKDAY * self._unseen) ** 2
            + self._uneven
        )

    def _of_level(self) -> float:
        pace = self._pace
        squares = WEEK * sum(usual**2 for usual in self._usual) if pace.by_weekday else sum(self._usual) ** 2
        return squares / pace.weighs_as + (self._turned**2 / pace.apart if pace.slope else 0.0)


def _pace_before(days: Mapping[date, int], today: date) -> Pace | None:
    """Of the whole days before today; None while something was spent on fewer than ``LEAST_DAYS`` of them."""
    spent_on = [day for day, amount in days.items() if amount > 0 and day < today]
    if not spent_on:
        return None
    first = max(min(spent_on), first_counted(today))
    if sum(day >= first for day in spent_on) < LEAST_DAYS:
        return None
    return pace([days.get(first + place * DAY, 0) for place in range((today - first).days)], first)


def _days_left(now: datetime, until: date) -> dict[date, float]:
    """The days from today up to ``until``, and which part of each is still to come."""
    today = now.date()
    of_today = 1 - (now - datetime.combine(today, time(), UTC)) / DAY
    return {today + place * DAY: 1.0 if place else of_today for place in range((until - today).days)}


def _reached(found: Pace, left: Mapping[date, float], amount_nusd: int) -> tuple[date | None, date | None]:
    """The first day up to whose end so much may be spent at most, and the first up to whose end at least."""
    earliest = latest = None
    sums = DaysToCome(found)
    for day, part in left.items():
        sums.add(day, part)
        low, high = sums.bounds()
        earliest = earliest or (day if high >= amount_nusd else None)
        latest = latest or (day if low >= amount_nusd else None)
    return earliest, latest


def _quantile(normal: float, skew: float) -> float:
    """Of a standardized distribution that is skewed like a gamma distribution, where the normal one has ``normal``
    (Wilson and Hilferty)."""
    if abs(skew) < 1e-6:
        return normal
    return 2 / skew * (max(0.0, 1 + skew * normal / 6 - skew**2 / 36) ** 3 - 1)
