"""A crew's pinned baseline, and how another run of the crew stands to it."""

from __future__ import annotations

from dataclasses import dataclass

from runs.models import PinnedRun, Run


@dataclass(frozen=True, slots=True)
class BaselineStanding:
    """The baseline, and this run's figures less its. None where one of them is unknown, or the run has not ended."""

    baseline: Run
    is_itself: bool
    cost_nusd: int | None = None
    time_ms: int | None = None

    @property
    def cost_size(self) -> int:
        return abs(self.cost_nusd or 0)

    @property
    def time_size(self) -> int:
        return abs(self.time_ms or 0)


def standing_to_baseline(run: Run) -> BaselineStanding | None:
    """None if the crew has no baseline among its runs of this kind. One query."""
    pinned = PinnedRun.objects.select_related("run__version").filter(crew_id=run.crew_id, simulated=run.simulated)
    found = pinned.first()
    if found is None:
        return None
    baseline = found.run
    if baseline.pk == run.pk:
        return BaselineStanding(baseline, is_itself=True)
    priced = run.ended and not run.unpriced_calls and not baseline.unpriced_calls
    took, before = run.duration_ms, baseline.duration_ms
    return BaselineStanding(
        baseline,
        is_itself=False,
        cost_nusd=run.spent_nusd - baseline.spent_nusd if priced else None,
        time_ms=None if took is None or before is None else took - before,
    )
