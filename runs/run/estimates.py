"""What a run of a crew may take and cost, by earlier runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import QuerySet
from django.utils import timezone

from runs.models import Run
from runs.states import RunState

HISTORY = 50
"""How many runs are looked at, the newest ones."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Medians of earlier runs, and their ranges. Those of cost are over the runs whose calls are all priced."""

    seconds: float  # from claim to end
    cost_nusd: int | None  # None: there is no such run
    runs: int  # how many the medians come from
    priced_runs: int
    least_ms: int
    most_ms: int
    least_nusd: int | None
    most_nusd: int | None
    version: int | None = None  # whose runs they are; None: the whole crew's

    @property
    def ms(self) -> int:
        return round(self.seconds * 1000)


def estimate(run: Run) -> Estimate | None:
    """For another run of this run's crew and kind; None if none has succeeded yet. One query."""
    return estimate_of(run.crew_id, simulated=run.simulated)


def usual(run: Run) -> Estimate | None:
    """What runs of this one's version and kind take, or of its crew where none of the version has succeeded yet; None
    if none of the crew has. At most two queries."""
    of_version = _of(_succeeded(simulated=run.simulated).filter(version_id=run.version_id), run.version.number)
    return of_version or estimate(run)


def estimate_of(crew_id: int, *, simulated: bool) -> Estimate | None:
    """Over the crew's last succeeded runs, real or simulated. None without any."""
    return _of(_succeeded(simulated=simulated).filter(crew_id=crew_id))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, by what such runs usually take."""

    usual: Estimate
    elapsed_ms: int  # since the first claim
    ends_at: datetime | None  # None: it has not begun, waits, or takes longer than usual


def progress(run: Run) -> Progress | None:
    """None for a run that has ended or has no history. At most two queries."""
    found = None if run.ended else usual(run)
    if found is None:
        return None
    if run.started_at is None:
        return Progress(found, 0, None)
    now = timezone.now()
    ends_at = run.started_at + timedelta(milliseconds=found.ms)
    goes_on = run.state == RunState.RUNNING and ends_at > now
    return Progress(found, round((now - run.started_at).total_seconds() * 1000), ends_at if goes_on else None)


def _succeeded(*, simulated: bool) -> QuerySet[Run]:
    return Run.objects.filter(simulated=simulated, state=RunState.SUCCEEDED, ended_ms__gte=0)


def _of(earlier: QuerySet[Run], version: int | None = None) -> Estimate | None:
    rows = list(earlier.order_by("-pk").values_list("ended_ms", "spent_nusd", "unpriced_calls")[:HISTORY])
    if not rows:
        return None
    took = [ended_ms for ended_ms, _, _ in rows]
    spent = [spent_nusd for _, spent_nusd, unpriced in rows if not unpriced]
    return Estimate(
        seconds=median(took) / 1000,
        cost_nusd=round(median(spent)) if spent else None,
        runs=len(rows),
        priced_runs=len(spent),
        least_ms=min(took),
        most_ms=max(took),
        least_nusd=min(spent, default=None),
        most_nusd=max(spent, default=None),
        version=version,
    )
