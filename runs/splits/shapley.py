"""Exact shares in a difference: Shapley values of factors that are multiplied, in fractions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations
from math import factorial, lcm, prod

THREE = 3


def shares(before: Sequence[Fraction], after: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """What each factor contributes to ``prod(after) - prod(before)``: its Shapley value. They sum to that exactly.

    It is the change that the factor makes when it moves from its value before to the one after, averaged over all
    orders in which the factors can move. A factor that did not change contributes 0. Of equal length, some three long:
    the work doubles with each factor.
    """
    if len(before) == THREE:
        return _of_three(before, after)
    return tuple(_share(number, before, after) for number in range(len(before)))


def _of_three(before: Sequence[Fraction], after: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """The usual case, for which ``_share`` is this sum. In whole numbers, each factor over one denominator for before
    and after: fractions would be brought to lowest terms at each of some forty steps."""
    over = [lcm(one.denominator, other.denominator) for one, other in zip(before, after, strict=True)]
    (a, b, c), (d, e, f) = (
        [value.numerator * (common // value.denominator) for value, common in zip(values, over, strict=True)]
        for values in (before, after)
    )
    whole = 6 * prod(over)
    return (
        Fraction((d - a) * (2 * (b * c + e * f) + b * f + e * c), whole),
        Fraction((e - b) * (2 * (a * c + d * f) + a * f + d * c), whole),
        Fraction((f - c) * (2 * (a * b + d * e) + a * e + d * b), whole),
    )


def _share(own: int, before: Sequence[Fraction], after: Sequence[Fraction]) -> Fraction:
    change = after[own] - before[own]
    if not change:
        return Fraction(0)
    others = [number for number in range(len(before)) if number != own]
    value = Fraction(0)
    for size in range(len(before)):
        weight = Fraction(factorial(size) * factorial(len(others) - size), factorial(len(before)))
        for moved in combinations(others, size):
            value += weight * prod((after if other in moved else before)[other] for other in others)
    return value * change


def total(values: Iterable[Fraction]) -> Fraction:
    return sum(values, Fraction(0))


def rounded(value: Fraction) -> int:
    """To the nearest whole number, half to even, as Python rounds everywhere."""
    return round(value)
