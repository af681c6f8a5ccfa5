"""A person's word as a durable pause: the run holds nothing while it waits, and nothing is paid twice after it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest
from celery import current_app
from django.core.exceptions import PermissionDenied
from django.db import connection

from engine.record.journal import TaskStatus
from runs.ledger import transitions
from runs.ledger.journal import LedgerJournal
from runs.ledger.replay import read_replay
from runs.models import Review, Run
from runs.run.actions import Decision, decide, request_cancel
from runs.states import RunState
from runs.worker import claim, next_run
from runs.worker.bell import WORK
from runs.worker.process import WorkerProcess
from teams.access import Principal
from teams.refusals import Conflict, Invalid
from tests.cast import Cast
from tests.openai_server import Fault, OpenAIServer
from tests.runs.answers import run_json, summary_json
from tests.runs.workers import assert_sums, execute, expire, in_thread, launched, task, use_provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def provider(cast: Cast) -> Iterator[OpenAIServer]:
    """Numbers its answers."""
    with OpenAIServer(lambda body: f"Answer {server.requests}") as server:
        use_provider(cast.owner, server)
        yield server


def waiting(cast: Cast, worker: WorkerProcess, *keys: str) -> Run:
    """A run whose tasks all wait for a person."""
    run = launched(cast.runner, *(task(key, human_input=True) for key in keys or ("draft",)))
    assert execute(run, worker).state == RunState.WAITING
    return run


def approve(cast: Cast, run: Run, key: str = "draft", **decision: Any) -> Run:
    return decide(cast.runner, run, key, Decision(**({"approved": True} | decision)))


def test_a_waiting_run_holds_no_lease_and_no_thread(cast: Cast, worker: WorkerProcess, provider: OpenAIServer) -> None:
    run = waiting(cast, worker)
    assert (run.waiting_for, run.lease_owner, run.lease_until, run.finished_at) == ("person", "", None, None)
    assert worker._held == {}
    draft = run.tasks.get()
    assert (draft.state, draft.output_raw, draft.finished_at) == (TaskStatus.WAITING, "Answer 1", None)
    review = Review.objects.get()
    assert (review.task_run_id, review.number, review.answer, review.about) == (draft.pk, 0, "Answer 1", "answer")
    assert claim.claim(run.pk, owner="another") is None
    assert next_run.ring_again(patience_s=0) == []


def test_tasks_that_do_not_depend_on_it_end_first(cast: Cast, worker: WorkerProcess, provider: OpenAIServer) -> None:
    run = launched(
        cast.runner,
        task("draft", human_input=True),
        task("side"),
        task("after_side", context=("side",)),
        task("after_draft", context=("draft",)),
    )
    execute(run, worker)
    states = dict(run.tasks.values_list("key", "state"))
    assert states == {"draft": "waiting", "side": "succeeded", "after_side": "succeeded", "after_draft": "pending"}


def test_an_approved_answer_goes_on_and_nothing_is_paid_twice(
    cast: Cast, worker: WorkerProcess, provider: OpenAIServer
) -> None:
    run = launched(cast.runner, task("draft", human_input=True), task("side"), task("final", context=("draft",)))
    execute(run, worker)
    assert len(provider.billed) == 2
    assert approve(cast, run).state == RunState.QUEUED
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert len(provider.billed) == 3
    assert run.calls.count() == 3
    assert run.prompt_tokens == provider.prompt_tokens
    assert run.spent_nusd == provider.prompt_tokens * 150 + provider.completion_tokens * 600
    assert_sums(run)


def test_the_bell_rings_once_the_decision_is_committed(
    cast: Cast, worker: WorkerProcess, provider: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = waiting(cast, worker)
    rung: SimpleQueue[Any] = SimpleQueue()

    def note(task: str, **_: Any) -> None:
        rung.put((task, _state(run)))
        connection.close()  # the bell rings on a thread of its own

    monkeypatch.setattr(current_app, "send_task", note)
    approve(cast, run)
    assert rung.get(timeout=10) == (WORK, RunState.QUEUED)


def test_an_answer_sent_back_leads_to_a_new_one_and_a_new_question(
    cast: Cast, worker: WorkerProcess, provider: OpenAIServer
) -> None:
    run = waiting(cast, worker)
    approve(cast, run, approved=False, comment="Shorter \x00 please")
    assert execute(run, worker).state == RunState.WAITING
    assert "Shorter \ufffd please" in json.dumps(provider.billed[-1].body["messages"], ensure_ascii=False)
    assert list(Review.objects.values_list("number", "approved", "answer")) == [
        (0, False, "Answer 1"),
        (1, None, "Answer 2"),
    ]
    approve(cast, run)
    assert execute(run, worker).output_raw == "Answer 2"
    assert len(provider.billed) == 2
    assert_sums(run)


def test_whoever_says_it_second_gets_a_conflict(cast: Cast, worker: WorkerProcess, provider: OpenAIServer) -> None:
    run = waiting(cast, worker)
    results: list[object] = []
    together = threading.Barrier(2)

    def say(who: Principal, approved: bool) -> None:
        together.wait()
        try:
            results.append(decide(who, Run.objects.get(pk=run.pk), "draft", Decision(approved, "No.")).state)
        except Conflict as conflict:
            results.append(conflict)

    threads = [in_thread(say, cast.owner, True), in_thread(say, cast.editor, False)]
    for thread in threads:
        thread.join()
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "str"]
    assert Review.objects.get().approved is not None


def test_a_decision_on_an_answer_that_is_no_longer_shown_is_a_conflict(
    cast: Cast, worker: WorkerProcess, provider: OpenAIServer
) -> None:
    run = waiting(cast, worker)
    approve(cast, run, approved=False, comment="Again", number=0)
    execute(run, worker)
    with pytest.raises(Conflict):
        approve(cast, run, number=0)
    approve(cast, run, number=1)
    assert execute(run, worker).state == RunState.SUCCEEDED


def test_only_who_may_launch_may_decide(cast: Cast, worker: WorkerProcess, provider: OpenAIServer) -> None:
    run = waiting(cast, worker)
    with pytest.raises(PermissionDenied):
        decide(cast.viewer, run, "draft", Decision(approved=True))
    assert Review.objects.get().approved is None


def test_a_waiting_run_is_cancelled_at_once_and_its_question_closed(
    cast: Cast, worker: WorkerProcess, provider: OpenAIServer
) -> None:
    run = waiting(cast, worker)
    assert request_cancel(cast.runner, run).state == RunState.CANCELLED
    assert "began" not in run.error
    with pytest.raises(Conflict):
        approve(cast, run)
    assert run_json(run)["tasks"][0]["questions"] == []


def test_a_run_asked_to_stop_as_it_is_set_aside_does_not_wait(cast: Cast) -> None:
    run = launched(cast.runner, task("draft", human_input=True))
    claimed = claim.claim(run.pk, owner="worker-1")
    assert claimed
    request_cancel(cast.runner, run)
    assert transitions.pause(claimed, waiting_for="person")
    run.refresh_from_db()
    assert (run.state, run.tasks.get().state) == (RunState.CANCELLED, TaskStatus.CANCELLED)


def test_a_decision_while_the_run_goes_on_with_other_tasks_is_not_overlooked(cast: Cast, worker: WorkerProcess) -> None:
    release = threading.Event()

    def answer(body: dict[str, Any]) -> str:
        if "Do slow." in json.dumps(body):
            assert release.wait(20)
        return "Done"

    with OpenAIServer(answer) as provider:
        use_provider(cast.owner, provider)
        run = launched(cast.runner, task("draft", human_input=True), task("slow"))
        job = in_thread(execute, Run.objects.get(pk=run.pk), worker)
        _until(lambda: run.tasks.filter(key="draft", state=TaskStatus.WAITING).exists())
        assert approve(cast, run).state == RunState.RUNNING
        release.set()
        job.join()
        run.refresh_from_db()
        assert (run.state, run.rung_at) == (RunState.QUEUED, None)
        assert next_run.ring_again(patience_s=30) == [run.pk]
        assert execute(run, worker).state == RunState.SUCCEEDED
        assert len(provider.billed) == 2


def test_a_decision_at_the_very_moment_of_the_pause_is_not_overlooked(cast: Cast) -> None:
    for _ in range(15):
        run = launched(cast.runner, task("draft", human_input=True))
        claimed = claim.claim(run.pk, owner="worker-1")
        assert claimed
        Review.objects.create(task_run=run.tasks.get(), number=0, answer="x")
        run.tasks.update(state=TaskStatus.WAITING)
        together = threading.Barrier(2)

        def say(run: Run = run, together: threading.Barrier = together) -> None:
            together.wait()
            decide(cast.runner, run, "draft", Decision(approved=True))

        def set_aside(run: Run = claimed, together: threading.Barrier = together) -> None:
            together.wait()
            transitions.pause(run, waiting_for="person")

        threads = [in_thread(say), in_thread(set_aside)]
        for thread in threads:
            thread.join()
        run.refresh_from_db()
        assert run.state == RunState.QUEUED


def test_of_two_that_wait_the_one_that_was_answered_goes_on(
    cast: Cast, worker: WorkerProcess, provider: OpenAIServer
) -> None:
    run = waiting(cast, worker, "left", "right")
    for _ in range(8):  # more often than takeovers without a finished call are borne
        left = Review.objects.filter(task_run__key="left").latest("number")
        decide(cast.runner, run, "left", Decision(False, "Again", number=left.number))
        assert execute(run, worker).state == RunState.WAITING
        assert execute(run, worker).state == RunState.WAITING, "nobody said anything, so nobody claims it"
    approve(cast, run, "left")
    assert execute(run, worker).state == RunState.WAITING
    assert dict(run.tasks.values_list("key", "state")) == {"left": "succeeded", "right": "waiting"}
    approve(cast, run, "right")
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert len(provider.billed) == 10
    assert_sums(run)


def test_several_answers_one_after_the_other(cast: Cast, worker: WorkerProcess, provider: OpenAIServer) -> None:
    keys = [f"step_{number}" for number in range(7)]
    chain = [task(key, human_input=True, context=tuple(keys[:number][-1:])) for number, key in enumerate(keys)]
    run = launched(cast.runner, *chain)
    for key in keys:
        assert execute(run, worker).state == RunState.WAITING
        approve(cast, run, key)
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert len(provider.billed) == 7


def test_a_task_that_failed_is_not_tried_and_paid_again_when_the_run_goes_on(cast: Cast, worker: WorkerProcess) -> None:
    bad = Fault(400, '{"error": {"message": "no", "type": "invalid_request_error"}}')
    with OpenAIServer(lambda body: bad if "Do broken." in json.dumps(body) else "Fine") as provider:
        use_provider(cast.owner, provider)
        run = launched(
            cast.runner, task("draft", human_input=True), task("broken"), task("reader", context=("broken",))
        )
        execute(run, worker)
        asked = provider.requests
        approve(cast, run)
        assert execute(run, worker).state == RunState.FAILED
        assert provider.requests == asked
    assert dict(run.tasks.values_list("key", "state")) == {
        "draft": "succeeded",
        "broken": "failed",
        "reader": "cancelled",
    }
    assert run.error_code == "provider_request"


def test_a_worker_that_dies_between_asking_and_pausing_asks_once(
    cast: Cast, worker: WorkerProcess, provider: OpenAIServer
) -> None:
    run = launched(cast.runner, task("draft", human_input=True))
    claimed = claim.claim(run.pk, owner="dead")
    assert claimed
    journal = LedgerJournal(claimed, read_replay(claimed), worker.writer)
    revision = Run.objects.get(pk=run.pk).revision

    async def ask() -> None:
        await journal.task_started("draft", "worker")
        assert await journal.review("draft", 0, "An answer") is None

    asyncio.run(ask())
    assert Run.objects.get(pk=run.pk).revision == revision + 2
    approve(cast, run)
    assert Run.objects.get(pk=run.pk).state == RunState.RUNNING
    expire(run)
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert Review.objects.count() == 1


def test_a_zombie_asks_nobody(cast: Cast, worker: WorkerProcess) -> None:
    run = launched(cast.runner, task("draft", human_input=True))
    claimed = claim.claim(run.pk, owner="zombie")
    assert claimed
    journal = LedgerJournal(claimed, read_replay(claimed), worker.writer)
    expire(run)
    claim.claim(run.pk, owner="worker-2")
    assert asyncio.run(journal.review("draft", 0, "An answer")) is None
    assert not Review.objects.exists()


def test_each_step_is_seen_by_who_watches_the_run(cast: Cast, worker: WorkerProcess, provider: OpenAIServer) -> None:
    run = waiting(cast, worker)
    revision = run.revision
    assert summary_json(run)["waiting_for"] == "person"
    (question,) = run_json(run)["tasks"][0]["questions"]
    assert (question["about"], question["number"], question["answer"]) == ("answer", 0, "Answer 1")
    approve(cast, run)
    assert run.revision > revision
    assert summary_json(run)["waiting_for"] == "queue"
    assert run_json(run)["tasks"][0]["questions"] == []


def test_a_comment_that_is_too_long_is_refused(cast: Cast, worker: WorkerProcess, provider: OpenAIServer) -> None:
    with pytest.raises(Invalid):
        approve(cast, waiting(cast, worker), comment="x" * 20_001)


def _state(run: Run) -> str:
    """As another connection sees it."""
    found: list[str] = []
    in_thread(lambda: found.append(Run.objects.get(pk=run.pk).state)).join()
    return found[0]


def _until(holds: Any, *, within_s: float = 15.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
