"""Worker processes as tests want them: real ones, whose provider is a server on loopback that keeps its own bill."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from agents_app.actions import create_crew
from engine.catalogue.pricing import Price, Usage, cost_usd
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.ledger.invariants import check
from runs.ledger.prices import PRICE_FIELDS
from runs.models import Bill, Call, PriceQuote, Run
from runs.money import to_nusd
from runs.states import CallState
from runs.worker import claim, execution
from runs.worker.process import WorkerProcess
from teams.access import Principal
from teams.actions import add_provider
from tests.openai_server import OpenAIServer

MODEL = "gpt-4o-mini"


def use_provider(who: Principal, server: OpenAIServer, **limits: Any) -> None:
    """The team asks this server for OpenAI's models from now on, at a price of its own."""
    price = {"input_usd_per_mtok": "0.15", "output_usd_per_mtok": "0.6"}
    PriceQuote.objects.create(team=who.team, model=MODEL, **price)
    add_provider(who, provider="openai", api_key="sk-test", base_url=server.url, **limits)


def claim_and_execute(run: Run, worker: WorkerProcess) -> None:
    """Has the worker carry out this run, whosever turn it is; nothing happens if it cannot be claimed."""
    claimed = worker.hold(lambda: claim.claim(run.pk, owner=worker.name))
    if claimed is not None:
        execution.execute(*claimed, worker)


def execute(run: Run, worker: WorkerProcess) -> Run:
    """Has the worker look at the run until it ends, waits or is somebody else's; the run as it then is."""
    claim_and_execute(run, worker)
    run.refresh_from_db()
    return run


def execute_all(runs: list[Run], worker: WorkerProcess) -> None:
    """Has the worker execute these runs at once, each in a thread, as Celery's pool does."""

    def one(run: Run) -> None:
        try:
            claim_and_execute(run, worker)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(runs)) as pool:
        list(pool.map(one, runs))
    for run in runs:
        run.refresh_from_db()


def in_thread(work: Any, *arguments: Any) -> threading.Thread:
    """Starts the work in a thread of its own, with its own connection."""

    def run() -> None:
        try:
            work(*arguments)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def agent(**fields: Any) -> AgentSpec:
    return AgentSpec(**({"key": "worker", "role": "Worker", "llm": {"model": MODEL, "max_tokens": 50}} | fields))


def task(key: str, **fields: Any) -> TaskSpec:
    """A task that waits for no other unless its ``context`` says so."""
    return TaskSpec(**({"key": key, "description": f"Do {key}.", "agent": "worker", "context": ()} | fields))


def launched(who: Principal, *tasks: TaskSpec, agents: tuple[AgentSpec, ...] = (), **order: Any) -> Run:
    """A queued run of a crew that starts each task as soon as it can."""
    spec = CrewSpec(name="Test", agents=agents or (agent(),), tasks=tasks, process="parallel")
    run = launch(who, create_crew(who, name="Test", spec=spec), LaunchOrder(**order))
    run.refresh_from_db()
    return run


def expire(run: Run) -> None:
    """As if the run's worker had died a lease ago."""
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def assert_sums(run: Run) -> None:
    """Every rollup is the sum of its calls, nothing is held for calls that are not open, and no invariant is broken."""
    run.refresh_from_db()
    calls = run.calls.all()
    assert run.spent_nusd == _sum(calls, "cost_nusd")
    assert run.prompt_tokens == _sum(calls, "prompt_tokens")
    assert run.completion_tokens == _sum(calls, "completion_tokens")
    assert run.reserved_nusd == _sum(calls.filter(state=CallState.INTENT), "reserved_nusd")
    asked = calls.filter(kind="model", cache_hit=False, state__in=(CallState.OK, CallState.LATE))
    assert run.successful_requests == asked.count()
    for one in run.tasks.all():
        assert one.spent_nusd == _sum(one.calls, "cost_nusd")
        assert one.successful_requests == asked.filter(task_run=one).count()
    real = Call.objects.filter(team=run.team, simulated=False)
    assert _sum(Bill.objects.filter(team=run.team), "spent_nusd") == _sum(real, "cost_nusd")
    held = real.filter(state=CallState.INTENT)
    assert _sum(Bill.objects.filter(team=run.team), "reserved_nusd") == _sum(held, "reserved_nusd")
    broken = check()
    assert broken == [], broken


def cost_by_kept_prices(call: Call) -> int | None:
    """What the call's tokens cost at the prices that are kept with it, None if none are."""
    if call.input_usd_per_mtok is None:
        return None
    tokens = ("prompt_tokens", "cached_prompt_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens")
    usage = Usage(**{name: getattr(call, name) for name in tokens})
    cost = cost_usd(usage, Price(**{name: getattr(call, name) for name in PRICE_FIELDS}))
    assert cost is not None
    return to_nusd(cost)


def _sum(rows: Any, field: str) -> int:
    total: int = rows.aggregate(total=Sum(field, default=0))["total"]
    return total


def blocked(seconds: float = 60) -> None:
    """Waits until another connection waits for a lock."""
    until = time.monotonic() + seconds
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits for a lock")
