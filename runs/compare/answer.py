"""A comparison as the API answers it: the same figures as the page's, exact."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from runs.compare import sentences
from runs.compare.comparison import Against, Comparison, TaskCell, TaskRow
from runs.compare.figures import cost_of, span_of, took_of
from runs.money import usd_text
from runs.ratings.schemas import RatingMean
from runs.splits.cells import Part
from runs.splits.facts import Side, Spread
from runs.splits.interval import Difference
from runs.splits.stars import PARTS


def answer(comparison: Comparison) -> dict[str, Any]:
    """What ``schemas.ComparisonOut`` describes."""
    told = [_sentence(comparison, one) for one in comparison.against]
    intervals: list[Against | None] = [None, *comparison.against]
    return {
        "baseline": comparison.baseline.id if comparison.baseline else None,
        "columns": [_column(side, one) for side, one in zip(comparison.sides, intervals, strict=False)],
        "tasks": [_task(row) for row in comparison.tasks],
        "why_cost": [_why_cost(comparison, one) for one in comparison.against],
        "why_time": [_why_time(one) for one in comparison.against],
        "sentence": " ".join(told),
        "sentences": told,
        "problems": [{"what": problem.what, "why": problem.why} for problem in comparison.problems],
        "mixes_simulated_and_real": comparison.mixes_kinds,
    }


def _sentence(comparison: Comparison, one: Against) -> str:
    told = [sentences.of_cost(comparison, one), sentences.of_time(comparison, one)]
    text = " ".join(sentence.text for sentence in told if sentence)
    return f"{one.side.label}: {text}" if len(comparison.against) > 1 else text


def _usd(value: Fraction) -> str:
    return usd_text(round(value)) or "0"


def _column(side: Side, one: Against | None) -> dict[str, Any]:
    totals, cost, took, span = side.totals, cost_of(side), took_of(side), span_of(side)
    return {
        "id": side.id,
        "label": side.label,
        "kind": "group" if side.is_group else "run",
        "runs": side.runs,
        "simulated": side.simulated,
        "cost_usd": None if totals.unpriced_calls and not cost else _usd(cost),
        "duration_ms": None if took is None else round(took),
        "total_ms": None if span is None else round(span),
        "usage": {
            "total_tokens": _mean(side, totals.total_tokens),
            "prompt_tokens": _mean(side, totals.prompt_tokens),
            "cached_prompt_tokens": _mean(side, totals.cached_prompt_tokens),
            "completion_tokens": _mean(side, totals.completion_tokens),
            "reasoning_tokens": _mean(side, totals.reasoning_tokens),
            "successful_requests": _mean(side, totals.requests),
            "cost_usd": None if totals.unpriced_calls else _usd(cost),
        },
        "unpriced_calls": totals.unpriced_calls,
        "waste_usd": _usd(side.mean(side.waste_nusd)),
        "rating": _rating(side, one),
        "cost": _spread(side.cost, one.cost_interval if one else None, _usd),
        "duration": _spread(side.time, one.time_interval if one else None, round),
        "notes": list(side.notes),
    }


def _rating(side: Side, one: Against | None) -> dict[str, Any] | None:
    mean = RatingMean.of(side.totals.rating_sum, side.totals.rating_count)
    if mean is None:
        return None
    interval = _interval(one.rating_interval if one else None, lambda parts: round(float(parts) / PARTS, 3))
    return {"mean": mean.mean, "count": mean.count, "interval": interval}


def _mean(side: Side, total: int) -> float:
    return float(side.mean(total))


def _spread(
    spread: Spread | None, interval: Difference | None, written: Callable[[Fraction], Any]
) -> dict[str, Any] | None:
    if spread is None:
        return None
    return {
        "runs": spread.sample.count,
        "median": written(spread.sample.median),
        "p95": written(Fraction(spread.p95)),
        "interval": _interval(interval, written),
    }


def _interval(interval: Difference | None, written: Callable[[Fraction], Any]) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {
        "low": None if interval.low is None else written(Fraction(interval.low)),
        "high": None if interval.high is None else written(Fraction(interval.high)),
        "clear": interval.is_clear,
        "more_runs": interval.more,
    }


def _task(row: TaskRow) -> dict[str, Any]:
    cells = [None if cell is None else _cell(cell) for cell in row.cells]
    return {"key": row.key, "name": row.name, "aligned": list(row.how), "cells": cells}


def _cell(cell: TaskCell) -> dict[str, Any]:
    return {
        "key": cell.task.key,
        "cost_usd": usd_text(cell.cost_nusd),
        "unpriced_calls": cell.unpriced_calls,
        "duration_ms": cell.duration_ms,
        "prompt_tokens": cell.tokens["prompt"],
        "cached_prompt_tokens": cell.tokens["cached"],
        "cache_write_tokens": cell.tokens["cache_write"],
        "completion_tokens": cell.tokens["completion"],
        "calls": float(cell.calls),
        "models": list(cell.models),
    }


def _why_cost(comparison: Comparison, one: Against) -> dict[str, Any]:
    assert comparison.baseline is not None
    return {
        "column": one.side.id,
        "difference_usd": usd_text(one.cost.difference),
        "parts": [{**_reason(part), "usd": usd_text(part.amount)} for part in one.cost.parts],
        "unpriced_calls": [side.totals.unpriced_calls for side in (comparison.baseline, one.side)],
    }


def _why_time(one: Against) -> dict[str, Any]:
    return {
        "column": one.side.id,
        "difference_ms": one.time.difference if one.time else None,
        "parts": [{**_reason(part), "ms": part.amount} for part in one.time.parts] if one.time else [],
    }


def _reason(part: Part) -> dict[str, Any]:
    reason = part.reason
    return {
        "task": reason.task,
        "model": reason.model,
        "model_before": reason.model_before,
        "reason": reason.what,
    }
