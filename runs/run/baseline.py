"""A crew's pinned baseline, and how another run of the crew stands to it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from runs.models import Run

_PINNED = "SELECT run_id FROM runs_pinnedrun WHERE crew_id = %s AND simulated = %s"


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
    """None if the crew has no baseline among its runs of this kind. Two queries; one without a baseline, as most crews
    are."""
    with connection.cursor() as cursor:
        cursor.execute(_PINNED, [run.crew_id, run.simulated])
        row = cursor.fetchone()
    if row is None:
        return None
    if row[0] == run.pk:
        return BaselineStanding(run, is_itself=True)
    baseline = Run.objects.select_related("version").get(pk=row[0])
    priced = run.ended and not run.unpriced_calls and not baseline.unpriced_calls
    took, before = run.duration_ms, baseline.duration_ms
    return BaselineStanding(
        baseline,
        is_itself=False,
        cost_nusd=run.spent_nusd - baseline.spent_nusd if priced else None,
        time_ms=None if took is None or before is None else took - before,
    )
