"""Bills and usage as the API answers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from runs.bill_sums.counter_lines import MOST_COUNTER_LINES, CounterLine
from runs.bill_sums.dimensions import DIMENSIONS, LABEL
from runs.bill_sums.sums import Scope, Sums
from runs.bills.asked import Asked
from runs.bills.bounds import one_answer
from runs.bills.calls import Behind
from runs.bills.lines import Line, Lines
from runs.bills.months import MonthLine
from runs.bills.page import BillPage, page_of
from runs.bills.values import raw_of
from runs.models import ClosedBill
from teams.access import Principal, visible_to

MOST_LABELS = 10
MOST_VALUES = 1_000
"""Of a dimension; those beyond are one item without a code."""
REST = "all others"


def raw_only(who: Principal, only: Mapping[str, str]) -> dict[str, Any]:
    """The values as the ledger has them. ``Invalid`` for what there is not."""
    return {name: raw_of(who, name, code) for name, code in only.items()}


def usage(by: Sequence[str], scope: Scope, lines: Sequence[Line], whole: Sums) -> dict[str, Any]:
    items = [
        _sums(line.sums)
        | {
            "group": {name: value.code for name, value in zip(by, line.values, strict=True)},
            "names": {name: value.name for name, value in zip(by, line.values, strict=True)},
        }
        for line in lines
    ]
    return {
        "group_by": list(by),
        "since": str(scope.since),
        "until": str(scope.until),
        "simulated": scope.simulated,
        "items": items,
        "total": _sums(whole),
    }


def month(line: MonthLine, simulated: bool) -> dict[str, Any]:
    return _month(line.month, line.sums, simulated) | {
        "state": "closed" if line.closed_at else "open",
        "budget_usd": line.budget_nusd,
        "closed_at": line.closed_at,
    }


def bill(who: Principal, month: date, only: Mapping[str, str], *, simulated: bool) -> dict[str, Any]:
    lines = Lines(who, month, simulated, only)
    with one_answer():
        return _bill(who, lines, page_of(lines, Asked(only=only)))


def _bill(who: Principal, lines: Lines, page: BillPage) -> dict[str, Any]:
    month, standing = page.month, page.standing
    closed = visible_to(who, ClosedBill).filter(month=month).first() if page.closed_at else None
    labels = [name for name, _ in page.choices if name.startswith(LABEL)][:MOST_LABELS]
    return _month(month, page.total, page.simulated) | {
        "state": "closed" if standing and standing.closed_at else "open",
        "budget_usd": standing and standing.budget_nusd,
        "closed_at": standing and standing.closed_at,
        "usage": _tokens(page.total),
        "by": {name: _items(lines.by(name, most=MOST_VALUES), page.total) for name in (*DIMENSIONS, *labels)},
        "classes": _items(page.classes, page.total),
        "waste": [_item(line) for line in page.waste],
        "parts": [_part(line) for line in page.parts],
        "saved_usd": page.total.saved_nusd,
        "cache_saved_usd": page.total.cache_saved_nusd,
        "counter_lines_usd": page.total.moved_nusd,
        "counter_lines": [_counter_line(one) for one in lines.counter_lines(MOST_COUNTER_LINES)],
        "late": {
            "count": page.late.count,
            "booked_usd": page.late.booked_nusd,
            "exact_usd": page.late.cost_nusd,
        },
        "why": _why(page),
        "forecast": page.forecast,
        "number": closed and closed.number,
        "hash": closed and closed.sha256,
    }


def calls_behind(found: Behind) -> dict[str, Any]:
    """What ``schemas.BillCallList`` describes."""
    return {
        "total": _sums(found.sums),
        "calls_usd": found.calls_nusd,
        "items": found.page.items,
        "counter_lines": list(map(_counter_line, found.counter_lines)),
        "next": found.page.next,
    }


def _month(month: date, sums: Sums, simulated: bool) -> dict[str, Any]:
    return {
        "month": f"{month:%Y-%m}",
        "simulated": simulated,
        "total_usd": sums.spent_nusd,
        "calls": sums.calls,
        "unpriced_calls": sums.unpriced_calls,
    }


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        "calls": sums.calls,
        "unpriced_calls": sums.unpriced_calls,
        "usage": _tokens(sums),
        "cost_usd": sums.spent_nusd,
    }


def _tokens(sums: Sums) -> dict[str, int]:
    return {
        "prompt_tokens": sums.prompt_tokens,
        "cached_prompt_tokens": sums.cached_prompt_tokens,
        "cache_write_tokens": sums.cache_write_tokens,
        "completion_tokens": sums.completion_tokens,
        "reasoning_tokens": sums.reasoning_tokens,
        "successful_requests": sums.successful_requests,
        "total_tokens": sums.total_tokens,
    }


def _items(lines: Sequence[Line], whole: Sums) -> list[dict[str, Any]]:
    items = [_item(line) for line in lines]
    rest = {
        "calls": whole.calls - sum(item["calls"] for item in items),
        "unpriced_calls": whole.unpriced_calls - sum(item["unpriced_calls"] for item in items),
        "cost_usd": whole.spent_nusd - sum(item["cost_usd"] for item in items),
    }
    return [*items, {"code": "", "name": REST, **rest}] if any(rest.values()) else items


def _item(line: Line) -> dict[str, Any]:
    (value,) = line.values
    return {
        "code": value.code,
        "name": value.name,
        "calls": line.sums.calls,
        "unpriced_calls": line.sums.unpriced_calls,
        "cost_usd": line.sums.spent_nusd,
    }


def _part(line: Line) -> dict[str, Any]:
    unpriced = line.sums.unpriced_calls
    return {"part": line.values[0].code, "unpriced_calls": unpriced, "cost_usd": line.sums.spent_nusd}


def _counter_line(line: CounterLine) -> dict[str, Any]:
    return {
        "call": str(line.call_id),
        "run": str(line.run_id),
        "own_month": f"{line.own_month:%Y-%m}",
        "month": f"{line.month:%Y-%m}",
        "booked_usd": line.booked_nusd,
        "exact_usd": line.cost_nusd,
        "cost_usd": line.nusd,
        "made_at": line.made_at,
    }


def _why(page: BillPage) -> dict[str, Any] | None:
    if page.why is None:
        return None
    return {
        "month": f"{page.before_month:%Y-%m}",
        "before_usd": page.why.before_nusd,
        "difference_usd": page.why.difference_nusd,
        "parts": [
            {
                "crew": part.crew.code or None,
                "agent": part.reason.task,
                "model": part.reason.model,
                "model_before": part.reason.model_before,
                "reason": part.reason.what,
                "usd": part.nusd,
            }
            for part in page.why.parts
        ],
    }
