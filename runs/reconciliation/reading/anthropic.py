"""Exports of Anthropic: usage and cost from its console, and the JSON of its Admin API.

Days are in UTC. Prompts are told in parts: uncached, read from the cache, written to it. The console's amounts are
dollars rounded to cents; the API's are cents with decimals. ``docs/reconciliation.md`` says where that is from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from runs.reconciliation.reading.cells import Writing, amount, day_of, tokens
from runs.reconciliation.reading.lines import Line, Statement, Unclear, quoted
from runs.reconciliation.reading.table import Table

USAGE, COSTS = "anthropic_usage", "anthropic_costs"
CENT = Decimal("0.01")
DAY = "usage_date_utc"
WRITTEN = ("usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h", "usage_input_tokens_cache_write")
TOKENS = ("", "token", "tokens")
BATCH = "batch"
FIGURES = (
    *("usage_input_tokens_no_cache", "usage_input_tokens_cache_read", *WRITTEN, "usage_output_tokens"),
    *("web_search_count", "cost_usd"),
)
DAYS = (DAY,)


def is_usage(names: frozenset[str]) -> bool:
    return {DAY, "usage_output_tokens"} <= names


def is_costs(names: frozenset[str]) -> bool:
    return {DAY, "cost_usd"} <= names


def read_usage(table: Table, writing: Writing) -> Statement:
    read = Statement(USAGE, "anthropic")
    for place, row in table.rows:
        with read.at(place):
            day = day_of(table.cell(row, DAY), writing.order)
            cells = dict(zip(table.names, row, strict=True))

            def count(name: str, cells: Mapping[str, str] = cells) -> int:
                return tokens(cells.get(name, ""), writing.mark) or 0

            cached, cache_write = count("usage_input_tokens_cache_read"), sum(map(count, WRITTEN))
            read.add(
                Line(
                    place,
                    day,
                    table.cell(row, "model_version", "model"),
                    table.cell(row, "api_key", "api_key_id"),
                    in_batch=table.cell(row, "usage_type") == BATCH,
                    prompt=count("usage_input_tokens_no_cache") + cached + cache_write,
                    cached=cached,
                    cache_write=cache_write,
                    completion=count("usage_output_tokens"),
                )
            )
            _look_for_searches(read, count("web_search_count"))
    return read


def read_costs(table: Table, writing: Writing) -> Statement:
    read = Statement(COSTS, "anthropic", rounded_to=CENT)
    for place, row in table.rows:
        with read.at(place):
            day = day_of(table.cell(row, DAY), writing.order)
            read.days.add(day)
            usd = amount(table.cell(row, "cost_usd"), writing.mark)
            if usd is None:
                raise Unclear("Its cost is missing")
            if usd != usd.quantize(CENT):
                read.rounded_to = Decimal(0)
            kind = table.cell(row, "cost_type").casefold()
            read.add(
                Line(
                    place,
                    day,
                    model_of(table.cell(row, "model", "model_version")),
                    table.cell(row, "api_key", "api_key_id"),
                    item="" if kind in TOKENS else _item(kind),
                    in_batch=table.cell(row, "usage_type") == BATCH,
                    usd=usd,
                )
            )
    return read


def read_result(read: Statement, place: int, bucket: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """One result of a bucket of the Admin API's JSON. Raises ``Unclear``."""
    day = day_of(str(bucket["starting_at"]))
    if "amount" in result:
        _read_cost(read, place, day, result)
        return
    if "output_tokens" not in result:
        read.left_out["results without tokens and without an amount"] += 1
        return
    written, searched = result.get("cache_creation") or {}, result.get("server_tool_use") or {}
    if not isinstance(written, dict) or not isinstance(searched, dict):
        raise Unclear("Its cache_creation or server_tool_use is no object")
    cache_write = sum(_count(written)(name) for name in written)
    count = _count(result)
    cached = count("cache_read_input_tokens")
    read.add(
        Line(
            place,
            day,
            str(result.get("model") or ""),
            str(result.get("api_key_id") or ""),
            in_batch=result.get("service_tier") == BATCH,
            prompt=count("uncached_input_tokens") + cached + cache_write,
            cached=cached,
            cache_write=cache_write,
            completion=count("output_tokens"),
        )
    )
    _look_for_searches(read, _count(searched)("web_search_requests"))


def model_of(shown: str) -> str:
    """The console's costs name models for people: ``claude-haiku-4-5`` for "Claude Haiku 4.5"."""
    return re.sub(r"[\s.]+", "-", shown.casefold()) if " " in shown else shown


def _read_cost(read: Statement, place: int, day: date, result: Mapping[str, Any]) -> None:
    if (currency := str(result.get("currency") or "USD")).upper() != "USD":
        raise Unclear(f"It is in {quoted(currency)}; calls are booked in US dollars")
    cents = amount(str(result["amount"]))
    if cents is None:
        raise Unclear("Its amount is missing")
    kind = str(result.get("cost_type") or "")
    line = {"in_batch": result.get("service_tier") == BATCH, "usd": cents / 100}
    read.add(
        Line(place, day, str(result.get("model") or ""), item="" if kind in TOKENS else _item(kind), **line)  # type: ignore[arg-type]
    )


def _count(of: Mapping[str, Any]) -> Callable[[str], int]:
    return lambda name: tokens(str(of.get(name) or 0)) or 0


def _item(kind: str) -> str:
    return kind.replace("_", " ")


def _look_for_searches(read: Statement, searches: int) -> None:
    if searches:
        read.left_out["counts of web searches, whose cost stands in the cost export"] += 1
