"""The lines of a closed bill as CSV: made from the frozen texts, so its bytes never change either."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from runs.closing.document import line_texts
from runs.closing.lines import AMOUNTS, COUNTS, TOKENS, in_usd
from runs.closing.rates import Rate
from runs.models import ClosedBill
from teams.texts.spreadsheets import csv_text, safe

UNPRICED = "unpriced"
COLUMNS = (
    *("kind", "day", "crew", "crew_slug", "version", "person", "person_email", "api_token", "labels"),
    *("agent", "model", "provider_key", "call_kind", "cost_class", "run_state", *COUNTS, *TOKENS),
    *("cost_usd", "known_cost_usd", *(in_usd(name) for name in AMOUNTS)),
    *("of_month", "of_bill", "made_at", "run", "call", "booked_usd", "exact_usd", "batch", "batch_id"),
)
"""``known_cost_usd`` sums to the bill's total. What does not apply to a line is empty; an amount that nobody knows is
"unpriced". Columns are added at the end, and never renamed."""
ALWAYS = ("bill", "month")
MAY_BE_UNKNOWN = ("cost_usd", "booked_usd", "exact_usd")


def csv_lines(bill: ClosedBill, rate: Rate | None = None) -> Iterator[str]:
    """The file, line by line. With a rate, a last column says each amount in the other currency and at which rate."""
    other = [f"known_cost_in_{rate.currency}_at_{rate.rate:f}"] if rate else []
    yield csv_text([[*ALWAYS, *COLUMNS, *other]])
    for text in line_texts(bill):
        line = json.loads(text)
        converted = [rate.exactly(line["known_cost_usd"])] if rate else []
        yield csv_text([[bill.number, f"{bill.month:%Y-%m}", *(_cell(line, name) for name in COLUMNS), *converted]])


def _cell(line: Mapping[str, Any], name: str) -> Any:
    if name not in line:
        return ""
    value = line[name]
    if value is None:
        return UNPRICED if name in MAY_BE_UNKNOWN else ""
    if name == "labels":
        return json.dumps(value, ensure_ascii=False) if value else ""
    is_text = isinstance(value, str) and not name.endswith("_usd")
    return safe(value) if is_text else value
