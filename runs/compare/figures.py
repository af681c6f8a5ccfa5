"""The table of figures: what each side cost, took and used, and how that differs from the baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from runs.compare.comparison import Against, Comparison
from runs.compare.words import ABOUT, NOTHING, money, number, percent, seconds, signed
from runs.splits.facts import Side, Spread
from runs.splits.interval import Difference

Read = Callable[[Side], "Fraction | int | None"]
Interval = Callable[[Against], "Difference | None"]


@dataclass(frozen=True, slots=True)
class Delta:
    """Other minus baseline. ``better``: None where that cannot be told, or makes nothing better or worse."""

    amount: Fraction
    text: str  # with its sign
    share: str  # in percent of the baseline, or ""
    better: bool | None
    is_noise: bool  # of groups: the interval of the medians holds 0, or there are too few runs
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. ``values`` are of all sides, the baseline first; ``deltas`` of the others. None is unknown."""

    key: str
    title: str
    unit: str  # "nusd", "ms", "count", "percent" or "stars"
    values: tuple[Fraction | None, ...]
    texts: tuple[str, ...]
    deltas: tuple[Delta | None, ...]
    is_part: bool = False  # of the row above that is none


@dataclass(frozen=True, slots=True)
class _Row:
    key: str
    title: str
    unit: str
    read: Read
    less_is_better: bool | None = True
    interval: Interval | None = None
    is_part: bool = False
    if_any: bool = False  # left out where no side has a value


WRITTEN: dict[str, Callable[[Fraction], str]] = {
    "nusd": lambda value: money(round(value)),
    "ms": lambda value: seconds(round(value)),
    "count": number,
    "stars": number,
    "percent": lambda value: f"{abs(float(value)):.3g} %",
}
"""By unit, without a sign."""


def figures(comparison: Comparison) -> list[Figure]:
    rows = _GROUP_ROWS if comparison.has_groups else _RUN_ROWS
    drawn = [(row, _figure(comparison, row)) for row in rows]
    return [figure for row, figure in drawn if any(figure.values) or not (row.is_part or row.if_any)]


def _figure(comparison: Comparison, row: _Row) -> Figure:
    values = tuple(_fraction(row.read(side)) for side in comparison.sides)
    return Figure(
        key=row.key,
        title=row.title,
        unit=row.unit,
        values=values,
        texts=tuple(_text(row, side, value) for side, value in zip(comparison.sides, values, strict=True)),
        deltas=tuple(
            _delta(row, one, values[0], value) for one, value in zip(comparison.against, values[1:], strict=True)
        ),
        is_part=row.is_part,
    )


def _fraction(value: Fraction | int | None) -> Fraction | None:
    return None if value is None else Fraction(value)


def _text(row: _Row, side: Side, value: Fraction | None) -> str:
    if value is None:
        return NOTHING
    unpriced = side.totals.unpriced_calls if row.unit == "nusd" else 0
    if unpriced and not value:
        return "unpriced"
    return f"≥ {WRITTEN[row.unit](value)}" if unpriced else WRITTEN[row.unit](value)


def _delta(row: _Row, one: Against, before: Fraction | None, after: Fraction | None) -> Delta | None:
    if before is None or after is None:
        return None
    change = Fraction(round(after) - round(before)) if row.unit in ("nusd", "ms") else after - before
    interval = row.interval(one) if row.interval else None
    noise = interval is not None and not interval.is_clear
    better = None if noise or not change or row.less_is_better is None else (change < 0) == row.less_is_better
    text = signed(WRITTEN[row.unit](change), change) if change else ABOUT
    return Delta(change, text, "" if row.unit in ("percent", "stars") else percent(change, before), better, noise)


def cost_of(side: Side) -> Fraction:
    """Of a mean run, in nano-USD: what its priced calls cost."""
    return side.mean(sum(row.cost_nusd for row in side.calls))


def span_of(side: Side) -> Fraction | None:
    """Of a mean run, in milliseconds from launch to end."""
    return side.mean_ms(side.totals.queue_ms + side.totals.duration_ms) if side.is_timed else None


def took_of(side: Side) -> Fraction | None:
    """Of a mean run, in milliseconds from claim to end."""
    return side.mean_ms(side.totals.duration_ms) if side.is_timed else None


def _of_spread(which: str, read: Callable[[Spread], Fraction | int]) -> Read:
    def value(side: Side) -> Fraction | int | None:
        spread = getattr(side, which)
        return None if spread is None else read(spread)

    return value


def rating_of(side: Side) -> Fraction | None:
    """The mean of all ratings, in stars."""
    totals = side.totals
    return Fraction(totals.rating_sum, totals.rating_count) if totals.rating_count else None


def _rating_interval(one: Against) -> Difference | None:
    return one.rating_interval


def _mean(name: str) -> Read:
    return lambda side: side.mean(getattr(side.totals, name))


def _share_succeeded(side: Side) -> Fraction:
    return Fraction(100 * side.totals.succeeded, side.totals.runs)


_USAGE = (
    _Row("tokens", "Tokens", "count", _mean("total_tokens")),
    _Row("prompt_tokens", "in", "count", _mean("prompt_tokens"), is_part=True),
    _Row("cached_prompt_tokens", "of these cached", "count", _mean("cached_prompt_tokens"), None, is_part=True),
    _Row("completion_tokens", "out", "count", _mean("completion_tokens"), is_part=True),
    _Row("reasoning_tokens", "of these reasoning", "count", _mean("reasoning_tokens"), is_part=True),
    _Row("calls", "Model calls", "count", _mean("requests")),
    _Row("waste", "Waste", "nusd", lambda side: side.mean(side.waste_nusd)),
)
_RATED = (
    _Row("rating", "Rating", "stars", rating_of, less_is_better=False, interval=_rating_interval, if_any=True),
    _Row("ratings", "number of ratings", "count", lambda side: side.totals.rating_count, None, is_part=True),
)
_RUN_ROWS = (
    _Row("cost", "Cost", "nusd", cost_of),
    _Row("duration", "Time", "ms", took_of),
    _Row("span", "from launch to end", "ms", span_of, is_part=True),
    *_USAGE,
    *_RATED,
)


def _cost_interval(one: Against) -> Difference | None:
    return one.cost_interval


def _time_interval(one: Against) -> Difference | None:
    return one.time_interval


_GROUP_ROWS = (
    _Row("runs", "Runs", "count", lambda side: side.runs, None),
    _Row("succeeded", "Succeeded", "percent", _share_succeeded, less_is_better=False),
    _Row("cost", "Cost, mean", "nusd", cost_of, interval=_cost_interval),
    _Row(
        "cost_median",
        "median",
        "nusd",
        _of_spread("cost", lambda spread: spread.sample.median),
        is_part=True,
        interval=_cost_interval,
    ),
    _Row(
        "cost_p95", "p95", "nusd", _of_spread("cost", lambda spread: spread.p95), is_part=True, interval=_cost_interval
    ),
    _Row("duration", "Time, mean", "ms", took_of, interval=_time_interval),
    _Row(
        "duration_median",
        "median",
        "ms",
        _of_spread("time", lambda spread: spread.sample.median),
        is_part=True,
        interval=_time_interval,
    ),
    _Row(
        "duration_p95",
        "p95",
        "ms",
        _of_spread("time", lambda spread: spread.p95),
        is_part=True,
        interval=_time_interval,
    ),
    _Row("span", "from launch to end, mean", "ms", span_of, is_part=True, interval=_time_interval),
    *_USAGE,
    *_RATED,
)
