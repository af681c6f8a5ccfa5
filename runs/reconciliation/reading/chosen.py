"""CSV with any columns: which of them says what is proposed by its name, and decided by a person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import islice

from runs.reconciliation.reading.cells import Writing, amount, day_of, mark_of, order_of, tokens
from runs.reconciliation.reading.lines import Line, Statement, Unreadable
from runs.reconciliation.reading.table import Table

CHOSEN = "csv"
SNIFFED_ROWS = 2_000
HINTS: Mapping[str, Sequence[str]] = {
    "day": (
        "day",
        "date",
        "usage_date",
        "usage_date_utc",
        "timestamp",
        "start_time",
        "start_time_iso",
        "time",
        "period",
    ),
    "model": ("model", "model_id", "model_name", "model_version", "slug", "model_permaslug", "deployment", "name"),
    "key": ("api_key_name", "api_key", "api_key_id", "key", "key_name", "key_id", "app_name"),
    "prompt": ("input_tokens", "prompt_tokens", "tokens_prompt", "n_context_tokens_total", "tokens_in", "input"),
    "cached": ("cached_tokens", "input_cached_tokens", "cache_read_tokens", "cache_read_input_tokens", "tokens_cached"),
    "cache_write": ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens"),
    "completion": (
        *("output_tokens", "completion_tokens", "tokens_completion", "n_generated_tokens_total", "tokens_out"),
        "output",
    ),
    "requests": ("requests", "num_model_requests", "n_requests", "request_count", "calls"),
    "cost": ("cost_usd", "cost_in_major", "amount_usd", "cost", "amount", "usage", "cost_total", "total_cost", "spend"),
}
"""Names of columns as they are met, the likeliest first; in the spelling of ``Table.names``."""
COUNTS = ("prompt", "cached", "cache_write", "completion", "requests")
CENTS, DOLLARS = "cents", "usd"
APART = "apart"
"""Said of cached tokens that the count of the prompt does not include."""


def head_digest(head: Sequence[str]) -> str:
    """Under which a team's choice for these columns is remembered."""
    return hashlib.sha256("\x1f".join(head).encode()).hexdigest()


def proposed(names: Sequence[str]) -> dict[str, int]:
    """The column of each meaning that a name tells, by its place from 0."""
    found: dict[str, int] = {}
    for meaning, hints in HINTS.items():
        place = next((names.index(hint) for hint in hints if hint in names), None)
        if place is not None and place not in found.values():
            found[meaning] = place
    return found


def writing_of(
    rows: Iterable[Sequence[str]], figures: Sequence[int], days: Sequence[int], mark: str, order: str
) -> Writing:
    """How figures and days are written: as a person says, else as the rows tell. ``Unreadable`` if they do not."""
    looked_at = list(islice(rows, SNIFFED_ROWS))
    said_mark = mark or mark_of(row[place] for row in looked_at for place in figures)
    if said_mark is None:
        raise Unreadable(
            "Its figures, such as “1,234”, may be thousands or have decimals. Say below what the comma is."
        )
    said_order = order or order_of(row[place] for row in looked_at for place in days)
    if said_order is None:
        raise Unreadable("Its days, such as 03/04/2026, may begin with the day or the month. Say below which.")
    return Writing(said_mark, said_order)  # type: ignore[arg-type]


def read_chosen(table: Table, columns: Mapping[str, int], choice: Mapping[str, str]) -> Statement:
    """``columns``: the place of each meaning in ``HINTS``. ``choice``: ``amounts_in`` and ``cached_tokens``."""
    _look_at(table, columns)
    figures = [columns[name] for name in (*COUNTS, "cost") if name in columns]
    rows = (row for _, row in table.rows)
    writing = writing_of(rows, figures, [columns["day"]], choice.get("mark", ""), choice.get("order", ""))
    read = Statement(CHOSEN)
    decimals = 0
    for place, row in table.rows:
        with read.at(place):
            counts = {name: tokens(row[columns[name]], writing.mark) for name in COUNTS if name in columns}
            usd = amount(row[columns["cost"]], writing.mark) if "cost" in columns else None
            if usd is not None:
                decimals = max(decimals, -int(usd.normalize().as_tuple().exponent))
                usd = usd / 100 if choice.get("amounts_in") == CENTS else usd
            day = day_of(row[columns["day"]], writing.order)
            texts = {name: row[columns[name]].strip() for name in ("model", "key") if name in columns}
            read.add(Line(place, day, **texts, **_whole(counts, columns, choice), usd=usd))  # type: ignore[arg-type]
    if "cost" in columns and decimals <= 4:
        read.rounded_to = Decimal(10) ** -(decimals + 2 * (choice.get("amounts_in") == CENTS))
    return read


def _whole(counts: Mapping[str, int | None], columns: Mapping[str, int], choice: Mapping[str, str]) -> dict[str, int]:
    """The counts with a prompt that includes what was cached. Empty cells are 0."""
    whole = {name: count or 0 for name, count in counts.items()}
    if not {"prompt", "completion"} & columns.keys():
        return {"requests": whole["requests"]} if "requests" in whole else {}
    apart = whole.get("cached", 0) + whole.get("cache_write", 0) if choice.get("cached_tokens") == APART else 0
    kinds = dict.fromkeys(("prompt", "cached", "cache_write", "completion"), 0)
    return kinds | whole | {"prompt": whole.get("prompt", 0) + apart}


def _look_at(table: Table, columns: Mapping[str, int]) -> None:
    if "day" not in columns:
        raise Unreadable("Say which column has the day.")
    if not {"cost", "prompt", "completion"} & columns.keys():
        raise Unreadable("Say which column has the cost, or which have the tokens.")
    if len(set(columns.values())) < len(columns):
        raise Unreadable("One column is chosen for two meanings.")
    if max(columns.values()) >= len(table.head):
        raise Unreadable("A column is chosen that the file does not have.")
