"""An interval for the mean of ratings that assumes nothing of how they are spread, but that they have 1 to 5 stars.

Anderson (1969, "Confidence limits for the expected value of an arbitrary bounded random variable"): the true shares of
ratings with at most so many stars lie within a band around those that were found (Dvoretzky, Kiefer and Wolfowitz, with
Massart's constant), and the mean is 5 less the sum of four of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor, log, sqrt

from runs.splits.interval import LEVEL, Sample

MOST = 5
LEAST_RATINGS = 6
"""As few values as an interval of a median has."""
PARTS = 1000
"""Of a star: whole thousandths, so that a ``Sample`` can hold them."""


def mean_sample(counts: Mapping[int, int], independent: int) -> Sample | None:
    """Mean and interval in thousandths of a star; None without ratings.

    ``counts``: ratings by their stars. ``independent``: how many of them count as chosen by themselves: of one run all,
    of a group one for each rated run, since several ratings of one run tell less than those of several runs.
    """
    total = sum(counts.values())
    if not total:
        return None
    mean = Fraction(PARTS * sum(stars * count for stars, count in counts.items()), total)
    if independent < LEAST_RATINGS:
        return Sample(independent, mean, None, None)
    band = sqrt(log(2 / (1 - LEVEL)) / (2 * independent))
    shares = [sum(counts.get(stars, 0) for stars in range(1, most + 1)) / total for most in range(1, MOST)]
    low = MOST - sum(min(1.0, share + band) for share in shares)
    high = MOST - sum(max(0.0, share - band) for share in shares)
    return Sample(independent, mean, floor(PARTS * low), ceil(PARTS * high))
