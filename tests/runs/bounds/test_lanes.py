"""How fast a key is asked: one count for all workers, each here a group-commit writer and a journal of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engine.catalogue.pricing import Price, Usage
from engine.errors import Cancelled
from engine.providers.llm import LLMReply
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus
from runs import models
from runs.bounds.lanes import LaneLimits, Queues, note, wait_of
from runs.ledger.group_commit import GroupCommit
from runs.ledger.journal import LedgerJournal
from runs.ledger.replay import read_replay
from runs.models import Bill, Call, Run
from runs.run.actions import request_cancel
from runs.states import CallState, RunState
from runs.worker import claim
from runs.worker.process import WorkerProcess
from runs.worker.runtime import lane_of
from teams.actions import add_provider
from teams.credentials import TeamCredentials
from tests.cast import Cast
from tests.openai_server import Fault, OpenAIServer
from tests.runs.workers import MODEL, assert_sums, execute_all, expire, in_thread, launched, task, use_provider

pytestmark = pytest.mark.django_db(transaction=True)

PRICE = Price(input_usd_per_mtok=Decimal(1), output_usd_per_mtok=Decimal(1))
USED = Usage(prompt_tokens=60, completion_tokens=40)
FINE = CallOutcome(CallStatus.OK, reply=LLMReply("Fine", USED, MODEL), usage=USED, cost_usd=Decimal("0.0001"))
THROTTLED = CallOutcome(CallStatus.ERROR, error="429", throttled=True, retry_after_s=0.0)


@pytest.fixture
def writers() -> Iterator[tuple[GroupCommit, GroupCommit]]:
    """Two, as two worker processes have them."""
    pair = (GroupCommit(), GroupCommit())
    yield pair
    for writer in pair:
        writer.close()


def lane(cast: Cast, **limits: int | None) -> LaneLimits:
    return LaneLimits(cast.team.pk, "openai/default", MODEL, **limits)


def held(cast: Cast, writer: GroupCommit, by: LaneLimits | None, **order: Any) -> tuple[Run, LedgerJournal]:
    """A run of its own, claimed, with its journal."""
    run = launched(cast.runner, task("only"), **order)
    Run.objects.filter(pk=run.pk).update(simulated=False)
    claimed = claim.claim(run.pk, owner=f"worker-{id(writer)}")
    assert claimed
    return claimed, LedgerJournal(claimed, read_replay(claimed), writer, lane_of=lambda intent: by, queues=Queues())


def intent(step: int = 0, *, tokens: int = 100, reserved: str = "0.001") -> CallIntent:
    return CallIntent(
        "only",
        "worker",
        step,
        1,
        CallKind.MODEL,
        model=MODEL,
        prompt_tokens=tokens,
        reserved_usd=Decimal(reserved),
        price=PRICE,
    )


async def waits(opening: Any, *, s: float = 0.4) -> asyncio.Task[Any]:
    """The opening, which is not done after so long."""
    job: asyncio.Task[Any] = asyncio.ensure_future(opening)
    await asyncio.sleep(s)
    assert not job.done(), job
    return job


async def cancelled(job: asyncio.Task[Any]) -> None:
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job


def older(seconds: float) -> None:
    """As if every call so far had begun so much earlier."""
    Call.objects.update(started_at=F("started_at") - timedelta(seconds=seconds))


def at(cast: Cast) -> models.Lane:
    return models.Lane.objects.get(team=cast.team)


def window(cast: Cast, size: float | None) -> None:
    models.Lane.objects.create(team=cast.team, credential="openai/default", model=MODEL, window=size)


@pytest.mark.parametrize(
    ("limits", "first"),
    [({"rpm": 2}, 2), ({"tpm": 250}, 2), ({"tpm": 50}, 1)],
    ids=["requests", "tokens", "one larger than the limit goes alone"],
)
def test_two_workers_share_the_minute(cast: Cast, writers: Any, limits: dict[str, int], first: int) -> None:
    (_, one), (_, other) = (held(cast, writer, lane(cast, **limits)) for writer in writers)

    async def work() -> None:
        for step in range(first):
            await (one, other)[step % 2].open_call(intent(step))
        job = await waits(other.open_call(intent(9)))
        await asyncio.to_thread(in_own_connection, older, 60)
        await asyncio.wait_for(job, 5)

    asyncio.run(work())
    call = Call.objects.get(step=9)
    assert call.waited_ms >= 400
    assert call.credential == "openai/default"
    assert list(Call.objects.exclude(step=9).filter(waited_ms__gt=300)) == []


def test_tokens_count_as_used_once_that_is_known(cast: Cast, writers: Any) -> None:
    _, journal = held(cast, writers[0], lane(cast, tpm=250))

    async def work() -> None:
        ticket = await journal.open_call(intent(0, tokens=240))
        job = await waits(journal.open_call(intent(1, tokens=100)))
        await journal.settle_call(ticket, FINE)
        await asyncio.wait_for(job, 5)

    asyncio.run(work())


def test_a_full_window_opens_when_another_workers_call_ends(cast: Cast, writers: Any) -> None:
    window(cast, 1.0)
    (_, one), (_, other) = (held(cast, writer, lane(cast)) for writer in writers)

    async def work() -> None:
        ticket = await one.open_call(intent())
        job = await waits(other.open_call(intent()))
        await one.settle_call(ticket, FINE)
        await asyncio.wait_for(job, 2)

    asyncio.run(work())
    assert at(cast).window == 2.0, "an answer makes room for one more"


def test_calls_of_a_dead_worker_fill_the_window_until_they_are_closed(cast: Cast, writers: Any) -> None:
    window(cast, 1.0)
    (dead, one), (_, other) = (held(cast, writer, lane(cast)) for writer in writers)

    async def work() -> None:
        await one.open_call(intent())
        job = await waits(other.open_call(intent()))
        await asyncio.to_thread(in_own_connection, taken_over, dead)
        await asyncio.wait_for(job, 2)

    asyncio.run(work())


def test_a_pause_that_one_worker_was_told_of_is_kept_by_the_other(cast: Cast, writers: Any) -> None:
    (_, one), (_, other) = (held(cast, writer, lane(cast)) for writer in writers)
    refusal = CallOutcome(CallStatus.ERROR, error="429", throttled=True, retry_after_s=1.5)

    async def work() -> float:
        await one.settle_call(await one.open_call(intent()), refusal)
        began = time.monotonic()
        await other.open_call(intent())
        return time.monotonic() - began

    assert 1.4 <= asyncio.run(work()) < 3.0
    assert Call.objects.get(state=CallState.INTENT).waited_ms >= 1400


def test_a_crowd_that_is_refused_halves_once_and_answers_widen_again(cast: Cast, writers: Any) -> None:
    (_, one), (_, other) = (held(cast, writer, lane(cast)) for writer in writers)

    async def work() -> None:
        crowd = [((one, other)[step % 2], step) for step in range(8)]
        tickets = [(journal, await journal.open_call(intent(step))) for journal, step in crowd]
        for journal, ticket in tickets[:6]:
            await journal.settle_call(ticket, THROTTLED)
        assert (await asyncio.to_thread(in_own_connection, at, cast)).window == 4.0
        for journal, ticket in tickets[6:]:
            await journal.settle_call(ticket, FINE)

    asyncio.run(work())
    assert at(cast).window == pytest.approx(4.0 + 1 / 4.0 + 1 / 4.25)
    wide = at(cast)
    wide.window = 499.9999
    wide.save()
    note(lane(cast), FINE, call_id=None)
    assert at(cast).window == pytest.approx(500, abs=0.1)
    note(lane(cast), FINE, call_id=None)
    assert at(cast).window is None, "it bounds nothing any more"


def test_a_key_without_limits_has_no_lane_and_takes_no_lock(cast: Cast, writers: Any) -> None:
    _, journal = held(cast, writers[0], lane(cast))
    asyncio.run(settled(journal, intent()))
    assert not models.Lane.objects.exists()
    with CaptureQueriesContext(connection) as queries:
        assert wait_of(lane(cast), tokens=10) is None
    assert len(queries) == 1
    assert "FOR UPDATE" not in queries[0]["sql"]
    assert Call.objects.get().credential == "openai/default"


def test_a_reused_reply_neither_waits_nor_widens(cast: Cast) -> None:
    add_provider(cast.owner, provider="openai", api_key="sk-test", rpm=1)
    run = launched(cast.runner, task("only"))
    credentials = TeamCredentials(cast.team)
    assert lane_of(run, credentials, intent()) == LaneLimits(cast.team.pk, "openai/default", MODEL, rpm=1)
    hit = CallIntent("only", "worker", 0, 1, CallKind.MODEL, model=MODEL, reuses=True)
    assert lane_of(run, credentials, hit) is None


@pytest.mark.parametrize("why", ["taken over", "cancelled"])
def test_who_may_not_go_on_stops_waiting_and_opens_nothing(cast: Cast, writers: Any, why: str) -> None:
    window(cast, 1.0)
    (_, one), (run, other) = (held(cast, writer, lane(cast)) for writer in writers)

    async def work() -> float:
        await one.open_call(intent())
        job = await waits(other.open_call(intent()))
        stop = taken_over if why == "taken over" else lambda run: request_cancel(cast.runner, run)
        await asyncio.to_thread(in_own_connection, stop, run)
        began = time.monotonic()
        with pytest.raises(Cancelled):
            await asyncio.wait_for(job, 5)
        return time.monotonic() - began

    assert asyncio.run(work()) < 1.2
    assert not run.calls.exists()
    assert_sums(run)


def test_who_is_cancelled_in_the_queue_lets_the_next_one_in(cast: Cast, writers: Any) -> None:
    window(cast, 1.0)
    _, journal = held(cast, writers[0], lane(cast))

    async def work() -> None:
        ticket = await journal.open_call(intent(0))
        first = await waits(journal.open_call(intent(1)), s=0.1)
        second = await waits(journal.open_call(intent(2)), s=0.1)
        await cancelled(first)
        await journal.settle_call(ticket, FINE)
        await asyncio.wait_for(second, 2)

    asyncio.run(work())
    assert sorted(Call.objects.values_list("step", flat=True)) == [0, 2]


def test_two_writers_in_a_crowd_never_wait_for_each_other(
    cast: Cast, writers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Two teams, three lanes, sixteen runs, and takeovers in between: a deadlock would be logged and tried again."""
    other = replace(cast, team=cast.stranger.team, runner=cast.stranger)
    lanes = [lane(cast, rpm=10_000), lane(cast), lane(other, tpm=10_000_000)]
    crowd = [held(other if n % 3 == 2 else cast, writers[n // 3 % 2], lanes[n % 3]) for n in range(16)]
    stop, faults = threading.Event(), list[BaseException]()

    def takes_over() -> None:
        """Some runs go from worker to worker, and their open calls are closed while others settle."""
        try:
            while not stop.is_set():
                for run, _ in crowd[:4]:
                    taken_over(run)
        except BaseException as error:
            faults.append(error)

    async def all_at_once() -> None:
        await asyncio.gather(*(until_stopped(journal, number) for number, (_, journal) in enumerate(crowd)))

    with caplog.at_level(logging.WARNING, logger="runs.ledger.group_commit"):
        thread = in_thread(takes_over)
        asyncio.run(asyncio.wait_for(all_at_once(), 120))
        stop.set()
        thread.join()
    assert faults == []
    said = [record for record in caplog.records if record.name == "runs.ledger.group_commit"]
    assert [record.getMessage() for record in said] == []
    for run, _ in crowd:
        assert_sums(run)
    assert Bill.objects.count() == 2


async def until_stopped(journal: LedgerJournal, number: int) -> None:
    for step in range(25):
        try:
            ticket = await journal.open_call(intent(step))
        except Cancelled:
            return
        await journal.settle_call(ticket, THROTTLED if (number + step) % 9 == 0 else FINE)


def test_a_real_worker_keeps_to_what_the_provider_asks_for(cast: Cast) -> None:
    refused: list[float] = []

    def answer(body: dict[str, Any]) -> str | Fault:
        if not refused:
            refused.append(time.monotonic())
            return Fault(429, headers={"Retry-After": "1"})
        return "Fine"

    workers = [WorkerProcess(), WorkerProcess()]
    with OpenAIServer(answer) as server:
        use_provider(cast.owner, server, rpm=1000)
        first, second = launched(cast.runner, task("only")), launched(cast.runner, task("only"))
        execute_all([first], workers[0])
        execute_all([second], workers[1])
    for worker in workers:
        worker.stop(grace_s=1)
    assert (first.state, second.state) == (RunState.SUCCEEDED, RunState.SUCCEEDED)
    assert all(one.began - refused[0] >= 0.95 for one in server.billed)
    assert_sums(first)


async def settled(journal: LedgerJournal, call: CallIntent, outcome: CallOutcome = FINE) -> None:
    await journal.settle_call(await journal.open_call(call), outcome)


def taken_over(run: Run) -> None:
    expire(run)
    assert claim.claim(run.pk, owner=f"another-{timezone.now()}")


def in_own_connection(work: Any, *arguments: Any) -> Any:
    try:
        return work(*arguments)
    finally:
        connection.close()
