"""What people and programs write: ids and numbers in addresses and filters, of which None is what cannot be read; and
what a word can become that somebody is typing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from uuid import UUID

MOST_EXPONENT, MOST_DECIMALS = 40, 100
"""Of a decimal number. With more, a text of eight characters is a million digits, or an error of the database."""


@dataclass(frozen=True, slots=True)
class Option:
    """``text`` takes the word's place; ``goes_on`` if a value is still to be written behind it."""

    text: str
    label: str
    about: str
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """The word from ``start`` to before ``end``, in characters, and what it can become."""

    start: int
    end: int
    options: tuple[Option, ...]


def uuid_or_none(text: str) -> UUID | None:
    """In any of the spellings that ``UUID`` takes."""
    try:
        return UUID(text)
    except ValueError:
        return None


def whole_number_or_none(text: str, *, max_digits: int) -> int | None:
    """ASCII digits alone, without a sign."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= max_digits else None


def finite_or_none(text: str) -> float | None:
    """A number that can be compared: neither infinite nor NaN."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def decimal_or_none(text: str) -> Decimal | None:
    """A decimal number that ``is_plain``."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if is_plain(number) else None


def is_plain(number: Decimal) -> bool:
    """Whether arithmetic, texts and the database can take it: finite, its first digit at most ``MOST_EXPONENT`` places
    from the point, with at most ``MOST_DECIMALS`` decimals. ``0E-999999`` is not."""
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -MOST_DECIMALS and abs(number.adjusted()) <= MOST_EXPONENT
