"""Batches for tests: simulated, of the small crew, and runs of theirs brought to an end without a worker."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from agents_app.models import Crew
from runs.batches.actions import launch_batch
from runs.batches.order import BatchOrder
from runs.feeding.feed import feed
from runs.launch.order import LaunchOrder
from runs.models import Batch, Run
from runs.states import RunState
from teams.access import Principal

COMPANIES = ("Acme", "Initech", "Umbrella", "Hooli", "Globex", "Soylent")


def make_batch(who: Principal, crew: Crew, *, rows: int = 4, run: LaunchOrder | None = None, **order: Any) -> Batch:
    inputs = [{"company": f"{COMPANIES[at % len(COMPANIES)]} {at + 1}"} for at in range(rows)]
    return launch_batch(who, crew, BatchOrder(rows=inputs, run=run or LaunchOrder(simulated=True), **order))


def fed(batch: Batch) -> list[Run]:
    """The runs that one look queues, in the order of their rows."""
    return list(batch.runs.filter(pk__in=feed()).order_by("batch_row"))


def end(run: Run, state: str = RunState.SUCCEEDED, *, nusd: int = 0) -> None:
    """As the ledger leaves a run that ended so and spent so much."""
    Run.objects.filter(pk=run.pk).update(
        state=state,
        finished_at=timezone.now(),
        spent_nusd=nusd,
        error_code="" if state == RunState.SUCCEEDED else "model_error",
        error="" if state == RunState.SUCCEEDED else "It broke.",
    )


def states(batch: Batch) -> tuple[str, str]:
    """The batch's state and why it is paused, as they are now."""
    batch.refresh_from_db()
    return batch.state, batch.paused_for
