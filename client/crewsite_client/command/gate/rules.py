"""When a version is worse than its baseline by more than it may be, and when too few runs tell.

Each measure has an interval that holds the true difference in 95 of 100 cases. Lies all of it beyond the limit, the
version is worse; lies none of it beyond, it is within the limit; else there are not enough runs. Of cost and time the
medians are compared and of ratings the means, by the server's intervals, which assume nothing of how values are spread.
Of success the rates are, by Newcombe's interval of two Wilson scores (1998, method 10).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal
from math import ceil, hypot, sqrt
from typing import Any, Literal

from crewsite_client.answers import Column, Interval, Spread

Z = 1.959963984540054
LEAST_RUNS = 6
"""Below so many on a side a median has no interval."""
MOST_MORE = 100_000
Measure = Literal["cost", "time", "success", "rating"]
Verdict = Literal["within", "worse", "unclear"]


@dataclass(frozen=True, slots=True)
class Limits:
    """By how much a version may be worse. ``cost`` and ``time`` are shares of the baseline's median, ``success`` is a
    difference of rates from 0 to 1, ``rating`` one of stars; None: it is not looked at."""

    cost: Decimal | None = Decimal("0.1")
    time: Decimal | None = Decimal("0.2")
    success: Decimal | None = Decimal("0.1")
    rating: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """Ended runs of one version that were not cancelled, and how many of the newest of them succeeded."""

    name: str
    column: Column
    counted: int
    succeeded: int

    @property
    def rate(self) -> float:
        return self.succeeded / self.counted


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure. ``worse_by`` and its interval from ``low`` to ``high`` are in the measure's own unit (USD, ms, a
    rate, stars) and positive where the version is worse; ``limit`` is in the same. ``runs``: of the baseline and of the
    version. ``more_runs``: about how many more of each would tell; None: it is told, or nobody knows."""

    measure: Measure
    verdict: Verdict
    baseline: float | None
    version: float | None
    worse_by: float | None
    low: float | None
    high: float | None
    limit: float | None
    runs: tuple[int, int]
    more_runs: int | None
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "runs": list(self.runs)}


def findings(baseline: Side, version: Side, limits: Limits) -> list[Finding]:
    """Of each measure that has a limit."""
    found = []
    if limits.cost is not None:
        found.append(_spread("cost", baseline.column["cost"], version.column["cost"], limits.cost))
    if limits.time is not None:
        found.append(_spread("time", baseline.column["duration"], version.column["duration"], limits.time))
    if limits.success is not None:
        found.append(_success(baseline, version, float(limits.success)))
    if limits.rating is not None:
        found.append(_rating(baseline.column, version.column, float(limits.rating)))
    return found


def verdict_of(found: list[Finding]) -> Verdict:
    verdicts = {finding.verdict for finding in found}
    return "worse" if "worse" in verdicts else "unclear" if "unclear" in verdicts else "within"


def _spread(measure: Measure, baseline: Spread | None, version: Spread | None, share: Decimal) -> Finding:
    if baseline is None or version is None:
        runs = (baseline["runs"] if baseline else 0, version["runs"] if version else 0)
        why = "no run has a known price" if measure == "cost" else "no run has ended"
        return Finding(measure, "unclear", None, None, None, None, None, None, runs, None, why)
    before, now = float(baseline["median"]), float(version["median"])
    limit = float(share * Decimal(baseline["median"]))
    runs = (baseline["runs"], version["runs"])
    low, high = _ends(version["interval"])
    return _judged(measure, (before, now), now - before, (low, high), limit, runs)


def _rating(baseline: Column, version: Column, limit: float) -> Finding:
    before, now = baseline["rating"], version["rating"]
    if before is None or now is None:
        runs = (before["count"] if before else 0, now["count"] if now else 0)
        return Finding("rating", "unclear", None, None, None, None, None, limit, runs, None, "a side is not rated")
    low, high = _ends(now["interval"])
    turned = (None if high is None else -high, None if low is None else -low)  # fewer stars are worse
    runs = (before["count"], now["count"])
    return _judged("rating", (before["mean"], now["mean"]), before["mean"] - now["mean"], turned, limit, runs)


def _success(baseline: Side, version: Side, limit: float) -> Finding:
    ends = drop_interval(baseline.succeeded, baseline.counted, version.succeeded, version.counted)
    drop = baseline.rate - version.rate
    verdict = _verdict(*ends, limit)
    more = None if verdict != "unclear" else _more_for_rates(baseline, version, limit)
    runs = (baseline.counted, version.counted)
    return Finding("success", verdict, baseline.rate, version.rate, drop, *ends, limit, runs, more)


def drop_interval(succeeded: float, of: int, succeeded_now: float, of_now: int) -> tuple[float, float]:
    """Of the first rate less the second one."""
    before, now = succeeded / of, succeeded_now / of_now
    low, high = wilson(before, of)
    low_now, high_now = wilson(now, of_now)
    drop = before - now
    return drop - hypot(before - low, high_now - now), drop + hypot(high - before, now - low_now)


def wilson(rate: float, count: int) -> tuple[float, float]:
    """The interval of a rate that was seen in so many runs."""
    middle = rate + Z * Z / (2 * count)
    half = Z * sqrt(rate * (1 - rate) / count + Z * Z / (4 * count * count))
    whole = 1 + Z * Z / count
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def _judged(
    measure: Measure,
    values: tuple[float, float],
    worse_by: float,
    ends: tuple[float | None, float | None],
    limit: float,
    runs: tuple[int, int],
) -> Finding:
    low, high = ends
    verdict: Verdict = "unclear" if low is None or high is None else _verdict(low, high, limit)
    more = None
    if low is None or high is None:
        more = max(1, LEAST_RUNS - min(runs)) if min(runs) < LEAST_RUNS else None
    elif verdict == "unclear":
        more = _more(min(runs), worse_by, low, high, limit)
    return Finding(measure, verdict, *values, worse_by, low, high, limit, runs, more)


def _verdict(low: float, high: float, limit: float) -> Verdict:
    return "worse" if low > limit else "within" if high <= limit else "unclear"


def _more(count: int, worse_by: float, low: float, high: float, limit: float) -> int | None:
    """Intervals shrink with the root of the number of runs: so many more until the limit lies outside."""
    reach = high - worse_by if worse_by <= limit else worse_by - low
    room = abs(limit - worse_by)
    if not room or (needed := ceil(count * (reach / room) ** 2 - 1e-6)) - count > MOST_MORE:
        return None
    return max(1, needed - count)


def _more_for_rates(baseline: Side, version: Side, limit: float) -> int | None:
    """So many more until the same rates would tell; near 0 and 1 intervals shrink faster than with the root."""

    def tells(more: int) -> bool:
        first, second = baseline.counted + more, version.counted + more
        ends = drop_interval(baseline.rate * first, first, version.rate * second, second)
        return _verdict(*ends, limit) != "unclear"

    return _least(tells)


def _least(tells: Callable[[int], bool]) -> int | None:
    if not tells(MOST_MORE):
        return None
    low, high = 0, MOST_MORE
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if tells(middle) else (middle, high)
    return high


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    if interval is None or interval["low"] is None or interval["high"] is None:
        return None, None
    return float(interval["low"]), float(interval["high"])
