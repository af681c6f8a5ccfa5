"""What a batch may cost and take, by what runs of its crew took, and which limit makes it slower than it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from agents_app.models import Crew
from engine.text import counted
from runs.models import Run
from runs.run.estimates import HISTORY
from runs.states import RunState

SURE = 2.0
"""Standard errors to both sides: some 95 of 100 batches end between them."""


@dataclass(frozen=True, slots=True)
class BatchEstimate:
    """Ranges for the whole batch. Those of cost are over runs whose calls are all priced."""

    runs: int  # what they come from
    low_ms: int
    high_ms: int
    low_nusd: int | None  # None: no run of known cost
    high_nusd: int | None
    at_once: int  # how many rows are under way at once, after what holds them back
    binds: str  # what makes it fewer than was asked; "" if nothing does


def estimate_batch(crew: Crew, *, simulated: bool, rows: int, max_concurrency: int) -> BatchEstimate | None:
    """None if no run of the crew has succeeded yet. One query."""
    runs = Run.objects.filter(crew=crew, simulated=simulated, state=RunState.SUCCEEDED, ended_ms__gte=0)
    found = list(runs.order_by("-pk").values_list("ended_ms", "spent_nusd", "unpriced_calls")[:HISTORY])
    if not found or not rows:
        return None
    at_once, binds = _at_once(crew, rows, max_concurrency)
    took = [float(ms) for ms, _, _ in found]
    low_ms, high_ms = _sum_of(took, rows)
    cost = [float(nusd) for _, nusd, unpriced in found if not unpriced]
    low_nusd, high_nusd = _sum_of(cost, rows) if cost else (None, None)
    # No batch is quicker than its last row, which begins once there is room.
    return BatchEstimate(
        runs=len(found),
        low_ms=max(round(low_ms / at_once), round(min(took))),
        high_ms=max(round(high_ms / at_once), round(max(took))),
        low_nusd=low_nusd,
        high_nusd=high_nusd,
        at_once=at_once,
        binds=binds,
    )


def _at_once(crew: Crew, rows: int, max_concurrency: int) -> tuple[int, str]:
    wanted = min(rows, max_concurrency)
    cap = crew.team.runs_at_once
    if cap is None or cap >= wanted:
        return wanted, ""
    return cap, f"Your team has at most {counted(cap, 'run')} under way at once, so that more at once gain nothing."


def _sum_of(figures: list[float], count: int) -> tuple[int, int]:
    """Between what the sum of so many such figures will most likely lie: as they scatter, and as little is known of
    their mean from so few. Never below the least or above the largest for each; with one figure there is no range."""
    mean = fmean(figures)
    spread = stdev(figures) if len(figures) > 1 else 0.0
    error = SURE * spread * sqrt(count + count * count / len(figures))
    low = max(count * mean - error, count * min(figures))
    return round(low), round(min(count * mean + error, count * max(figures)))
