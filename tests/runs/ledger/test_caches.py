"""What one run of a team made is not paid again by the next: replies, tool results and whole tasks, by the ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import F

from engine.catalogue.pricing import Usage
from engine.providers.llm import LLMReply
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus, TaskStatus
from runs.ledger import rollups
from runs.ledger.caches import KeptReplies, LedgerCaches
from runs.ledger.journal import LedgerJournal
from runs.ledger.replay import read_replay
from runs.models import Call, Run, TaskRun
from runs.states import CallState, CostClass, RunState
from runs.worker import claim
from runs.worker.process import WorkerProcess
from teams.actions import add_provider
from tests.cast import Cast
from tests.openai_server import Fault, OpenAIServer, SearchServer, tool_call
from tests.runs.workers import (
    MODEL,
    agent,
    assert_sums,
    execute,
    execute_all,
    expire,
    in_thread,
    launched,
    task,
    use_provider,
)

pytestmark = pytest.mark.django_db(transaction=True)

CACHED = agent(llm={"model": MODEL, "max_tokens": 50, "cache_ttl_s": 3600})


@pytest.fixture
def provider(cast: Cast) -> Iterator[OpenAIServer]:
    with OpenAIServer(lambda body: f"Answer {server.requests}", latency_s=0.3) as server:
        use_provider(cast.owner, server)
        yield server


def run_once(cast: Cast, worker: WorkerProcess, *tasks: Any, who: Any = None, **options: Any) -> Run:
    run = launched(who or cast.runner, *(tasks or (task("only"),)), **({"agents": (CACHED,)} | options))
    assert execute(run, worker).state == RunState.SUCCEEDED, run.error
    assert_sums(run)
    return run


def older(seconds: float) -> None:
    age = timedelta(seconds=seconds)
    Call.objects.update(finished_at=F("finished_at") - age)
    TaskRun.objects.update(started_at=F("started_at") - age, finished_at=F("finished_at") - age)


def test_the_next_run_gets_the_reply_for_nothing(
    cast: Cast, workers: list[WorkerProcess], provider: OpenAIServer
) -> None:
    first = run_once(cast, workers[0])
    older(100)
    second = run_once(cast, workers[1])
    assert (first.output_raw, second.output_raw) == ("Answer 1", "Answer 1")
    assert len(provider.billed) == 1
    paid, hit = first.calls.get(), second.calls.get()
    assert (hit.state, hit.cost_class, hit.cost_nusd) == (CallState.OK, CostClass.CACHE_HIT, 0)
    assert (hit.prompt_tokens, hit.completion_tokens, hit.reserved_nusd) == (0, 0, 0)
    assert hit.saved_nusd == paid.cost_nusd > 0
    assert 100 <= hit.cache_age_s < 160
    assert (second.spent_nusd, second.successful_requests, second.total_tokens) == (0, 0, 0)
    assert (hit.credential, hit.waited_ms) == ("", 0)


def test_a_database_that_is_away_for_a_moment_ends_no_run(
    cast: Cast, workers: list[WorkerProcess], provider: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_once(cast, workers[0])
    read, away = KeptReplies._rows, iter([True, True])

    def rows(self: KeptReplies, key: str) -> Any:
        if next(away, False):
            raise OperationalError("sorry, too many clients already")
        return read(self, key)

    monkeypatch.setattr(KeptReplies, "_rows", rows)
    run_once(cast, workers[1])
    assert provider.requests == 1, "what was kept was read at the third try"


def test_what_is_too_old_is_asked_again(cast: Cast, workers: list[WorkerProcess], provider: OpenAIServer) -> None:
    run_once(cast, workers[0])
    older(3601)
    assert run_once(cast, workers[0]).output_raw == "Answer 2"


def test_another_team_pays_for_itself(cast: Cast, workers: list[WorkerProcess], provider: OpenAIServer) -> None:
    run_once(cast, workers[0])
    use_provider(cast.stranger, provider)
    assert run_once(cast, workers[0], who=cast.stranger).output_raw == "Answer 2"


def test_a_simulated_reply_never_stands_for_a_real_one(
    cast: Cast, workers: list[WorkerProcess], provider: OpenAIServer
) -> None:
    simulated = run_once(cast, workers[0], simulated=True)
    assert run_once(cast, workers[0]).output_raw == "Answer 1"
    again = run_once(cast, workers[0], simulated=True)
    assert again.calls.get().cache_hit
    assert again.output_raw == simulated.output_raw


def test_runs_at_once_in_one_process_are_one_flight(
    cast: Cast, workers: list[WorkerProcess], provider: OpenAIServer
) -> None:
    runs = [launched(cast.runner, task("only"), agents=(CACHED,)) for _ in range(6)]
    execute_all(runs, workers[0])
    assert {run.output_raw for run in runs} == {"Answer 1"}
    assert Call.objects.filter(cache_hit=True).count() == 5
    for run in runs:
        assert_sums(run)


def test_a_request_that_another_process_has_open_is_waited_for(
    cast: Cast, workers: list[WorkerProcess], provider: OpenAIServer
) -> None:
    first, second = (launched(cast.runner, task("only"), agents=(CACHED,)) for _ in range(2))
    thread = in_thread(execute, Run.objects.get(pk=first.pk), workers[0])
    _until(lambda: Call.objects.filter(state=CallState.INTENT).exists())
    execute(second, workers[1])
    thread.join()
    assert second.output_raw == "Answer 1"
    assert len(provider.billed) == 1


def test_a_dead_workers_open_request_is_not_waited_for(
    cast: Cast, workers: list[WorkerProcess], provider: OpenAIServer
) -> None:
    run_once(cast, workers[0])
    key = Call.objects.get().cache_key
    dead = launched(cast.runner, task("only"), agents=(CACHED,))
    claimed = claim.claim(dead.pk, owner="dead")
    assert claimed
    journal = LedgerJournal(claimed, read_replay(claimed), workers[0].writer)
    asyncio.run(journal.open_call(CallIntent("only", "worker", 0, 1, CallKind.MODEL, model=MODEL, cache_key=key)))
    store = KeptReplies(cast.team.pk, LedgerCaches()._reader)

    async def find(timeout_s: float) -> Any:
        return await asyncio.wait_for(store.find(key, max_age_s=0), timeout_s)

    with pytest.raises(TimeoutError):
        asyncio.run(find(0.8))
    expire(dead)
    assert asyncio.run(find(0.8)) is None


def test_failures_are_not_reused(cast: Cast, workers: list[WorkerProcess]) -> None:
    bad = Fault(400, '{"error": {"message": "no", "type": "invalid_request_error"}}')
    with OpenAIServer(lambda body: bad if server.requests == 1 else "Fine") as server:
        use_provider(cast.owner, server)
        failed = launched(cast.runner, task("only"), agents=(CACHED,))
        assert execute(failed, workers[0]).state == RunState.FAILED
        assert run_once(cast, workers[0]).output_raw == "Fine"


REUSED = task("only", cache_ttl_s=600)


def test_a_tasks_output_is_taken_over_as_one_line(
    cast: Cast, workers: list[WorkerProcess], provider: OpenAIServer
) -> None:
    first = run_once(cast, workers[0], REUSED, agents=(agent(),))
    older(10)
    second = run_once(cast, workers[1], REUSED, agents=(agent(),))
    line = second.calls.get()
    assert (line.kind, line.state, line.cost_class, line.cost_nusd) == ("task", "ok", CostClass.CACHE_HIT, 0)
    assert line.saved_nusd == first.spent_nusd > 0
    assert line.cache_age_s >= 10
    assert (second.output_raw, second.successful_requests) == (first.output_raw, 0)
    older(600)
    assert run_once(cast, workers[0], REUSED, agents=(agent(),)).output_raw == "Answer 2"


def test_a_crash_between_the_reuse_and_the_tasks_end_books_it_once(
    cast: Cast, workers: list[WorkerProcess], provider: OpenAIServer
) -> None:
    run_once(cast, workers[0], REUSED, agents=(agent(),))
    crashed = run_once(cast, workers[0], REUSED, agents=(agent(),))
    back_to_before_its_end(crashed)
    older(700)  # too old by now, but it was taken over when it was not
    assert execute(crashed, workers[1]).state == RunState.SUCCEEDED, crashed.error
    assert crashed.output_raw == "Answer 1"
    assert crashed.calls.count() == 1
    assert_sums(crashed)


def test_a_task_half_done_when_another_run_finished_it(
    cast: Cast, workers: list[WorkerProcess], provider: OpenAIServer
) -> None:
    half = launched(cast.runner, REUSED)
    claimed = claim.claim(half.pk, owner="dead")
    assert claimed
    journal = LedgerJournal(claimed, read_replay(claimed), workers[0].writer)
    reply = LLMReply("Half", Usage(10, 0, 0, 5), MODEL)

    async def begin() -> None:
        await journal.task_started("only", "worker")
        ticket = await journal.open_call(CallIntent("only", "worker", 0, 1, CallKind.MODEL, model=MODEL))
        outcome = CallOutcome(CallStatus.OK, reply=reply, usage=reply.usage, cost_usd=None)
        await journal.settle_call(ticket, outcome)

    asyncio.run(begin())
    expire(half)
    run_once(cast, workers[0], REUSED, agents=(agent(),))
    assert execute(half, workers[1]).state == RunState.SUCCEEDED, half.error
    assert half.output_raw == "Answer 1"
    assert_sums(half)


def test_an_output_that_was_taken_over_is_not_handed_on_as_new(
    cast: Cast, workers: list[WorkerProcess], provider: OpenAIServer
) -> None:
    run_once(cast, workers[0], REUSED, agents=(agent(),))
    older(400)
    run_once(cast, workers[0], REUSED, agents=(agent(),))
    older(400)
    assert run_once(cast, workers[0], REUSED, agents=(agent(),)).output_raw == "Answer 2"


@pytest.fixture
def search(cast: Cast, settings: Any) -> Iterator[SearchServer]:
    settings.ALLOWED_PRIVATE_HOSTS = frozenset({"127.0.0.1"})
    with SearchServer() as server:
        add_provider(cast.owner, provider="serper", api_key="k", base_url=server.url)
        yield server


@pytest.fixture
def searching(cast: Cast) -> Iterator[OpenAIServer]:
    def answer(body: dict[str, Any]) -> str | dict[str, Any]:
        used = any(message["role"] == "tool" for message in body["messages"])
        return "Found" if used else tool_call("web_search", {"query": "figures"})

    with OpenAIServer(answer) as server:
        use_provider(cast.owner, server)
        yield server


def searcher(**config: Any) -> Any:
    return agent(tools=({"name": "web_search", "config": config},))


def test_a_tools_result_is_reused_for_as_long_as_its_settings_say(
    cast: Cast, workers: list[WorkerProcess], searching: OpenAIServer, search: SearchServer
) -> None:
    cached = (searcher(cache_ttl_s=60),)
    run_once(cast, workers[0], agents=cached)
    second = run_once(cast, workers[1], agents=cached)
    assert search.queries == ["figures"]
    hit = second.calls.get(kind="tool")
    assert (hit.state, hit.cost_class, hit.cache_hit) == (CallState.OK, CostClass.CACHE_HIT, True)
    assert "A result" in hit.tool_output
    older(61)
    run_once(cast, workers[1], agents=cached)
    assert len(search.queries) == 2
    uncached = run_once(cast, workers[1], agents=(searcher(),))
    assert len(search.queries) == 3
    assert uncached.calls.get(kind="tool").cache_key == ""


def test_tool_results_of_runs_at_once(
    cast: Cast, workers: list[WorkerProcess], searching: OpenAIServer, search: SearchServer
) -> None:
    runs = [launched(cast.runner, task("only"), agents=(searcher(cache_ttl_s=60),)) for _ in range(4)]
    began = time.monotonic()
    threads = [in_thread(execute_all, runs[half::2], workers[half]) for half in range(2)]
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 20, "nobody waits for a call that waits for theirs"
    for run in runs:
        run.refresh_from_db()
        assert run.state == RunState.SUCCEEDED
    assert 1 <= len(search.queries) <= 2


def test_a_result_that_is_not_worth_keeping_is_not_reused(cast: Cast, workers: list[WorkerProcess]) -> None:
    run = claim.claim(launched(cast.runner, task("only")).pk, owner="worker")
    assert run
    journal = LedgerJournal(run, read_replay(run), workers[0].writer)
    call = CallIntent("only", "worker", 0, 1, CallKind.TOOL, tool="flaky", cache_key="k")
    bad = CallOutcome(CallStatus.OK, tool_output="Try later.", reusable=False)

    async def book() -> Any:
        await journal.settle_call(await journal.open_call(call), bad)
        caches = workers[0].caches.of(cast.team.pk)
        return await caches.tool_results.get("k", make=lambda: asyncio.sleep(0, "anew"), ttl_s=60)

    assert asyncio.run(book()).value == "anew"


def back_to_before_its_end(run: Run) -> None:
    """As if the worker had died after the last call and before the task's end."""
    rollups.take_out(run.pk)
    run.tasks.update(state=TaskStatus.RUNNING, finished_at=None, output_raw="", output_json=None)
    Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING, finished_at=None, output_raw="")
    run.refresh_from_db()


def _until(holds: Any, *, within_s: float = 15.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
