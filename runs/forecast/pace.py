"""What the sums of past days say of days to come: how much, by weekday or not, growing or not, and how surely.

Pure: whole days in order, amounts in 1e-9 USD. The constants are those with which the ranges of the back-test
(``tests/runs/forecast/test_backtest.py``) hold as often as they say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

WEEK = 7
MOST_DAYS = 8 * WEEK
"""Older days say little of the days to come."""
PATTERN_DAYS = 3 * WEEK
"""From so many days on each weekday was seen three times."""
TREND_DAYS = 4 * WEEK
DRIFT_WEEKS = 3
"""From so many whole weeks on they tell how far the level moves from one to the next."""
HALF_LIFE = 21.0
"""After so many days a day counts half."""
CHI_SQUARED_6 = 12.5916
"""Weekdays that do not differ exceed it in one case of twenty (6 degrees of freedom)."""
PRIOR_SPREAD, PRIOR_DAYS = 0.3, 2
"""So many imagined days of so much spread beside the real ones: three days that are alike make nobody certain."""
PRIOR_DRIFT, PRIOR_WEEKS = 0.012, 3
"""How far, in parts of itself, the level walks from one day to the next, and how much that weighs beside real weeks."""
DAYS_OF_WALK = 14 / 3
"""The means of two weeks that follow each other differ by a walk of so many days."""
Z80, Z95 = 1.2815515655446004, 1.959963984540054
"""80 and 95 % of a normal distribution lie between minus this and this."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What is to be expected of days to come. Its parts are explained where ``pace`` finds them."""

    first: date  # of the days that were seen
    count: int  # of those
    of_weekday: Sequence[float]  # what is expected, from Monday on; with a trend, at the middle of the days seen
    by_weekday: bool
    slope: float  # growth of a day in parts of that; 0: no trend stands out
    weighs_as: float  # so many days tell the level
    spread: float  # standard deviation of a day in parts of what is expected of it
    skew: float  # of a day
    drift: float  # variance that the level gains with each day, in parts of its square
    freedom: float  # degrees of freedom of ``spread``
    empty_share: float  # of days on which nothing was spent although something was expected
    unseen: frozenset[int]  # weekdays

    def expected(self, day: date) -> float:
        return self.of_weekday[day.weekday()] * max(0.0, 1 + self.slope * self.from_middle(day))

    def from_middle(self, day: date) -> float:
        """In days."""
        return (day - self.first).days - (self.count - 1) / 2

    @property
    def apart(self) -> float:
        """The sum of squares of the seen days' distances from their middle."""
        return self.count * (self.count**2 - 1) / 12

    @property
    def quantile(self) -> float:
        """Standard deviations between the mean and a bound of 80 %."""
        return t_quantile(self.freedom, Z80)


class _Seen(NamedTuple):
    """A day: its distance from the middle, what is usual on its weekday, and it in parts of that."""

    offset: float
    usual: float
    ratio: float


class _Error(NamedTuple):
    """By how much a day differs from what would have been expected of it, in parts of what is usual."""

    week: int  # whole weeks back from the last day; -1: its week is not whole
    usual: float
    error: float


def pace(amounts: Sequence[int], first: date) -> Pace:
    """``amounts`` are the sums of the days from ``first`` on, with one above 0 in the last ``MOST_DAYS``, which
    count."""
    skipped = max(0, len(amounts) - MOST_DAYS)
    days = [float(max(0, amount)) for amount in amounts[skipped:]]
    first += timedelta(days=skipped)
    count, middle = len(days), (len(days) - 1) / 2
    weekdays = [(first.weekday() + place) % WEEK for place in range(count)]
    by_weekday = count >= PATTERN_DAYS and _differ(days, weekdays)
    usual = _by_weekday(days, weekdays) if by_weekday else [sum(days) / count] * WEEK
    seen = [
        _Seen(place - middle, usual[weekday], day / usual[weekday])
        for place, (day, weekday) in enumerate(zip(days, weekdays, strict=True))
        if usual[weekday]
    ]
    means = sum(map(bool, usual)) if by_weekday else 1
    slope = _slope(seen, means) if count >= TREND_DAYS else 0.0
    level, weighs_as = (1.0, float(count)) if slope else _level(seen, count)
    errors = _errors(seen, slope, count)
    freedom = max(1, len(errors) - means - bool(slope))
    spread = sqrt((_variance(errors) * len(errors) + PRIOR_DAYS * PRIOR_SPREAD**2) / (freedom + PRIOR_DAYS))
    return Pace(
        first,
        count,
        of_weekday=[level * amount for amount in usual],
        by_weekday=by_weekday,
        slope=slope,
        weighs_as=weighs_as,
        spread=spread,
        skew=max(spread, _third(errors) / spread**3),
        drift=_drift(errors, means),
        freedom=freedom + PRIOR_DAYS,
        empty_share=sum(not day.ratio for day in seen) / (len(seen) + 1),
        unseen=frozenset(range(WEEK)) - set(weekdays),
    )


