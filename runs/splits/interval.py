"""An interval for the difference of two medians that assumes nothing of how the values are spread.

Each median's interval is exact: the values at two ranks that the binomial distribution gives. The two are put together
as Zou and Donner do (2008, "Construction of confidence limits about effect measures"): on each side of the difference
the distances add as squares. Ranks alone are needed, so a group of any size costs a few values.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, comb, floor, hypot

LEVEL = 0.95
EXACT_UP_TO = 1_000
"""Values up to which ranks come from the binomial distribution itself; above, from its normal approximation."""
Z = 1.959963984540054
MOST_MORE = 100_000


@dataclass(frozen=True, slots=True)
class Sample:
    """What a group's values tell of their median: it, and the values at the two ranks. ``low`` and ``high`` are None
    where there are too few values."""

    count: int
    median: Fraction
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two medians, other minus baseline. ``low`` and ``high`` hold the true one in at least 95 of 100 cases; None
    where one side has too few values to tell."""

    value: Fraction
    low: int | None
    high: int | None
    more: int | None  # about how many values more of each side would settle it; None: it is settled, or nobody knows

    @property
    def is_known(self) -> bool:
        return self.low is not None

    @property
    def is_clear(self) -> bool:
        """Whether 0 lies outside the interval."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


@lru_cache(maxsize=4096)
def ranks(count: int) -> tuple[int, int] | None:
    """The lower and upper rank, from 1, between which the median lies in at least 95 of 100 cases; None below six.

    The interval misses where at most ``lower - 1`` of the values lie on one side of the true median.
    """
    if count > EXACT_UP_TO:
        lower = max(1, int(count / 2 - Z * count**0.5 / 2))
        return lower, count + 1 - lower
    tail, lower = 0, 0
    most = Fraction(1, 40) * 2**count  # a tail of 2.5 %
    while tail + comb(count, lower) <= most:
        tail += comb(count, lower)
        lower += 1
    return (lower, count + 1 - lower) if lower else None


def middle_ranks(count: int) -> tuple[int, int]:
    """The ranks whose mean is the median; the same one twice where the count is odd."""
    return (count + 1) // 2, count // 2 + 1


def p95_rank(count: int) -> int:
    """The nearest rank: the least value that at least 95 % of the values do not exceed."""
    return ceil(Fraction(95, 100) * count)


def difference(baseline: Sample, other: Sample) -> Difference:
    """The interval that ``LEVEL`` names, in the values' own unit, widened to whole ones."""
    value = other.median - baseline.median
    if baseline.low is None or baseline.high is None or other.low is None or other.high is None:
        return Difference(value, None, None, None)
    below = hypot(float(other.median - other.low), float(baseline.high - baseline.median))
    above = hypot(float(other.high - other.median), float(baseline.median - baseline.low))
    low, high = floor(float(value) - below), ceil(float(value) + above)
    found = Difference(value, low, high, None)
    return found if found.is_clear else Difference(value, low, high, _more(baseline, other, value, max(below, above)))


def _more(baseline: Sample, other: Sample, value: Fraction, half_width: float) -> int | None:
    """Intervals shrink with the root of the number of values: how many more make this one as narrow as the difference
    is now."""
    count = min(baseline.count, other.count)
    if not value or not half_width:
        return None
    more = ceil(count * (half_width / abs(float(value))) ** 2) - count + 1
    return more if 0 < more <= MOST_MORE else None
