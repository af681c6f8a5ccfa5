"""The interval of a difference of medians: as a reference computes it, and true as often as it says."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from math import comb, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.splits.interval import EXACT_UP_TO, Difference, Sample, difference, middle_ranks, p95_rank, ranks


def sample(values: list[int]) -> Sample:
    ordered, count = sorted(values), len(values)
    low, high = middle_ranks(count)
    median = Fraction(ordered[low - 1] + ordered[high - 1], 2)
    places = ranks(count)
    return Sample(count, median, *((ordered[places[0] - 1], ordered[places[1] - 1]) if places else (None, None)))


def covers(count: int, lower: int) -> Fraction:
    """How probably the median lies between the values at ranks ``lower`` and ``count + 1 - lower``."""
    missed = 2 * sum(comb(count, number) for number in range(lower))
    return 1 - Fraction(missed, 2**count)


@given(st.integers(1, 400))
def test_ranks_are_the_narrowest_that_hold_the_median_in_95_of_100_cases(count: int) -> None:
    found = ranks(count)
    if found is None:
        assert covers(count, 1) < Fraction(95, 100)
        return
    lower, upper = found
    assert lower + upper == count + 1
    assert covers(count, lower) >= Fraction(95, 100)
    assert lower + 1 > count / 2 or covers(count, lower + 1) < Fraction(95, 100)


def test_five_values_are_too_few_and_six_are_enough() -> None:
    assert ranks(5) is None
    assert ranks(6) == (1, 6)
    assert difference(sample([1] * 5), sample([2] * 9)) == Difference(Fraction(1), None, None, None)


@pytest.mark.parametrize("count", [EXACT_UP_TO + 1, 5_000])
def test_ranks_of_large_groups_are_hardly_other_than_the_exact_ones(count: int) -> None:
    lower, _ = ranks(count) or (0, 0)
    assert Fraction(95, 100) <= covers(count, lower) <= Fraction(96, 100)


def reference(baseline: list[int], other: list[int]) -> tuple[float, float]:
    """Zou and Donner's limits from intervals of the medians that are found by trying all ranks."""

    def limits(values: list[int]) -> tuple[float, float, float]:
        ordered, count = sorted(values), len(values)
        lower = max(rank for rank in range(1, count // 2 + 1) if covers(count, rank) >= Fraction(95, 100))
        half = count // 2
        median = ordered[half] if count % 2 else (ordered[half - 1] + ordered[half]) / 2
        return ordered[lower - 1], median, ordered[count - lower]

    (l1, m1, u1), (l2, m2, u2) = limits(baseline), limits(other)
    gap = m2 - m1
    return gap - sqrt((m2 - l2) ** 2 + (u1 - m1) ** 2), gap + sqrt((u2 - m2) ** 2 + (m1 - l1) ** 2)


values = st.lists(st.integers(0, 10**6), min_size=6, max_size=60)


@given(values, values)
def test_it_is_the_reference_widened_to_whole_numbers(baseline: list[int], other: list[int]) -> None:
    found, (low, high) = difference(sample(baseline), sample(other)), reference(baseline, other)
    assert found.low is not None
    assert found.high is not None
    assert low - 1 <= found.low <= low + 1e-6
    assert high - 1e-6 <= found.high <= high + 1


def exponential(chance: random.Random) -> int:
    return round(chance.expovariate(1e-6))


def skewed(chance: random.Random) -> int:
    return round(chance.lognormvariate(13, 1.2))


def two_humps(chance: random.Random) -> int:
    return round(chance.gauss(1e6, 5e4) if chance.random() < 0.55 else chance.gauss(3e6, 3e5))


def few_values(chance: random.Random) -> int:
    return chance.choice((100, 200, 200, 300, 5_000))


SHAPES = [exponential, skewed, two_humps, few_values]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("counts", [(8, 8), (12, 40), (60, 60)])
def test_it_holds_the_truth_in_at_least_93_of_100_repeats(
    shape: Callable[[random.Random], int], counts: tuple[int, int]
) -> None:
    """Two groups of one distribution, so that the true difference is 0; and one moved by as much as it likes."""
    chance = random.Random(f"{shape.__name__} {counts}")
    moved, held, repeats = 700_000, 0, 400
    for _ in range(repeats):
        baseline = [shape(chance) for _ in range(counts[0])]
        other = [shape(chance) + moved for _ in range(counts[1])]
        found = difference(sample(baseline), sample(other))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= moved <= found.high
    assert held >= 0.93 * repeats


def test_a_difference_within_the_noise_says_about_how_many_more_would_settle_it() -> None:
    chance = random.Random(1)
    baseline, other = ([round(chance.gauss(mean, 300)) for _ in range(20)] for mean in (1_000, 1_040))
    found = difference(sample(baseline), sample(other))
    assert not found.is_clear
    assert found.more is not None
    assert 10 < found.more < 2_000
    far = difference(sample(baseline), sample([value + 5_000 for value in other]))
    assert far.is_clear
    assert far.more is None


def test_p95_is_the_nearest_rank() -> None:
    assert [p95_rank(count) for count in (1, 19, 20, 21, 100)] == [1, 19, 19, 20, 95]
