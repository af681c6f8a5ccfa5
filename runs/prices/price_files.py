"""Reads price lists from files: CSV with our columns, or JSON in LiteLLM's format. Nothing is stored here.

A line that is no price is told with its number, and the rest is read on, so that all faults are told at once.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from engine.catalogue import price_list
from engine.catalogue.pricing import Price, Rates
from engine.text import is_storable
from runs.ledger.prices import PRICE_FIELDS, fees_of, fields_of
from runs.prices.figures import FIGURES, NEEDED, TITLES, figure_complaints, tier_complaint
from runs.typed_values import decimal_or_none

MAX_BYTES = 50_000_000
MAX_MODEL_CHARS = 200
OTHER_COLUMNS = ("model", "above_tokens", "begins_at")
COLUMNS = (*OTHER_COLUMNS, *FIGURES)
NO_FIGURE = (TypeError, ValueError, KeyError, AttributeError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line is no price. ``line`` counts from 1; 0: it is about the whole file."""

    line: int
    words: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.words}" if self.line else self.words


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """A price as a file gives it. ``begins_at`` None: at the time that goes for the whole file."""

    model: str
    price: Price
    line: int = 0
    begins_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PriceFile:
    prices: list[ListedPrice]
    faults: list[Fault]
    without_price: int = 0  # entries that name no price of prompt and answer, and are left out


