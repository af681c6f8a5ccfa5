"""Lanes and turns by a clock of their own: minutes, windows, pauses, and waiting that is called off."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.catalogue.price_list import DefaultPrices
from engine.crew.runtime import Runtime
from engine.errors import ProviderError
from engine.providers.llm import LLMReply, LLMRequest
from engine.providers.simulator import Simulator
from engine.providers.throttle import MAX_PAUSE_S, Rate, Throttle
from engine.record.journal import CallStatus, TaskStatus
from engine.record.limits import Limits
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import AgentSpec, CrewSpec
from engine.tools.registry import ToolRegistry
from tests.engine.crews import agent, crew, run, task
from tests.engine.virtual_time import clock, run_virtually

LANE = ("key", "gpt-4o")


def throttle(**rate: Any) -> Throttle:
    return Throttle({LANE: Rate(**rate)}, clock=clock)


async def entered(lanes: Throttle, count: int, *, tokens: int = 0, held_s: float = 0.0) -> list[float]:
    """When each of so many requests, asked for at once, got its turn."""
    times: list[float] = []

    async def one() -> None:
        await lanes.enter(LANE, tokens=tokens)
        times.append(clock())
        await asyncio.sleep(held_s)
        lanes.leave(LANE)

    await asyncio.gather(*(one() for _ in range(count)))
    return times


def test_requests_per_minute() -> None:
    assert run_virtually(entered(throttle(requests_per_minute=3), 7)) == pytest.approx([0, 0, 0, 60, 60, 60, 120])


def test_tokens_per_minute_and_what_is_larger_than_the_limit_goes_alone() -> None:
    assert run_virtually(entered(throttle(tokens_per_minute=100), 4, tokens=50)) == pytest.approx([0, 0, 60, 60])
    assert run_virtually(entered(throttle(tokens_per_minute=100), 3, tokens=500)) == pytest.approx([0, 60, 120])


def test_tokens_that_were_used_beyond_the_count_are_counted_too() -> None:
    async def work() -> float:
        lanes = throttle(tokens_per_minute=100)
        await lanes.enter(LANE, tokens=10)
        lanes.leave(LANE, more_tokens=85)
        await lanes.enter(LANE, tokens=10)
        return clock()

    assert run_virtually(work()) == pytest.approx(60)


def test_lanes_do_not_wait_for_each_other() -> None:
    async def work() -> float:
        lanes = throttle(requests_per_minute=1)
        await lanes.enter(LANE)
        await lanes.enter(("other", "gpt-4o"))
        return clock()

    assert run_virtually(work()) == 0


def test_a_pause_that_was_asked_for_is_kept_by_all_and_no_longer() -> None:
    async def work(retry_after_s: float | None) -> list[float]:
        lanes = throttle()
        await lanes.enter(LANE)
        lanes.leave(LANE, throttled=True, retry_after_s=retry_after_s)
        return await entered(lanes, 2)

    assert run_virtually(work(7)) == pytest.approx([7, 7], abs=0.1)
    assert run_virtually(work(None))[0] == pytest.approx(1)
    for endless in (86_400, float("inf")):
        assert run_virtually(work(endless))[0] == pytest.approx(MAX_PAUSE_S)


def test_a_crowd_that_is_refused_halves_the_window_once_and_answers_widen_it_again() -> None:
    async def work() -> list[int]:
        lanes = throttle()
        for _ in range(8):
            await lanes.enter(LANE)
        await asyncio.sleep(1)
        for _ in range(8):
            lanes.leave(LANE, throttled=True, retry_after_s=0)
        sizes = []
        for _ in range(3):
            await asyncio.sleep(1)
            sizes.append(await most_at_once(lanes))
        return sizes

    async def most_at_once(lanes: Throttle) -> int:
        in_flight = most = 0

        async def one() -> None:
            nonlocal in_flight, most
            await lanes.enter(LANE)
            in_flight += 1
            most = max(most, in_flight)
            await asyncio.sleep(1)
            in_flight -= 1
            lanes.leave(LANE)

        await asyncio.gather(*(one() for _ in range(12)))
        return most

    first, second, third = run_virtually(work())
    assert 4 <= first < 8
    assert first < second < third


async def waits(lanes: Throttle) -> asyncio.Task[None]:
    waiting = asyncio.create_task(lanes.enter(LANE))
    await asyncio.sleep(0.001)
    return waiting


@pytest.mark.parametrize("position", [0, 1])
def test_who_gives_up_waiting_leaves_the_lane_to_the_others(position: int) -> None:
    async def work() -> float:
        lanes = throttle(requests_per_minute=1)
        await lanes.enter(LANE)
        waiting = [await waits(lanes), await waits(lanes)]
        waiting[position].cancel()
        await asyncio.wait(waiting)
        assert waiting[position].cancelled()
        assert not waiting[1 - position].cancelled()
        return clock()

    assert run_virtually(work()) == pytest.approx(60)


@pytest.mark.parametrize("ticks", range(4))
def test_a_cancellation_that_comes_with_the_turn_is_not_lost_and_takes_no_place(ticks: int) -> None:
    async def work() -> float:
        lanes = throttle()
        await lanes.enter(LANE)
        await asyncio.sleep(1)
        lanes.leave(LANE, throttled=True, retry_after_s=0)
        await lanes.enter(LANE)  # the window is one request now
        waiting = await waits(lanes)
        lanes.leave(LANE)
        for _ in range(ticks):
            await asyncio.sleep(0)
        if waiting.cancel():
            await asyncio.wait({waiting})
            assert waiting.cancelled()
        else:
            lanes.leave(LANE)
        await lanes.enter(LANE)
        return clock()

    assert run_virtually(work()) < 2


class Throttling(Simulator):
    """A provider that takes so many requests at once and refuses the others with Retry-After."""

    def __init__(self, *, takes: int) -> None:
        super().__init__()
        self.takes = takes
        self.in_flight = 0
        self.refused = 0

    async def complete(self, request: LLMRequest) -> LLMReply:
        if self.in_flight >= self.takes:
            self.refused += 1
            raise ProviderError("slow down", retryable=True, status=429, retry_after_s=0.5)
        self.in_flight += 1
        await asyncio.sleep(1)
        self.in_flight -= 1
        return await super().complete(request)


def run_timed(spec: CrewSpec, llm: Simulator, journal: MemoryJournal | None = None) -> tuple[float, MemoryJournal]:
    """The seconds that a run took by the loop's own clock, and its journal."""

    async def work() -> tuple[float, MemoryJournal]:
        kept = journal or MemoryJournal(throttle=Throttle(clock=clock))
        tools, limits = ToolRegistry.simulated(), Limits(clock=clock)
        output = await run(spec, Runtime(llm=llm, journal=kept, prices=DefaultPrices(), tools=tools, limits=limits))
        assert output.status is TaskStatus.SUCCEEDED, output.error
        return clock(), kept

    return run_virtually(work())


