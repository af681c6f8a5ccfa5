"""What the next run of a crew may take and cost, by its earlier runs."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from runs.models import Run
from runs.states import RunState

HISTORY = 50
"""How many runs are looked at, the newest ones."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Medians of earlier runs."""

    seconds: float  # from claim to end
    cost_nusd: int
    runs: int  # how many the medians come from


def estimate(run: Run) -> Estimate | None:
    """For another run of this run's crew and kind; None if none has succeeded yet. One query."""
    return estimate_of(run.crew_id, simulated=run.simulated)


def estimate_of(crew_id: int, *, simulated: bool) -> Estimate | None:
    """Medians over the crew's last succeeded runs, real or simulated, whose cost is known. None without any."""
    earlier = Run.objects.filter(crew_id=crew_id, simulated=simulated, state=RunState.SUCCEEDED, unpriced_calls=0)
    rows = list(earlier.order_by("-pk").values_list("started_at", "finished_at", "spent_nusd")[:HISTORY])
    if not rows:
        return None
    seconds = median((finished - started).total_seconds() for started, finished, _ in rows if started and finished)
    return Estimate(seconds, round(median(spent for _, _, spent in rows)), len(rows))
