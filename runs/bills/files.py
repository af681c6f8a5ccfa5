"""The list of months, a month's lines, whom it is charged to, and usage of some days, as CSV: exact, and safe to open
in a spreadsheet. The page's download and the API's CSV are the same text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from runs.bill_sums.dimensions import DIMENSIONS, LABEL, PART
from runs.bill_sums.months import label_names
from runs.bill_sums.sums import PARTS, Sums
from runs.bills.asked import Asked
from runs.bills.bounds import one_answer
from runs.bills.charges import Charges
from runs.bills.lines import Line, Lines
from runs.bills.months import MonthLine
from runs.bills.page import charged
from runs.money import usd_text
from teams.access import Principal
from teams.refusals import Invalid
from teams.texts.spreadsheets import csv_text, safe
from teams.texts.times import time_text

COUNTS = (
    *("calls", "successful_requests", "unpriced_calls", "estimated_calls", "prompt_tokens", "cached_prompt_tokens"),
    *("cache_write_tokens", "completion_tokens", "reasoning_tokens"),
)
MONEY = ("spent_nusd", *(f"{part}_nusd" for part in PARTS), "moved_nusd", "saved_nusd", "cache_saved_nusd")
"""Columns of sums. Money is written in USD, under the names without ``_nusd``."""
OF_PARTS = ("spent_usd", "unpriced_calls")
"""The columns of a division by part: the rest is of calls, which have many parts."""
PLAIN = ("day", "model", "credential", "waste", "kind", "class")
"""Dimensions whose code is what people read."""


def every_dimension(who: Principal) -> tuple[str, ...]:
    """What a file of all lines is divided by: all dimensions, and the labels that are used most."""
    return (*DIMENSIONS, *(f"{LABEL}{name}" for name in label_names(who)))


def lines(
    who: Principal, month: date, by: Sequence[str], only: Mapping[str, str], *, simulated: bool, field: str = "by"
) -> str:
    """The month's lines by these dimensions; without one by ``every_dimension``. ``Invalid``, which names ``field``, if
    there are more than ``MOST_LINES``."""
    with one_answer():
        by = by or every_dimension(who)
        found = Lines(who, month, simulated, only).every(*by, field=field)
    return lines_csv(f"{month:%Y-%m}", simulated, by, found)


def charges(who: Principal, month: date, asked: Asked, *, simulated: bool) -> str:
    """Whom the month is charged to. ``Invalid`` if the address does not say over what."""
    if not asked.over:
        raise Invalid("Say over what the month is charged.", fields={"over": "Give label:NAME, person or token."})
    with one_answer():
        found = charged(Lines(who, month, simulated, asked.only), asked)
    return charges_csv(month, simulated, asked.over, found)


def lines_csv(month: str, simulated: bool, by: Sequence[str], lines: Sequence[Line]) -> str:
    """``month``: as in an address, as 2026-11; of usage its first day and the first that is not in it, with "/" between
    them: the column is called month for both."""
    heads = [head for name in by for head in _heads(name)]
    money = [f"{name.removesuffix('_nusd')}_usd" for name in MONEY]
    of_part = PART in by
    columns = ["month", "simulated", *heads, *(OF_PARTS if of_part else (*COUNTS, *money))]
    shared = [month, "yes" if simulated else "no"]
    return csv_text([columns, *([*shared, *_values(by, line), *_figures(line.sums, of_part)] for line in lines)])


def months_csv(months: Sequence[MonthLine], *, simulated: bool) -> str:
    """The list of months. A budget is empty where there is none, and so is ``closed_at`` of an open month."""
    heads = ["month", "simulated", "state", "total_usd", "calls", "unpriced_calls", "budget_usd", "closed_at"]
    rows = [
        [
            f"{line.month:%Y-%m}",
            "yes" if simulated else "no",
            "closed" if line.closed_at else "open",
            usd_text(line.sums.spent_nusd),
            line.sums.calls,
            line.sums.unpriced_calls,
            usd_text(line.budget_nusd) or "",
            time_text(line.closed_at) if line.closed_at else "",
        ]
        for line in months
    ]
    return csv_text([heads, *rows])


def charges_csv(month: date, simulated: bool, over: str, charges: Charges) -> str:
    heads = ["month", "simulated", *_heads(over), "own_usd", "shared_usd", "rounding_usd", "charged_usd"]
    shared = [f"{month:%Y-%m}", "yes" if simulated else "no"]
    rows = [
        [
            *shared,
            *_written(over, row.value.code, row.value.name),
            usd_text(row.own_nusd) or "",
            usd_text(row.share_nusd) or "",
            usd_text(row.rounding_nusd) or "",
            _cents(row.cents),
        ]
        for row in charges.rows
    ]
    return csv_text([heads, *rows])


def _heads(name: str) -> list[str]:
    return [name] if name in PLAIN or name.startswith(LABEL) else [name, f"{name}_name"]


def _values(by: Sequence[str], line: Line) -> Iterator[str]:
    for name, value in zip(by, line.values, strict=True):
        yield from _written(name, value.code, value.name)


def _written(name: str, code: str, title: str) -> list[str]:
    return [safe(code)] if len(_heads(name)) == 1 else [safe(code), safe(title)]


def _figures(sums: Sums, of_part: bool) -> list[str]:
    if of_part:
        return [usd_text(sums.spent_nusd) or "", str(sums.unpriced_calls)]
    return [*(str(getattr(sums, name)) for name in COUNTS), *(usd_text(getattr(sums, name)) or "" for name in MONEY)]


def _cents(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
