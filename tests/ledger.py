"""Runs and calls as they stand in the ledger, written directly: for tests of how they are read and shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from agents_app.actions import cut_version
from agents_app.models import Crew, CrewVersion
from runs.ledger import rollups
from runs.models import Call, Run, TaskRun
from runs.states import RUN_ENDED, CostClass, RunState
from teams.access import Principal

PRICES = {"input_usd_per_mtok": "2.5", "output_usd_per_mtok": "10"}


def make_run(
    who: Principal,
    crew: Crew,
    *,
    state: str = RunState.SUCCEEDED,
    seconds: float = 30.0,
    usd: float = 0.0,
    **fields: Any,
) -> Run:
    """A run that took so many seconds and cost so much, by default to a good end. Fields override what is usual."""
    run = unsaved_run(who, cut_version(crew, by=who.user), state=state, seconds=seconds, usd=usd, **fields)
    run.save(force_insert=True)
    run.refresh_from_db()
    if run.ended:
        rollups.add(run.pk)
    return run


def unsaved_run(
    who: Principal, version: CrewVersion, *, state: str, seconds: float = 30.0, usd: float = 0.0, **fields: Any
) -> Run:
    """The same, for ``bulk_create``; rollups do not know of it."""
    run = Run(team=who.team, crew=version.crew, version=version, created_by=who.user, state=state)
    began = timezone.now() - timedelta(minutes=5)
    if state != RunState.QUEUED:
        run.started_at = began
    if state in RUN_ENDED:
        run.finished_at = began + timedelta(seconds=seconds)
    run.spent_nusd = round(usd * 1e9)
    for name, value in fields.items():
        setattr(run, name, value)
    return run


def make_task(run: Run, key: str, *, position: int = 0, **fields: Any) -> TaskRun:
    """A task of the run, not started unless the fields say otherwise."""
    return TaskRun.objects.create(run=run, key=key, position=position, **({"name": key.capitalize()} | fields))


def make_call(run: Run, *, task: TaskRun | None = None, step: int = 0, **fields: Any) -> Call:
    """A settled model call of half a second that used 100 + 50 tokens and cost 0.00075 USD."""
    call = unsaved_call(run, task=task, step=step, **fields)
    call.save(force_insert=True)
    return call


def unsaved_call(run: Run, *, task: TaskRun | None = None, step: int = 0, **fields: Any) -> Call:
    """The same, for ``bulk_create``."""
    began = run.started_at or timezone.now()
    usual = {
        "team": run.team,
        "agent": "finance",
        "epoch": 1,
        "kind": "model",
        "purpose": "work",
        "state": "ok",
        "model": "gpt-4o",
        "model_answered": "gpt-4o-2024-08-06",
        "messages": [{"role": "user", "content": "Figures, please"}],
        "reply": {"text": "Here they are", "tool_calls": []},
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "cost_nusd": 750_000,
        "billed_month": began.date().replace(day=1),
        "started_at": began + timedelta(seconds=step),
        "finished_at": began + timedelta(seconds=step + 0.5),
        "latency_ms": 500,
        **PRICES,
    }
    if fields.get("cost_class") == CostClass.REJECTED:
        usual["refused_by"] = "guardrail"
    return Call(run=run, task_run=task, step=step, **(usual | fields))
