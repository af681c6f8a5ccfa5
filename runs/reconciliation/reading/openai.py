"""Exports of OpenAI: usage and costs from its dashboard, and the JSON of its usage and costs API.

Days are in UTC. ``input_tokens`` includes cached ones. Amounts are dollars with many decimals. What costs is named by a
line item, "gpt-4o-mini-2024-07-18, cached input", and without a comma where it is no tokens: "web search tool calls".
``docs/reconciliation.md`` says where that is from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from runs.reconciliation.reading.cells import Writing, amount, day_of, tokens
from runs.reconciliation.reading.lines import Line, Statement, Unclear, quoted
from runs.reconciliation.reading.table import Row, Table

USAGE, COSTS = "openai_usage", "openai_costs"
BUCKET = frozenset({"start_time", "end_time"})
DIRECTIONS = {
    "input": "prompt",
    "input_tokens": "prompt",
    "cached input": "cached",
    "input_cached_tokens": "cached",
    "cache writes": "cache_write",
    "output": "completion",
    "output_tokens": "completion",
}
COUNTED = ("organization.usage.completions.result", "organization.usage.embeddings.result")
COST_RESULT = "organization.costs.result"

_ITEM = re.compile(r"(?:\w+ \| )?(?P<model>[^,|]+), (?P<what>[^,]+)(?:, long context)?")


FIGURES = (
    *("input_tokens", "output_tokens", "input_cached_tokens", "num_model_requests", "amount_value", "quantity"),
    "input_cache_write_tokens",
)
DAYS = ("start_time", "end_time")


def is_usage(names: frozenset[str]) -> bool:
    return names >= BUCKET and ("input_tokens" in names or names <= BUCKET | {"start_time_iso", "end_time_iso"})


def is_costs(names: frozenset[str]) -> bool:
    return names >= BUCKET and "amount_value" in names


def read_usage(table: Table, writing: Writing) -> Statement:
    read = Statement(USAGE, "openai")
    for place, row in table.rows:
        with read.at(place):
            day = _day_of_bucket(table, row, writing)
            read.days.add(day)
            if not table.cell(row, "input_tokens", "output_tokens", "num_model_requests"):
                continue  # a day on which nothing was used

            def count(name: str, row: Row = row) -> int:
                return tokens(table.cell(row, name), writing.mark) or 0

            _look_for_sound(read, count)
            read.add(
                Line(
                    place,
                    day,
                    table.cell(row, "model"),
                    table.cell(row, "api_key_id"),
                    in_batch=table.cell(row, "batch").casefold() in ("true", "1", "yes"),
                    prompt=count("input_tokens"),
                    cached=count("input_cached_tokens"),
                    cache_write=count("input_cache_write_tokens"),
                    completion=count("output_tokens"),
                    requests=count("num_model_requests"),
                )
            )
    return read


def read_costs(table: Table, writing: Writing) -> Statement:
    read = Statement(COSTS, "openai", tells_batches=False)
    for place, row in table.rows:
        with read.at(place):
            day = _day_of_bucket(table, row, writing)
            read.days.add(day)
            usd = amount(table.cell(row, "amount_value"), writing.mark)
            if usd is None:
                continue
            _look_at_currency(table.cell(row, "amount_currency"))
            count = None
            if table.cell(row, "quantity_unit").casefold() == "tokens":
                count = tokens(table.cell(row, "quantity"), writing.mark)
            item, key = table.cell(row, "line_item"), table.cell(row, "api_key_id")
            read.add(_cost_line(Line(place, day, key=key, usd=usd), item, count))
    return read


def read_result(read: Statement, place: int, bucket: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """One result of a bucket of the API's JSON. Raises ``Unclear``."""
    day, kind = day_of(str(bucket["start_time"])), str(result.get("object", ""))
    key = str(result.get("api_key_id") or "")
    if kind == COST_RESULT:
        money = result.get("amount")
        if not isinstance(money, dict):
            raise Unclear("Its amount is missing")
        _look_at_currency(str(money.get("currency") or "usd"))
        usd = amount(str(money.get("value", "")))
        if usd is not None:
            read.add(_cost_line(Line(place, day, key=key, usd=usd), str(result.get("line_item") or ""), None))
        return
    if kind not in COUNTED:
        read.left_out[f"results of the kind {quoted(kind)}"] += 1
        return

    def count(name: str) -> int:
        return tokens(str(result.get(name) or 0)) or 0

    _look_for_sound(read, count)
    read.add(
        Line(
            place,
            day,
            str(result.get("model") or ""),
            key,
            in_batch=result.get("batch") is True,
            prompt=count("input_tokens"),
            cached=count("input_cached_tokens"),
            cache_write=count("input_cache_write_tokens"),
            completion=count("output_tokens"),
            requests=count("num_model_requests"),
        )
    )


def _cost_line(line: Line, item: str, count: int | None) -> Line:
    """``count``: of tokens, where the export tells them."""
    match = _ITEM.fullmatch(item)
    if not item:
        return line
    if match is None or " " in match["model"].strip():
        return _changed(line, item=item)
    kind = DIRECTIONS.get(match["what"].strip())
    if kind is None:
        return _changed(line, model=match["model"].strip(), item=item)
    counts: dict[str, Any] = {}
    if count is not None:
        counts = dict.fromkeys(("prompt", "cached", "cache_write", "completion"), 0) | {kind: count}
        if kind in ("cached", "cache_write"):
            counts["prompt"] = count
    return _changed(line, model=match["model"].strip(), **counts)


def _changed(line: Line, **fields: Any) -> Line:
    return Line(**({name: getattr(line, name) for name in Line.__slots__} | fields))


def _day_of_bucket(table: Table, row: Row, writing: Writing) -> Any:
    begins = day_of(table.cell(row, "start_time", "start_time_iso"), writing.order)
    ends_text = table.cell(row, "end_time", "end_time_iso")
    if ends_text and day_of(ends_text, writing.order) > begins + timedelta(days=1):
        raise Unclear("It is about more than a day. Export by day")
    return begins


def _look_at_currency(currency: str) -> None:
    if currency.strip().casefold() not in ("usd", ""):
        raise Unclear(f"It is in {quoted(currency)}; calls are booked in US dollars")


def _look_for_sound(read: Statement, count: Any) -> None:
    if count("input_audio_tokens") or count("output_audio_tokens"):
        read.left_out["counts of audio tokens, beside which the counts of text stand"] += 1
