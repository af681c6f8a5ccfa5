"""The interval of mean ratings: as a reference computes it, and true as often as it says, also of differences."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from math import log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.splits.interval import difference
from runs.splits.stars import PARTS, mean_sample

given_stars = st.lists(st.integers(1, 5), min_size=6, max_size=200)


def reference(stars: list[int]) -> tuple[float, float]:
    """Anderson's limits as he writes them: the band's share is moved to the least or the largest value."""
    ordered, count = sorted(stars), len(stars)
    band = sqrt(log(40) / (2 * count))

    def moved(values: list[int], end: int) -> float:
        """The mean when a share of ``band`` of the values, from the front of the list on, stands at ``end``."""
        left, total = band, 0.0
        for value in values:
            share = 1 / count
            taken = min(share, left)
            left -= taken
            total += taken * end + (share - taken) * value
        return total

    return moved(ordered[::-1], 1), moved(ordered, 5)


@given(given_stars)
def test_it_is_the_reference_widened_to_whole_thousandths(stars: list[int]) -> None:
    found, (low, high) = mean_sample(Counter(stars), len(stars)), reference(stars)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.median == Fraction(PARTS * sum(stars), len(stars))
    assert PARTS * low - 1.001 <= found.low <= PARTS * low + 1e-6
    assert PARTS * high - 1e-6 <= found.high <= PARTS * high + 1.001


def test_few_ratings_have_a_mean_and_no_interval() -> None:
    assert mean_sample({}, 0) is None
    few = mean_sample({4: 5}, 5)
    assert few is not None
    assert (few.median, few.low, few.high) == (4 * PARTS, None, None)


SHAPES = {"like": (1, 2, 4, 8, 16), "split": (8, 1, 0, 1, 8), "middle": (0, 1, 9, 1, 0)}


@pytest.mark.parametrize("other", SHAPES)
@pytest.mark.parametrize("count", [8, 40])
def test_the_true_difference_lies_within_in_at_least_93_of_100_repeats(other: str, count: int) -> None:
    chance = random.Random(f"{other} {count}")
    weights = SHAPES["like"], SHAPES[other]
    means = [sum(stars * weight for stars, weight in enumerate(of, 1)) / sum(of) for of in weights]
    held = 0
    for _ in range(300):
        drawn = [Counter(chance.choices(range(1, 6), of, k=count)) for of in weights]
        old, new = (mean_sample(counts, count) for counts in drawn)
        assert old is not None
        assert new is not None
        found = difference(old, new)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= PARTS * (means[1] - means[0]) <= found.high
    assert held >= 279


def test_many_ratings_tell_a_large_difference_and_not_a_small_one() -> None:
    poor, good, better = (mean_sample({stars: 60}, 60) for stars in (2, 4, 5))
    assert poor is not None
    assert good is not None
    assert better is not None
    assert difference(poor, better).is_clear
    assert not difference(good, good).is_clear
