"""Reads at a launch: what the new run is expected to take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.spec.crew_spec import CrewSpec
from runs.launch.order import input_warnings
from runs.models import Run
from runs.run.estimates import Estimate, estimate


@dataclass(frozen=True, slots=True)
class LaunchedRun:
    """A run with its estimate. There is no honest one without earlier runs of the crew: then both figures are None."""

    run: Run
    estimate: Estimate | None
    warnings: Sequence[str] = ()  # what may surprise in the texts that models are sent

    @property
    def estimated_completion(self) -> datetime | None:
        return None if self.estimate is None else self.run.created_at + timedelta(seconds=self.estimate.seconds)

    @property
    def estimated_cost_nusd(self) -> int | None:
        return None if self.estimate is None else self.estimate.cost_nusd


def launched_run(run: Run) -> LaunchedRun:
    """Two queries."""
    return LaunchedRun(run, estimate(run), input_warnings(CrewSpec.from_json(run.version.spec), run.inputs))
