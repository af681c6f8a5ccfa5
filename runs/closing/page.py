"""What the page of a closed bill shows: its frozen head in the order in which an accountant reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from engine.text import counted
from runs.closing.details import LABEL_TITLE
from runs.closing.document import head_of
from runs.closing.rates import Rate
from runs.models import ClosedBill, ClosedLine
from runs.money import to_nusd
from runs.templatetags.money import exactly
from runs.words import WORDS

MOST_ROWS = 60
"""Rows of a table; the others are in the files."""
NONE = "none"
UNPRICED = "unpriced"
TITLES: Mapping[str, str] = {
    "crew": "Crews",
    "version": "Versions",
    "agent": "Agents",
    "model": "Models",
    "provider_key": "Provider keys",
    "person": "People",
    "api_token": "API tokens",
    "batch": "Batches",
    "day": "Days",
    "cost_class": "Cost classes",
}


@dataclass(frozen=True, slots=True)
class Row:
    """``amount`` is in USD with nine decimals, ``other`` in the second currency. Where some calls have no known price,
    the amount is a lower bound and says so; where none has, it is "unpriced"."""

    name: str
    calls: int
    amount: str
    other: str = ""
    counter_lines: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """``left_out``: what the table does not show, in words; "" if it shows all."""

    title: str
    rows: Sequence[Row]
    left_out: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A closed bill as its page shows it."""

    head: Mapping[str, Any]
    closed_at: datetime
    total: str
    calls: str
    counter: str
    other_total: str
    positions: Sequence[tuple[Row, Mapping[str, Any]]]
    left_out: str
    tables: Sequence[Table]
    waste: Sequence[tuple[Row, Mapping[str, Any]]]
    wasted: str
    counter_lines: Sequence[tuple[Row, Mapping[str, Any]]]
    more_counter_lines: int
    prices: Sequence[Mapping[str, Any]]
    sha256: str


def shown(bill: ClosedBill, rate: Rate | None = None) -> Shown:
    """The page's content, from the frozen texts alone."""
    head = head_of(bill)
    positions = [(_row(one, _name("crew", one | {"name": one["crew"]}), rate), one) for one in head["positions"]]
    waste = [(_row(one, WORDS.get(one["reason"], one["reason"]), rate), one) for one in head["waste"]]
    counter_lines = [(_row(one, one["call"], rate), one) for one in _counter_lines(bill)]
    return Shown(
        head=head,
        closed_at=bill.closed_at,
        total=exact(head["total_usd"]),
        calls=exact(head["calls_usd"]),
        counter=exact(head["counter_lines_usd"]),
        other_total=rate.shown(head["total_usd"]) if rate else "",
        positions=positions[:MOST_ROWS],
        left_out=_left_out(head["positions"]),
        tables=list(_tables(head["by"], rate)),
        waste=waste,
        wasted=exact(str(sum((Decimal(one["known_cost_usd"]) for one in head["waste"]), Decimal(0)))),
        counter_lines=counter_lines,
        more_counter_lines=head["counter_lines"] - len(counter_lines),
        prices=[price | {"fees": _fees(price)} for price in head["prices"]],
        sha256=bill.sha256,
    )


def exact(usd: str) -> str:
    """A decimal text in USD with all nine decimals, so that a column adds up: "1,234.500000000"."""
    return exactly(to_nusd(Decimal(usd)))


def _tables(by: Mapping[str, Sequence[Mapping[str, Any]]], rate: Rate | None) -> Iterator[Table]:
    for name, rows in by.items():
        if name == "waste":  # has a table of its own, with its runs
            continue
        title = f"Label “{name.removeprefix(LABEL_TITLE)}”" if name.startswith(LABEL_TITLE) else TITLES[name]
        named = [_row(one, _name(name, one), rate) for one in rows[:MOST_ROWS]]
        if rows and not (len(rows) == 1 and rows[0]["name"] is None):
            yield Table(title, named, _left_out(rows))


def _fees(price: Mapping[str, Any]) -> str:
    """What besides the usual tokens was priced, and for which prompts, in words."""
    words = {
        "cache_write_usd_per_mtok": "cache written {}",
        "reasoning_usd_per_mtok": "reasoning {}",
        "citation_usd_per_mtok": "citations {}",
        "request_usd": "{} a request",
        "search_usd": "{} a search",
        "second_usd": "{} a second",
    }
    parts = [f"prompts above {price['above_tokens']:,} tokens"] if price["above_tokens"] else []
    parts += [word.format(price[name]) for name, word in words.items() if price[name] is not None]
    if price["booked_as_stated"]:
        parts.append(f"{counted(price['booked_as_stated'], 'call')} booked at what the provider stated")
    return "; ".join(parts)


def _name(dimension: str, row: Mapping[str, Any]) -> str:
    if "values" in row:
        return counted(row["values"], "other")
    name: str | None = row["name"]
    if name is None:
        return f"without {dimension.removeprefix(LABEL_TITLE)}" if dimension.startswith(LABEL_TITLE) else NONE
    return WORDS.get(name, name) if dimension == "cost_class" else name


def _row(one: Mapping[str, Any], name: str, rate: Rate | None) -> Row:
    usd, counter_lines = one["known_cost_usd"], one.get("counter_lines", 0)
    unpriced = one["cost_usd"] is None
    if unpriced and not Decimal(usd):
        return Row(name, one.get("calls", 1), UNPRICED, counter_lines=counter_lines)
    amount = f"≥\u2009{exact(usd)}" if unpriced else exact(usd)
    return Row(name, one.get("calls", 1), amount, rate.shown(usd) if rate else "", counter_lines)


def _counter_lines(bill: ClosedBill) -> list[dict[str, Any]]:
    lines = ClosedLine.objects.filter(bill=bill, is_counter_line=True).order_by("position")
    return [json.loads(text) for text in lines.values_list("text", flat=True)[:MOST_ROWS]]


def _left_out(rows: Sequence[Mapping[str, Any]]) -> str:
    count = sum(row.get("values", 1) for row in rows)
    return "" if count <= MOST_ROWS else f"The first {MOST_ROWS} of {counted(count, 'row')}. All are in the files."
