"""Exact shares in a difference: Shapley values of factors that are multiplied, and whole numbers that add up.

All is done in fractions. Rounding comes last, once, by largest remainder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import factorial, prod
from typing import TypeVar

Name = TypeVar("Name")


def shares(before: Sequence[Fraction], after: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """What each factor contributes to ``prod(after) - prod(before)``: its Shapley value. They sum to that exactly.

    It is the change that the factor makes when it moves from its value before to the one after, averaged over all
    orders in which the factors can move. A factor that did not change contributes 0. Of equal length, some three long:
    the work doubles with each factor.
    """
    return tuple(_share(number, before, after) for number in range(len(before)))


def _share(own: int, before: Sequence[Fraction], after: Sequence[Fraction]) -> Fraction:
    others = [number for number in range(len(before)) if number != own]
    value = Fraction(0)
    for size in range(len(before)):
        weight = Fraction(factorial(size) * factorial(len(others) - size), factorial(len(before)))
        for moved in combinations(others, size):
            value += weight * prod((after if other in moved else before)[other] for other in others)
    return value * (after[own] - before[own])


def whole_numbers(parts: Mapping[Name, Fraction], total: int) -> dict[Name, int]:
    """The parts as whole numbers that sum to ``total``, each the part rounded up or down: by largest remainder.

    ``total`` is the sum of the parts, or that sum rounded. What rounding leaves over goes to the parts that it took
    most from, of equal ones to the first.
    """
    floors = {name: value.numerator // value.denominator for name, value in parts.items()}
    left = total - sum(floors.values())
    by_remainder = sorted(parts, key=lambda name: floors[name] - parts[name])
    while left and by_remainder:
        step = 1 if left > 0 else -1
        for name in by_remainder[: abs(left)] if left > 0 else by_remainder[::-1][: abs(left)]:
            floors[name] += step
            left -= step
    return floors


def total(values: Iterable[Fraction]) -> Fraction:
    return sum(values, Fraction(0))


def rounded(value: Fraction) -> int:
    """To the nearest whole number, half to even, as Python rounds everywhere."""
    return round(value)
