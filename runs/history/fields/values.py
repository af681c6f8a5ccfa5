"""Values as people type them: amounts, spans of time, whole numbers, moments, and ranges of them. All are exact."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from django.db.models import Q

from runs.history.fields.conditions import any_of
from runs.history.fields.words import Misread, Quotable

RANGE = ".."
COMPARED = re.compile(r"(>=|<=|>|<|=|)(.*)", re.DOTALL)
DECIMAL = re.compile(r"\d{1,15}(\.\d{0,12})?|\.\d{1,12}", re.ASCII)
SPAN = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d|w)", re.ASCII)
MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
NUSD = 10**9
MAX_USD = 1_000_000
MAX_SPAN_MS = 100 * 365 * MILLISECONDS["d"]

Reader = Callable[[str], Fraction]
"""Reads one number; raises ``Misread``."""


@dataclass(frozen=True, slots=True)
class Between:
    """Whole numbers from ``low`` to ``high``, both of them included; None is no bound."""

    low: int | None
    high: int | None

    def of(self, column: str) -> Q:
        condition = Q()
        if self.low is not None:
            condition &= Q(**{f"{column}__gte": self.low})
        if self.high is not None:
            condition &= Q(**{f"{column}__lte": self.high})
        return condition


def between(text: str, read: Reader, *, without_sign: str = ">=") -> Between:
    """``>5``, ``>=5``, ``<5``, ``<=5``, ``=5``, ``1..5``, ``1..`` or ``..5``. ``without_sign``: what ``5`` is."""
    if RANGE in text:
        return _range(text, read)
    match = COMPARED.fullmatch(text)
    assert match is not None  # everything fits
    number = read(match[2])
    low, high = math.ceil(number), math.floor(number)  # of the whole numbers that are no less, or no more
    return {
        ">": Between(high + 1, None),
        ">=": Between(low, None),
        "<": Between(None, low - 1),
        "<=": Between(None, high),
        "=": Between(low, high),
    }[match[1] or without_sign]


def _range(text: str, read: Reader) -> Between:
    low_text, _, high_text = text.partition(RANGE)
    low = math.ceil(read(low_text)) if low_text else None
    high = math.floor(read(high_text)) if high_text else None
    if low is None and high is None:
        raise Misread("Write a number at one side of the two points at least")
    if low is not None and high is not None and read(low_text) > read(high_text):
        raise Misread(f"The range ends before it begins: write {high_text}..{low_text}")
    return Between(low, high)


def nusd(text: str) -> Fraction:
    number = text.removeprefix("$")
    if not DECIMAL.fullmatch(number):
        raise Misread(f"{text!r} is not an amount: write cost:>0.10 or cost:0.10..0.50")
    if Fraction(number) > MAX_USD:
        raise Misread(f"{text!r} is out of range: at most {MAX_USD:,} dollars can be asked for")
    return Fraction(number) * NUSD


def milliseconds(text: str) -> Fraction:
    match = SPAN.fullmatch(text.lower())
    span = Fraction(match[1]) * MILLISECONDS[match[2]] if match else None
    if span is None:
        raise Misread(f"{text!r} is not a time span: write a number with ms, s, m, h, d or w, such as 30s or 7d")
    if span > MAX_SPAN_MS:
        raise Misread(f"{text!r} is out of range: at most a hundred years can be asked for")
    return span


def whole_number(example: str) -> Reader:
    """Reads numbers without a fraction; ``example`` is what to write."""

    def read(text: str) -> Fraction:
        if not (text.isascii() and text.isdigit() and len(text) <= 15):
            raise Misread(f"{text!r} is not a whole number: write {example}")
        return Fraction(text)

    return read


def moment(text: str, now: datetime) -> datetime:
    """A day, which begins at midnight, or a moment of it, in UTC unless it says otherwise; or a span back from now."""
    try:
        read = datetime.fromisoformat(text.upper())
    except ValueError:
        return now - timedelta(milliseconds=_span_back(text))
    try:
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise Misread(f"{text!r} is out of range: write a day of our times, such as 2026-11-30") from None


def _span_back(text: str) -> float:
    try:
        return float(milliseconds(text))
    except Misread:
        raise Misread(f"{text!r} is no day and no time span: write 2026-11-30, 2026-11-30T14:00, 24h or 7d") from None


def listed(value: Quotable) -> list[Quotable]:
    """The values between commas outside of quotation marks."""
    parts = value.split(",")
    if not all(part.text for part in parts):
        raise Misread("A value is missing beside a comma: write them as a,b")
    return parts


def exactly(value: Quotable) -> tuple[bool, str]:
    """Whether the whole name is meant, which begins with "=", and the name, or the part of one."""
    is_exact = value.begins("=")
    name = value.text[1:] if is_exact else value.text
    if not name:
        raise Misread("There is nothing behind the equals sign: write the whole name there")
    return is_exact, name


def one_of(value: Quotable, named: Callable[[str], Q], like: Callable[[str], Q]) -> Q:
    """One of the values names it: the whole name, or a part."""
    names = [exactly(part) for part in listed(value)]
    return any_of([named(name) if is_exact else like(name) for is_exact, name in names])
