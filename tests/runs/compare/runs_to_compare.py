"""Runs whose sums are those of their calls, to be compared."""

from __future__ import annotations

from typing import Any

from agents_app.models import Crew
from runs.ledger import rollups
from runs.models import Run
from tests.cast import Cast
from tests.ledger import make_call, make_run, make_task

COMPARE = "/t/acme/compare/"


def a_run(cast: Cast, crew: Crew, calls: int = 1, *, seconds: float = 10.0, call: Any = None, **fields: Any) -> Run:
    """All calls are of one task, each of 100 + 50 tokens and 0.00075 USD, unless ``call`` says otherwise."""
    call = call or {}
    sums = {
        "spent_nusd": calls * (call.get("cost_nusd", 750_000) or 0),
        "unpriced_calls": calls if call.get("cost_nusd", 0) is None else 0,
        "prompt_tokens": calls * call.get("prompt_tokens", 100),
        "completion_tokens": calls * call.get("completion_tokens", 50),
        "successful_requests": calls,
    }
    run = make_run(cast.owner, crew, seconds=seconds, **(sums | fields))
    if run.started_at is None:
        return run
    run.created_at = run.started_at
    run.save()
    task = make_task(run, "figures", started_at=run.started_at, finished_at=run.finished_at, agent="finance")
    for step in range(calls):
        make_call(run, task=task, step=step, simulated=run.simulated, **call)
    rollups.rebuild(run.team_id)
    return run


def of_runs(*runs: Run) -> str:
    return f"{COMPARE}?runs={','.join(str(run.pk) for run in runs)}"
