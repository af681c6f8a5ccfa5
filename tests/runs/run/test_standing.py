"""What a run waits for right now, as the page and the API say it."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.models import Run, TaskRun
from runs.run.standing import troubles_of, waits_for, waits_of
from runs.states import RunState
from runs.worker.process import WorkerProcess
from tests.cast import Cast, make_crew
from tests.openai_server import Fault, OpenAIServer
from tests.runs.answers import run_json, summary_json
from tests.runs.workers import claim_and_execute, in_thread, launched, task, use_provider

pytestmark = pytest.mark.django_db(transaction=True)


def waits(run: Run) -> list[str]:
    run.refresh_from_db()
    return [wait.what for wait in waits_of(run, list(run.tasks.all()))]


def seen_within(run: Run, what: str, *, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what in waits(run):
            return True
        time.sleep(0.02)
    return False


def test_a_queued_run_waits_for_a_worker_behind_its_team(cast: Cast) -> None:
    crew = make_crew(cast.owner)
    first, second, urgent = (
        launch(cast.owner, crew, LaunchOrder(inputs={"company": "Acme"}, priority=priority))
        for priority in ("normal", "normal", "high")
    )
    launch(cast.stranger, make_crew(cast.stranger), LaunchOrder(inputs={"company": "Acme"}, priority="high"))
    assert [waits_of(run, [])[0].ahead for run in (urgent, first, second)] == [0, 1, 2]
    assert summary_json(first)["waiting_for"] == "queue"
    assert run_json(first)["waits"] == [{"for": "queue", "task": None, "until": None, "ahead": 1}]


def test_a_call_that_is_tried_again_is_seen_waiting(cast: Cast, worker: WorkerProcess) -> None:
    refusals = iter([Fault(status=503), Fault(status=503), Fault(status=503)])
    with OpenAIServer(lambda body: next(refusals, "An answer.")) as server:
        use_provider(cast.owner, server)
        run = launched(cast.runner, task("only"))
        executing = in_thread(claim_and_execute, run, worker)
        assert seen_within(run, "retry")
        executing.join()
    run.refresh_from_db()
    troubles = troubles_of(run)
    assert troubles.retries == run.calls.filter(attempt__gt=1).count() > 0
    assert troubles.refused == len([call for call in run.calls.all() if call.state == "error"])
    assert waits(run) == []


def test_a_call_that_waits_for_its_turn_at_the_provider_is_seen_waiting(cast: Cast, worker: WorkerProcess) -> None:
    refusals = iter([Fault(status=429, headers={"Retry-After": "1"})])
    with OpenAIServer(lambda body: next(refusals, "An answer.")) as server:
        use_provider(cast.owner, server)
        run = launched(cast.runner, task("only"))
        executing = in_thread(claim_and_execute, run, worker)
        assert seen_within(run, "rate_limit")
        executing.join()
    assert waits(run) == []


def test_money_that_calls_in_flight_hold_is_seen_waited_for(cast: Cast, worker: WorkerProcess) -> None:
    gate = threading.Event()

    def answer(body: dict[str, Any]) -> str:
        assert gate.wait(20)
        return "An answer."

    with OpenAIServer(answer) as server:
        use_provider(cast.owner, server)
        run = launched(cast.runner, task("left"), task("right"))
        # One call's worst case, and a little: the second waits for the first to turn out cheaper.
        Run.objects.filter(pk=run.pk).update(budget_nusd=_worst_case(cast, server) * 3 // 2)
        executing = in_thread(claim_and_execute, run, worker)
        assert seen_within(run, "budget")
        assert waits_for(run, list(run.tasks.all())) == ""  # the other task is at work
        gate.set()
        executing.join()
    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED
    assert run.spent_nusd <= (run.budget_nusd or 0)


def _worst_case(cast: Cast, server: OpenAIServer) -> int:
    """What is reserved for a call of such a run: (tokens x 1.2 + 200) in and 50 out."""
    from engine.crew.crew import run_crew
    from engine.record.memory_journal import MemoryJournal
    from engine.spec.crew_spec import CrewSpec
    from tests.engine.crews import runtime
    from tests.runs.workers import agent

    journal = MemoryJournal()
    spec = CrewSpec(name="Test", agents=(agent(),), tasks=(task("left"),), process="parallel")
    asyncio.run(run_crew(spec, {}, runtime(journal=journal)))
    return int(journal.calls[0].intent.reserved_usd * 1_000_000_000)


def test_the_whole_run_waits_only_if_all_its_tasks_at_work_do(cast: Cast) -> None:
    run = launched(cast.runner, task("left"), task("right"))
    later = timezone.now() + timedelta(seconds=5)
    Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING)
    TaskRun.objects.filter(run=run).update(state="running")
    TaskRun.objects.filter(run=run, key="left").update(waits_for="rate_limit", waits_until=later)
    run.refresh_from_db()
    assert waits_for(run, list(run.tasks.all())) == ""
    TaskRun.objects.filter(run=run, key="right").update(waits_for="retry", waits_until=later)
    assert waits_for(run, list(run.tasks.order_by("position"))) == "rate_limit"
    assert run_json(run)["waiting_for"] == "rate_limit"
