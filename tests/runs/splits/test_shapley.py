"""Shares in a difference: they add up, they are fair, and whole numbers of them still add up."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from math import prod

from hypothesis import given
from hypothesis import strategies as st

from runs.rounding import whole_numbers
from runs.splits.shapley import shares

factor = st.fractions(min_value=0, max_value=10**6, max_denominator=10**4)
pairs = st.lists(st.tuples(factor, factor), min_size=1, max_size=4)


def by_orders(before: list[Fraction], after: list[Fraction]) -> list[Fraction]:
    """The definition itself: each factor's own change, averaged over all orders of changing."""
    orders = list(permutations(range(len(before))))
    sums = [Fraction(0)] * len(before)
    for order in orders:
        now = list(before)
        for number in order:
            was = prod(now)
            now[number] = after[number]
            sums[number] += prod(now) - was
    return [value / len(orders) for value in sums]


@given(pairs)
def test_shares_are_the_average_over_all_orders_and_sum_to_the_difference(
    drawn: list[tuple[Fraction, Fraction]],
) -> None:
    before, after = [a for a, _ in drawn], [b for _, b in drawn]
    found = shares(before, after)
    assert list(found) == by_orders(before, after)
    assert sum(found) == prod(after) - prod(before)


def test_a_factor_that_did_not_change_has_no_share() -> None:
    assert shares([Fraction(2), Fraction(3)], [Fraction(2), Fraction(5)]) == (0, 4)


@given(st.lists(st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=1000), min_size=1, max_size=20))
def test_whole_numbers_sum_to_the_whole_and_are_each_within_one(values: list[Fraction]) -> None:
    parts = dict(enumerate(values))
    whole = round(sum(values, Fraction(0)))
    found = whole_numbers(parts, whole)
    assert sum(found.values()) == whole
    assert all(abs(found[name] - value) <= 1 for name, value in parts.items())


def test_what_is_left_over_goes_to_the_largest_remainders() -> None:
    thirds = {"a": Fraction(1, 3), "b": Fraction(2, 3), "c": Fraction(5, 3)}
    assert whole_numbers(thirds, 3) == {"a": 0, "b": 1, "c": 2}
    assert whole_numbers({}, 0) == {}
