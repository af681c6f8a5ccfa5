"""Runs as the API answers them, for tests that ask no server."""

from __future__ import annotations

from typing import Any

from runs.models import Run
from runs.run.queries import with_tasks
from runs.run.schemas import RunOut, RunSummary


def run_json(run: Run) -> dict[str, Any]:
    return RunOut.model_validate(with_tasks(Run.objects.get(pk=run.pk))).model_dump(by_alias=True)


def summary_json(run: Run) -> dict[str, Any]:
    return RunSummary.model_validate(run).model_dump()
