"""What a crew's earlier runs took and cost, as an estimate of the next."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from runs.models import Run
from runs.states import RunState

HISTORY = 50


@dataclass(frozen=True, slots=True)
class Estimate:
    """Medians of earlier runs: seconds from claim to end, and cost in 1e-9 USD. ``runs`` is how many they come from."""

    seconds: float
    cost_nusd: int
    runs: int


def estimate(run: Run) -> Estimate | None:
    """What this crew's succeeded runs took and cost; None without any, because there is nothing honest to say."""
    return estimate_of(run.crew_id, simulated=run.simulated)


def estimate_of(crew_id: int, *, simulated: bool) -> Estimate | None:
    """Medians over the crew's last fifty succeeded runs of this kind."""
    earlier = Run.objects.filter(crew_id=crew_id, simulated=simulated, state=RunState.SUCCEEDED, unpriced_calls=0)
    rows = list(earlier.order_by("-pk").values_list("started_at", "finished_at", "spent_nusd")[:HISTORY])
    if not rows:
        return None
    seconds = median((finished - started).total_seconds() for started, finished, _ in rows if started and finished)
    return Estimate(seconds, round(median(spent for _, _, spent in rows)), len(rows))
