"""What a batch may cost and take, by what a run of its crew takes, and which limit makes it slower than asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from agents_app.models import Crew
from engine.spec.crew_spec import CrewSpec
from runs.batches.estimate.needs import needs_of
from runs.batches.estimate.paces import Limit, Purse, covered, slowest
from teams.access import Principal

SURE = 2.0
"""Standard errors to both sides: some 95 of 100 batches end between them."""


@dataclass(frozen=True, slots=True)
class BatchEstimate:
    """Ranges for the whole batch. Those of cost are over runs whose calls are all priced."""

    runs: int  # what they come from; 0: the length of the crew's texts
    low_ms: int
    high_ms: int
    low_nusd: int | None  # None: no run of known cost
    high_nusd: int | None
    at_once: int  # how many rows are under way at once, after what holds them back
    binds: Limit | None  # what makes it fewer than was asked
    covers: Limit | None  # which budget does not cover all rows, and how many it does


def estimate_batch(
    who: Principal,
    crew: Crew,
    spec: CrewSpec,
    *,
    simulated: bool,
    rows: int,
    input_chars: int,
    max_concurrency: int,
    purse: Purse | None,
) -> BatchEstimate | None:
    """None if nothing is known. ``input_chars``: of the inputs of one row, on average. A fixed number of queries."""
    needs = needs_of(crew, spec, simulated=simulated, input_chars=input_chars)
    if needs is None or not rows:
        return None
    wanted = min(rows, max_concurrency)
    pace = slowest(who, needs, rows=rows, purse=purse)
    at_once: float = wanted
    binds: Limit | None = None
    if pace is not None and pace.at_once < wanted:
        at_once = pace.at_once
        gains = (
            f"{wanted} at once gain nothing over {max(1, int(at_once))}" if wanted > 1 else "Rows wait for each other"
        )
        binds = Limit(pace.code, f"{gains}: {pace.why}.")
    low_ms, high_ms = _sum_of(needs.took_ms, rows)
    low_nusd, high_nusd = _sum_of(needs.cost_nusd, rows) if needs.cost_nusd else (None, None)
    # No batch is quicker than its last row, which begins once there is room.
    return BatchEstimate(
        runs=needs.runs,
        low_ms=max(round(low_ms / at_once), round(min(needs.took_ms))),
        high_ms=max(round(high_ms / at_once), round(max(needs.took_ms))),
        low_nusd=low_nusd,
        high_nusd=high_nusd,
        at_once=max(1, int(at_once)),
        binds=binds,
        covers=covered(who, needs, rows=rows, simulated=simulated, purse=purse),
    )


def _sum_of(figures: Sequence[float], count: int) -> tuple[int, int]:
    """Between what the sum of so many such figures will most likely lie: as they scatter, and as little is known of
    their mean from so few. Never below the least or above the largest for each; with one figure there is no range."""
    mean = fmean(figures)
    spread = stdev(figures) if len(figures) > 1 else 0.0
    error = SURE * spread * sqrt(count + count * count / len(figures))
    low = max(count * mean - error, count * min(figures))
    return round(low), round(min(count * mean + error, count * max(figures)))
