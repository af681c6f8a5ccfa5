"""Inserts queued runs with their tasks. What may be launched is decided by whoever calls."""

from __future__ import annotations

from collections.abc import Iterable

from engine.spec.crew_spec import CrewSpec
from runs.models import Run, TaskRun


def queue(runs: Iterable[Run], spec: CrewSpec) -> None:
    """Of one crew's version, whose spec it is. Two statements, in the caller's transaction; the caller rings."""
    roles = {agent.key: agent.role for agent in spec.agents}
    Run.objects.bulk_create(runs := list(runs))
    TaskRun.objects.bulk_create(
        TaskRun(
            run=run,
            key=task.key,
            position=position,
            name=task.title,
            agent=task.agent or "",
            agent_role=roles.get(task.agent or "", ""),
        )
        for run in runs
        for position, task in enumerate(spec.tasks)
    )