def t_quantile(freedom: float, z: float) -> float:
    """Student's t where the normal distribution has ``z`` (Abramowitz and Stegun, 26.7.5)."""
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


def _by_weekday(days: Sequence[float], weekdays: Sequence[int]) -> list[float]:
    sums, counts = [0.0] * WEEK, Counter(weekdays)
    for day, weekday in zip(days, weekdays, strict=True):
        sums[weekday] += day
    return [amount / counts[weekday] for weekday, amount in enumerate(sums)]


def _differ(days: Sequence[float], weekdays: Sequence[int]) -> bool:
    """Whether weekdays differ, by Kruskal and Wallis: by the ranks of the days, so that no single day decides."""
    total, below, ties = len(days), 0, 0
    ranks = {}
    for day, alike in sorted(Counter(days).items()):
        ranks[day] = below + (alike + 1) / 2
        below += alike
        ties += alike**3 - alike
    if ties == total**3 - total:
        return False
    means = _by_weekday([ranks[day] for day in days], weekdays)
    counts = Counter(weekdays)
    between = sum(counts[weekday] * (mean - (total + 1) / 2) ** 2 for weekday, mean in enumerate(means))
    return 12 / (total * (total + 1)) * between / (1 - ties / (total**3 - total)) > CHI_SQUARED_6


def _slope(seen: Sequence[_Seen], means: int) -> float:
    """The growth of a day by least squares; 0 unless it stands out from chance, where one case of twenty does.

    Neighbours that are alike make a trend out of nothing, so their correlation r widens what chance does, by
    (1 + r) / (1 - r).
    """
    apart = sum(day.offset**2 for day in seen)
    slope = sum(day.offset * (day.ratio - 1) for day in seen) / apart
    errors = [day.ratio - 1 - slope * day.offset for day in seen]
    squares = sum(error**2 for error in errors)
    if not squares:
        return slope
    alike = sum(one * other for one, other in pairwise(errors)) / squares + 1 / len(errors)
    alike = min(0.6, max(0.0, alike))
    freedom = max(1, len(errors) - means - 1)
    variance = squares / freedom * (1 + alike) / (1 - alike)
    return slope if slope**2 * apart > t_quantile(freedom, Z95) ** 2 * variance else 0.0


def _level(seen: Sequence[_Seen], count: int) -> tuple[float, float]:
    """The present level in parts of the usual one, newer days counting more; and how many days tell so much of it."""
    newest = max(day.offset for day in seen)
    weights = [0.5 ** ((newest - day.offset) / HALF_LIFE) for day in seen]
    level = sum(weight * day.ratio for weight, day in zip(weights, seen, strict=True)) / sum(weights)
    return level, sum(weights) ** 2 / sum(weight**2 for weight in weights) * count / len(seen)


def _errors(seen: Sequence[_Seen], slope: float, count: int) -> list[_Error]:
    last = (count - 1) / 2
    return [
        _Error(
            week if (week := int(last - day.offset) // WEEK) < count // WEEK else -1,
            day.usual,
            day.ratio - max(0.0, 1 + slope * day.offset),
        )
        for day in seen
    ]


def _variance(errors: Sequence[_Error]) -> float:
    """The mean square, a day of a dear weekday weighing more: small ones differ much without mattering."""
    return sum((one.usual * one.error) ** 2 for one in errors) / sum(one.usual**2 for one in errors)


def _third(errors: Sequence[_Error]) -> float:
    return sum((one.usual * one.error) ** 3 for one in errors) / sum(one.usual**3 for one in errors)


def _drift(errors: Sequence[_Error], means: int) -> float:
    """By how much the means of weeks differ beyond what their days' own spread explains."""
    weeks: dict[int, list[_Error]] = {}
    for one in errors:
        weeks.setdefault(one.week, []).append(one)
    weeks.pop(-1, None)
    if len(weeks) < DRIFT_WEEKS:
        return PRIOR_DRIFT**2
    levels = {week: sum(one.usual * one.error for one in its) / _usual(its) for week, its in weeks.items()}
    within = [_Error(week, one.usual, one.error - levels[week]) for week, its in weeks.items() for one in its]
    variance = _variance(within) * len(within) / max(1, len(within) - len(weeks) - means + 1)
    chance = {week: variance * sum(one.usual**2 for one in its) / _usual(its) ** 2 for week, its in weeks.items()}
    found = _walked(levels, chance) / DAYS_OF_WALK
    steps = len(weeks) - 1
    return (steps * found + PRIOR_WEEKS * PRIOR_DRIFT**2) / (steps + PRIOR_WEEKS)


def _usual(errors: Sequence[_Error]) -> float:
    return sum(one.usual for one in errors)


def _walked(levels: Mapping[int, float], chance: Mapping[int, float]) -> float:
    """The mean square of the steps from week to week, less what is chance."""
    order = sorted(levels)
    steps = [(levels[one] - levels[other]) ** 2 - chance[one] - chance[other] for one, other in pairwise(order)]
    return max(0.0, sum(steps) / len(steps))