def side_by_side(count: int, **fields: Any) -> CrewSpec:
    worker: AgentSpec = agent(**fields)
    return crew(*(task(f"t{n}", context=()) for n in range(count)), agents=(worker,), process="parallel")


def test_more_tasks_at_once_are_not_slower_than_fewer_where_the_provider_throttles() -> None:
    """Per task: what all of them take together, at a provider that answers two requests at once."""
    three, _ = run_timed(side_by_side(3), Throttling(takes=2))
    five, journal = run_timed(side_by_side(5), llm := Throttling(takes=2))
    forty, _ = run_timed(side_by_side(40), Throttling(takes=2))
    assert five / 5 <= three / 3 * 1.5
    assert forty / 40 <= three / 3 * 1.5
    assert llm.refused == sum(call.outcome.throttled for call in journal.calls)
    assert len(journal.calls) == 5 + llm.refused
    assert all(call.outcome.cost_usd == 0 for call in journal.calls if call.outcome.status is CallStatus.ERROR)


@pytest.mark.parametrize(("fields", "spec_fields"), [({"max_rpm": 2}, {}), ({}, {"max_rpm": 2})])
def test_an_agents_and_a_crews_requests_per_minute(fields: dict[str, Any], spec_fields: dict[str, Any]) -> None:
    spec = side_by_side(5, **fields).model_copy(update=spec_fields)
    seconds, journal = run_timed(spec, Simulator())
    assert seconds == pytest.approx(120, abs=1)
    assert len(journal.calls) == 5


def test_one_tasks_endless_pause_does_not_hold_the_others_for_ever() -> None:
    class Odd(Simulator):
        asked = 0

        async def complete(self, request: LLMRequest) -> LLMReply:
            self.asked += 1
            if self.asked == 1:
                raise ProviderError("later", retryable=True, status=429, retry_after_s=float("inf"))
            return await super().complete(request)

    llm = {"model": "gpt-4o", "fallbacks": ["gpt-4o-mini"]}
    spec = crew(task("a"), task("b"), agents=(agent(llm=llm),))
    seconds, _ = run_timed(spec, Odd())
    assert seconds <= MAX_PAUSE_S + 1


def test_a_run_that_is_cancelled_while_it_waits_leaves_nothing_behind_and_the_lane_free() -> None:
    async def work() -> None:
        lanes = Throttle({("", "gpt-4o-mini"): Rate(requests_per_minute=1)}, clock=clock)
        journal = MemoryJournal(throttle=lanes)
        given = Runtime(llm=Simulator(), journal=journal, prices=DefaultPrices(), limits=Limits(clock=clock))
        job = asyncio.create_task(run(side_by_side(4), given))
        await asyncio.sleep(90)
        assert len(journal.calls) == 2
        job.cancel()
        await asyncio.sleep(0)
        job.cancel()
        await asyncio.wait({job})
        assert job.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert given.limits.reserved_usd == 0
        await lanes.enter(("", "gpt-4o-mini"))
        assert clock() == pytest.approx(120)

    run_virtually(work())


def test_a_run_that_is_cancelled_twice_still_settles_its_calls() -> None:
    class Slow(MemoryJournal):
        async def settle_call(self, ticket: object, outcome: Any) -> None:
            await asyncio.sleep(1)
            await super().settle_call(ticket, outcome)

    async def work() -> None:
        journal = Slow(throttle=Throttle(clock=clock))
        given = Runtime(
            llm=Simulator(latency_s=30), journal=journal, prices=DefaultPrices(), limits=Limits(clock=clock)
        )
        job = asyncio.create_task(run(side_by_side(3), given))
        await asyncio.sleep(5)
        for _ in range(4):
            job.cancel()
            await asyncio.sleep(0.1)
        await asyncio.wait({job})
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert [call.outcome.error_code for call in journal.calls] == ["cancelled"] * 3
        assert given.limits.reserved_usd == 0

    run_virtually(work())
