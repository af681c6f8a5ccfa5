"""A worker that is stopped, and a run that is cancelled: no call is started, calls in flight are given time to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from engine.record.journal import TaskStatus
from runs.models import Call, Run
from runs.run.actions import request_cancel
from runs.states import CallState, RunState
from runs.worker import execution
from runs.worker.process import WorkerProcess
from tests.cast import Cast
from tests.openai_server import OpenAIServer
from tests.runs.workers import agent, assert_sums, claim_and_execute, execute, in_thread, launched, task, use_provider

pytestmark = pytest.mark.django_db(transaction=True)


class Gate:
    """A provider that answers once it is let."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.open = threading.Event()

    def answer(self, body: dict[str, Any]) -> str:
        self.asked.release()
        assert self.open.wait(60)
        return "An answer."

    def wait_until_asked(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.asked.acquire(timeout=60)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


@pytest.fixture
def provider(cast: Cast, gate: Gate) -> Iterator[OpenAIServer]:
    with OpenAIServer(gate.answer) as server:
        use_provider(cast.owner, server)
        yield server


def two_steps(cast: Cast) -> Run:
    return launched(cast.runner, task("first"), task("second", context=("first",)), agents=(agent(),))


def test_a_stop_lets_calls_in_flight_settle_and_gives_the_run_back(
    cast: Cast, gate: Gate, provider: OpenAIServer
) -> None:
    run = two_steps(cast)
    stopped = WorkerProcess()
    executing = in_thread(claim_and_execute, run, stopped)
    gate.wait_until_asked()
    stopping = in_thread(lambda: stopped.stop(grace_s=60))
    while not stopped.stopping.is_set():
        time.sleep(0.01)
    gate.open.set()
    executing.join()
    stopping.join()
    run.refresh_from_db()
    assert (run.state, run.lease_until, run.lease_owner) == (RunState.RUNNING, None, "")
    assert stopped.released == [run.pk]
    assert [call.state for call in Call.objects.all()] == [CallState.OK]
    assert len(provider.billed) == 1

    other = WorkerProcess()
    try:
        assert execute(run, other).state == RunState.SUCCEEDED
    finally:
        other.stop(grace_s=0)
    assert len(provider.billed) == 2  # the first task's call was not paid again
    assert (run.takeovers, run.fruitless_takeovers) == (1, 0)
    assert_sums(run)


def test_a_stop_cuts_off_what_does_not_end_in_time_and_books_its_worst(
    cast: Cast, gate: Gate, provider: OpenAIServer
) -> None:
    run = two_steps(cast)
    stopped = WorkerProcess()
    executing = in_thread(claim_and_execute, run, stopped)
    gate.wait_until_asked()
    stopped.stop(grace_s=0.2)
    executing.join()
    call = Call.objects.get()
    assert (call.state, call.cost_nusd) == (CallState.UNKNOWN, call.reserved_nusd)
    run.refresh_from_db()
    assert (run.state, run.lease_until) == (RunState.RUNNING, None)
    assert_sums(run)


def test_a_stopping_worker_claims_nothing(cast: Cast, provider: OpenAIServer) -> None:
    run = two_steps(cast)
    stopped = WorkerProcess()
    stopped.stop(grace_s=0)
    assert execute(run, stopped).state == RunState.QUEUED
    execution.work(worker=stopped)
    run.refresh_from_db()
    assert run.state == RunState.QUEUED


def test_a_cancelled_run_gets_seconds_to_settle_its_call_and_starts_no_other(
    cast: Cast, gate: Gate, provider: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runs.worker.keeper.CANCEL_GRACE_S", 60)  # the machine may be slow to open the gate
    run = two_steps(cast)
    worker = WorkerProcess()
    try:
        executing = in_thread(claim_and_execute, run, worker)
        gate.wait_until_asked()
        (held,) = worker.held
        request_cancel(cast.runner, run)
        while not held.why:
            time.sleep(0.01)
        gate.open.set()
        executing.join()
    finally:
        worker.stop(grace_s=0)
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert [call.state for call in Call.objects.all()] == [CallState.OK]
    assert {one.key: one.state for one in run.tasks.all()} == {
        "first": TaskStatus.SUCCEEDED,
        "second": TaskStatus.CANCELLED,
    }
    assert len(provider.billed) == 1
    assert_sums(run)


def test_parallel_tasks_of_a_stopped_run_all_settle(cast: Cast, gate: Gate, provider: OpenAIServer) -> None:
    run = launched(cast.runner, task("left"), task("right"), task("last", context=("left", "right")))
    stopped = WorkerProcess()
    executing = in_thread(claim_and_execute, run, stopped)
    gate.wait_until_asked(2)
    stopping = in_thread(lambda: stopped.stop(grace_s=60))
    while not stopped.stopping.is_set():
        time.sleep(0.01)
    gate.open.set()
    executing.join()
    stopping.join()
    assert [call.state for call in Call.objects.all()] == [CallState.OK, CallState.OK]
    assert len(provider.billed) == 2
    assert_sums(run)
