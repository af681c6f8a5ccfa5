"""Parts of a whole as whole numbers that add up to it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TypeVar

Name = TypeVar("Name")


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