def read(data: bytes) -> PriceFile:
    """The prices of a file, whichever of the two formats it has."""
    if len(data) > MAX_BYTES:
        return _unreadable(f"The file is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return PriceFile([], [Fault(line, "This is not UTF-8. Save the file in that encoding.")])
    return _read_json(text) if text.lstrip().startswith("{") else _read_csv(text)


def bundled() -> PriceFile:
    """The list of the installed LiteLLM."""
    return PriceFile([ListedPrice(model, price) for model, price in price_list.prices().items()], [])


def _unreadable(words: str) -> PriceFile:
    return PriceFile([], [Fault(0, words)])


class _Twice(ValueError):
    """A name stands twice in one JSON object."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice(next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1))
    return found


def _read_json(text: str) -> PriceFile:
    try:
        entries = json.loads(text, parse_float=_figure, object_pairs_hook=_pairs)
    except _Twice as error:
        lines = list(_lines_of(text, str(error)))
        return PriceFile([], [Fault(lines[-1] if lines else 0, f"{str(error)[:100]} stands here a second time.")])
    except json.JSONDecodeError as error:
        return PriceFile([], [Fault(error.lineno, f"This is not JSON: {error.msg}.")])
    except (RecursionError, ValueError):
        return _unreadable("This is not JSON that can be read.")
    return _of_entries(entries, text)


def _figure(text: str) -> Decimal:
    """NaN, which no price may be, for what would take arithmetic a minute, such as 1e999999."""
    found = decimal_or_none(text)
    return Decimal("NaN") if found is None else found


def _of_entries(entries: dict[str, Any], text: str) -> PriceFile:
    prices, faults, without = [], [], 0
    for model, entry in entries.items():
        if not isinstance(entry, dict):
            faults.append(Fault(next(_lines_of(text, model), 0), f"{model[:100]} is no entry of a price list."))
        elif price_list.is_of_chat(model, entry):
            read_price = _price_of_entry(model, entry)
            if isinstance(read_price, Price):
                prices.append(ListedPrice(model, read_price))
            elif read_price:
                faults.append(Fault(next(_lines_of(text, model), 0), f"{model[:100]}: {read_price}"))
            without += read_price == ""
    if not prices and not faults:
        return _unreadable("The file has no price of a chat model.")
    return PriceFile(prices, faults, without)


def _price_of_entry(model: str, entry: dict[str, Any]) -> Price | str:
    """The price, or what is wrong with it; "" if the entry has none."""
    try:
        price = price_list.price_of_entry(model, entry)
    except NO_FIGURE:
        return "one of its figures is no number."
    return "" if price is None else _complaint(model, price) or price


def _complaint(model: str, price: Price) -> str:
    if not model or len(model) > MAX_MODEL_CHARS or not is_storable(model) or len(model.split()) != 1:
        return f"A model's id has no blanks and at most {MAX_MODEL_CHARS} characters."
    for name, complaint in figure_complaints(fields_of(price) | fees_of(price)):
        return f"{TITLES[name]}: {complaint}"
    return tier_complaint(price.tiers)


def _lines_of(text: str, name: str) -> Iterator[int]:
    """The lines on which the name stands as that of an entry."""
    for found in re.finditer(re.escape(json.dumps(name)) + r"\s*:", text):
        yield text.count("\n", 0, found.start()) + 1


def _read_csv(text: str) -> PriceFile:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = rows.fieldnames or []
        if complaint := _columns_complaint(columns):
            return PriceFile([], [Fault(1, complaint)])
        read_lines = [(rows.line_num, _line(row)) for row in rows]
    except csv.Error as error:
        return PriceFile([], [Fault(rows.line_num, f"This is not CSV: {error}.")])
    faults = [Fault(line, one) for line, one in read_lines if isinstance(one, str)]
    found = [replace(one, line=line) for line, one in read_lines if isinstance(one, ListedPrice)]
    prices, more = _with_tiers(found)
    if not prices and not faults and not more:
        faults = [Fault(0, "The file has no price.")]
    return PriceFile(prices, sorted([*faults, *more], key=lambda fault: fault.line))


def _columns_complaint(columns: Any) -> str:
    names = [str(name).strip() for name in columns]
    if missing := [name for name in ("model", *NEEDED) if name not in names]:
        return f"The first line names the columns, and lacks {', '.join(missing)}. There may be: {', '.join(COLUMNS)}."
    if unknown := [name for name in names if name not in COLUMNS]:
        return f"There is no column {unknown[0][:60]!r}. There may be: {', '.join(COLUMNS)}."
    return "" if len(set(names)) == len(names) else "A column stands twice."


def _line(row: dict[Any, Any]) -> ListedPrice | str:
    """One line as a price of its own; those of longer prompts have ``above_tokens`` and become tiers later."""
    if None in row or None in row.values():
        return "This line has another number of fields than the first one."
    cells = {str(name).strip(): str(value).strip() for name, value in row.items()}
    figures: dict[str, Any] = {name: decimal_or_none(cells[name]) for name in FIGURES if cells.get(name)}
    if wrong := [name for name, figure in figures.items() if figure is None]:
        return f"{wrong[0]} is no number: {cells[wrong[0]][:40]!r}. Write it as 0.15, without a currency."
    if missing := [name for name in NEEDED if name not in figures]:
        return f"{missing[0]} is missing."
    try:
        above = int(cells.get("above_tokens") or 0)
        begins_at = moment(cells.get("begins_at", ""))
    except ValueError as error:
        return str(error) if "date" in str(error) else "above_tokens is no whole number."
    price = Price(**figures, above_tokens=above)
    return _complaint(cells["model"], price) or ListedPrice(cells["model"], price, begins_at=begins_at)


def moment(text: str) -> datetime | None:
    """A day, or a day and a time, in UTC unless it says otherwise; None for "". ``ValueError`` has words for people."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):  # 0001-01-01 of another zone is a day before the first
        raise ValueError(f"{text[:40]!r} is no date. Write it as 2026-12-01 or 2026-12-01T00:00Z.") from None


def _with_tiers(lines: list[ListedPrice]) -> tuple[list[ListedPrice], list[Fault]]:
    """The prices, each with the lines of its longer prompts as tiers, and what is wrong with those."""
    found = {}
    for one in lines:
        key = (one.model, one.begins_at)
        if not one.price.above_tokens and key not in found:
            found[key] = one
    faults = []
    for one in lines:
        base = found.get((one.model, one.begins_at))
        if base is not None and base.line == one.line:
            continue
        if not one.price.above_tokens and base is not None:
            faults.append(Fault(one.line, f"{one.model} has its price on line {base.line} already."))
        elif base is None:
            faults.append(Fault(one.line, f"{one.model}: there is no line with its price for ordinary prompts."))
        else:
            tier = Rates(
                **{name: getattr(one.price, name) for name in PRICE_FIELDS}, above_tokens=one.price.above_tokens
            )
            tiers = tuple(sorted((*base.price.tiers, tier), key=lambda tier: tier.above_tokens))
            if any(fees_of(one.price).values()):
                faults.append(Fault(one.line, "Fees stand on the line for ordinary prompts."))
            if complaint := tier_complaint(tiers):
                faults.append(Fault(one.line, complaint))
            found[one.model, one.begins_at] = replace(base, price=replace(base.price, tiers=tiers))
    return list(found.values()), faults
