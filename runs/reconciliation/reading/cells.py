"""Figures and days as people's programs write them. Amounts are Decimal, never float."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal

from runs.reconciliation.reading.lines import Unclear, quoted
from runs.typed_values import decimal_or_none

MAX_USD = Decimal(1_000_000_000)
MAX_TOKENS = 10**15
MAX_CHARS = 60
FIRST_DAY, LAST_DAY = date(2015, 1, 1), date(2100, 1, 1)

Mark = Literal[".", ","]
Order = Literal["dmy", "mdy"]

_PLAIN = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)
_GROUPED = {
    mark: re.compile(rf"[-+]?\d{{1,3}}([{group}]\d{{3}})+([{mark}]\d*)?", re.ASCII)
    for mark, group in (
        (".", ",'’ \u00a0\u202f"),
        (",", ".'’ \u00a0\u202f"),
    )
}
_BARE = {mark: re.compile(rf"[-+]?(\d+([{mark}]\d*)?|[{mark}]\d+)", re.ASCII) for mark in (".", ",")}
_CURRENCY = re.compile(r"^(US)?\$\s?|\s?(USD|US\$|\$)$", re.IGNORECASE)
_FORMULA = re.compile(r"^[=@]|^[-+][A-Za-z(]")
_PARTED = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})", re.ASCII)
_SECONDS = re.compile(r"\d{9,10}(\.0+)?", re.ASCII)
_MILLISECONDS = re.compile(r"\d{12,13}(\.0+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Writing:
    """How a file writes figures and days."""

    mark: Mark = "."
    order: Order = "dmy"


def amount(text: str, mark: Mark = ".") -> Decimal | None:
    """Of money; None for an empty cell. Below 0 for credits."""
    number = _number(text, mark)
    if number is not None and abs(number) > MAX_USD:
        raise Unclear(f"{quoted(text)} is more than a billion")
    return number


def tokens(text: str, mark: Mark = ".") -> int | None:
    """A count; None for an empty cell. ``59200.0`` is one, as OpenAI writes it."""
    number = _number(text, mark)
    if number is None:
        return None
    if not 0 <= number <= MAX_TOKENS or number != number.to_integral_value():
        raise Unclear(f"{quoted(text)} is no count of tokens or requests: a whole number from 0 on")
    return int(number)


def day_of(text: str, order: Order = "dmy") -> date:
    """The day in UTC: of a day, a moment (in UTC unless it says otherwise), or seconds since 1970."""
    shown = text.strip()
    if _FORMULA.match(shown):
        raise Unclear(f"{quoted(text)} is a formula and no day: export values")
    try:
        found = _day(shown, order)
    except (ValueError, OverflowError):
        found = None
    if found is None or not FIRST_DAY <= found <= LAST_DAY:
        raise Unclear(f"{quoted(text)} is no day, such as 2026-11-30" if shown else "The day is missing")
    return found


def mark_of(texts: Iterable[str]) -> Mark | None:
    """Which sign stands before the decimals in these figures; None if "1,234" is all that tells."""
    grouped_only = False
    for text in texts:
        shown = _CURRENCY.sub("", text.strip())
        point, comma = shown.rfind("."), shown.rfind(",")
        if point >= 0 and comma >= 0:
            return "." if point > comma else ","
        if comma >= 0 and shown.count(",") == 1 and not re.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}", shown):
            return ","
        if point >= 0 and shown.count(".") == 1 and not re.fullmatch(r"[-+]?[1-9]\d{0,2}\.\d{3}", shown):
            return "."
        grouped_only = grouped_only or comma >= 0
    return None if grouped_only else "."


def order_of(texts: Iterable[str]) -> Order | None:
    """Whether the day or the month comes first in these dates; None if none of them tells."""
    unclear = False
    for text in texts:
        if (match := _PARTED.match(text.strip())) is None or len(match[1]) == 4:
            continue
        if int(match[1]) > 12:
            return "dmy"
        if int(match[2]) > 12:
            return "mdy"
        unclear = unclear or match[1] != match[2]
    return None if unclear else "dmy"


def _number(text: str, mark: Mark) -> Decimal | None:
    shown = text.strip()
    if not shown:
        return None
    if _FORMULA.match(shown):
        raise Unclear(f"{quoted(text)} is a formula and no figure: export values")
    shown = _CURRENCY.sub("", shown).replace("−", "-")
    if len(shown) > MAX_CHARS:
        raise Unclear(f"{quoted(text)} is no figure")
    plain = shown if mark == "." and _PLAIN.fullmatch(shown) else _plain(shown, mark)
    number = decimal_or_none(plain)
    if number is None:
        raise Unclear(f"{quoted(text)} is out of range" if plain else f"{quoted(text)} is no figure")
    return number


def _plain(shown: str, mark: Mark) -> str:
    if _BARE[mark].fullmatch(shown):
        return shown.replace(mark, ".")
    if _GROUPED[mark].fullmatch(shown):
        return "".join("." if sign == mark else sign for sign in shown if sign in f"-+0123456789{mark}")
    return ""


def _day(shown: str, order: Order) -> date | None:
    if _SECONDS.fullmatch(shown):
        return datetime.fromtimestamp(int(shown.partition(".")[0]), UTC).date()
    if _MILLISECONDS.fullmatch(shown):
        return datetime.fromtimestamp(int(shown.partition(".")[0]) // 1000, UTC).date()
    if (match := _PARTED.match(shown)) and (match.end() == len(shown) or shown[match.end()] in " ,T"):
        return _parted(match, order, shown[match.end() :])
    moment = datetime.fromisoformat(shown.removesuffix(" UTC"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).date()


def _parted(match: re.Match[str], order: Order, rest: str) -> date | None:
    first, second, third = (int(match[nth]) for nth in (1, 2, 3))
    if len(match[1]) == 4:
        if rest.strip():  # with a time of day, and perhaps of another zone
            moment = datetime.fromisoformat(f"{first}-{second:02}-{third:02}{rest.removesuffix(' UTC')}")
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).date()
        return date(first, second, third)
    if len(match[3]) != 4:
        return None
    return date(third, second, first) if order == "dmy" else date(third, first, second)
