"""What a file of runs says about each: stable columns, with the figures of the page and the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models.functions import Left

from runs.money import usd_text
from teams.texts.times import time_text

MAX_ERROR_CHARS = 2_000
READ = (
    *("pk", "crew__slug", "crew__name", "version__number", "state", "simulated", "metadata"),
    *("created_at", "started_at", "finished_at", "ended_ms", "spent_nusd", "unpriced_calls", "waste_nusd"),
    *("waste_unpriced", "prompt_tokens", "cached_prompt_tokens", "cache_write_tokens", "completion_tokens"),
    *("reasoning_tokens", "successful_requests", "created_by__name", "created_by__email", "error_code", "error_text"),
)
"""What is read of a run's row."""
COMPUTED = {"error_text": Left("error", MAX_ERROR_CHARS + 1)}

Value = Callable[[Any], Any]


def _cost(row: Any) -> str | None:
    return None if row.unpriced_calls else usd_text(row.spent_nusd)


def _waste(row: Any) -> str | None:
    return None if row.waste_unpriced else usd_text(row.waste_nusd)


def _error(row: Any) -> str:
    text: str = row.error_text
    return text if len(text) <= MAX_ERROR_CHARS else f"{text[: MAX_ERROR_CHARS - 1]}…"


COLUMNS: Mapping[str, Value] = {
    "run": lambda row: str(row.pk),
    "crew": lambda row: row.crew__slug,
    "crew_name": lambda row: row.crew__name,
    "version": lambda row: row.version__number,
    "state": lambda row: row.state,
    "simulated": lambda row: row.simulated,
    "launched_at": lambda row: time_text(row.created_at),
    "started_at": lambda row: time_text(row.started_at),
    "finished_at": lambda row: time_text(row.finished_at),
    "seconds": lambda row: None if row.ended_ms < 0 else row.ended_ms / 1000,
    "cost_usd": _cost,
    "known_cost_usd": lambda row: usd_text(row.spent_nusd),
    "unpriced_calls": lambda row: row.unpriced_calls,
    "prompt_tokens": lambda row: row.prompt_tokens,
    "cached_prompt_tokens": lambda row: row.cached_prompt_tokens,
    "cache_write_tokens": lambda row: row.cache_write_tokens,
    "completion_tokens": lambda row: row.completion_tokens,
    "reasoning_tokens": lambda row: row.reasoning_tokens,
    "total_tokens": lambda row: row.prompt_tokens + row.completion_tokens,
    "calls": lambda row: row.successful_requests,
    "waste_usd": _waste,
    "by": lambda row: row.created_by__name or row.created_by__email or "",
    "tags": lambda row: row.metadata,
    "error_code": lambda row: row.error_code or None,
    "error": lambda row: _error(row) or None,
}
"""Money is decimal text in USD, None where the price of some call is unknown; ``known_cost_usd`` is what the others
cost. ``seconds`` is exact to the millisecond and None of a run that has not ended or was never begun; times are ISO
8601 in UTC; ``tags`` is the JSON object that was given at the launch. Columns are added at the end, and never renamed.
"""
