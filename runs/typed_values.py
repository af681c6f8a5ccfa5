"""Ids and numbers that people and programs write into addresses and filters. None is what cannot be read."""

from __future__ import annotations

import math
from uuid import UUID


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
