"""What is reused across runs: replies, tools' results and tasks' outputs; only where asked for, and always said so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.cache import Cache, Kept, MemoryStore
from engine.crew.runtime import Runtime
from engine.crewai.own_tools import tool
from engine.crewai.results import usage_of
from engine.errors import LimitReached, ProviderError
from engine.providers.llm import LLMRequest
from engine.providers.simulator import Simulator
from engine.record.journal import CallKind, CallStatus, TaskStatus
from engine.record.limits import Limits, RunLimits
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import CrewSpec, ToolSpec
from engine.tools.registry import ToolRegistry
from tests.engine.bills import AllAtOnce, Till
from tests.engine.crews import agent, crew, run, runtime, task
from tests.engine.scripts import in_turn, use

SAME = {"description": "Do it.", "context": ()}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def cached(**llm: Any) -> CrewSpec:
    fields = {"model": "gpt-4o-mini", "cache_ttl_s": 60} | llm
    return crew(task("a", **SAME), agents=(agent(llm=fields),))


def sharing(llm: Simulator, *, replies: Cache | None = None, outputs: Cache | None = None) -> Runtime:
    given = runtime(llm=llm, journal=MemoryJournal())
    return replace(given, replies=replies or Cache(), outputs=outputs or Cache())


def journal_of(given: Runtime) -> MemoryJournal:
    assert isinstance(given.journal, MemoryJournal)
    return given.journal


async def test_nothing_is_reused_unless_asked_for() -> None:
    replies, till = Cache(), Till(lambda request: "said")
    for _ in range(2):
        await run(cached(cache_ttl_s=None), sharing(till, replies=replies))
    assert len(till.bill) == 2


async def test_a_hit_costs_nothing_and_says_its_age_and_what_it_saved() -> None:
    clock = Clock()
    replies, till = Cache(MemoryStore(clock=clock)), Till(lambda request: "said")
    first, second = sharing(till, replies=replies), sharing(till, replies=replies)
    await run(cached(), first)
    clock.now += 42
    assert (await run(cached(), second)).raw == "said"
    (paid,), (hit,) = journal_of(first).calls, journal_of(second).calls
    assert (hit.outcome.cache_hit, hit.outcome.cost_usd, hit.outcome.usage.total_tokens) == (True, Decimal(0), 0)
    assert hit.outcome.cache_age_s == 42
    assert hit.outcome.saved_usd == paid.outcome.cost_usd > 0
    assert hit.intent.reserved_usd == 0
    assert usage_of(journal_of(second)).successful_requests == 0
    assert len(till.bill) == 1


async def test_a_hit_uses_up_no_limit_of_the_run() -> None:
    replies, till = Cache(), Till(lambda request: "said")
    await run(cached(), sharing(till, replies=replies))
    spent = replace(sharing(till, replies=replies), limits=Limits(RunLimits(max_calls=1), calls=1))
    assert (await run(cached(), spent)).raw == "said"
    assert spent.limits.calls == 1
    with pytest.raises(LimitReached):
        await run(cached(seed=1), replace(spent, journal=MemoryJournal()))


@pytest.mark.parametrize(("later_s", "asked"), [(60, 1), (61, 2)])
async def test_it_is_reused_for_as_long_as_was_asked(later_s: float, asked: int) -> None:
    clock = Clock()
    replies, till = Cache(MemoryStore(clock=clock)), Till(lambda request: "said")
    await run(cached(), sharing(till, replies=replies))
    clock.now += later_s
    await run(cached(), sharing(till, replies=replies))
    assert len(till.bill) == asked


@pytest.mark.parametrize("change", [{"temperature": 1.0}, {"model": "gpt-4o"}, {"seed": 1}, {"max_tokens": 5}])
async def test_another_request_is_another_reply(change: dict[str, Any]) -> None:
    replies, till = Cache(), Till(lambda request: "said")
    await run(cached(), sharing(till, replies=replies))
    await run(cached(**change), sharing(till, replies=replies))
    assert len(till.bill) == 2


async def test_the_same_asked_by_many_at_once_is_one_request() -> None:
    till = AllAtOnce(1, lambda request: "said")
    many = crew(*(task(f"t{n}", **SAME) for n in range(20)), agents=cached().agents, process="parallel")
    given = sharing(till)
    output = await run(many, given)
    assert {result.raw for result in output.results} == {"said"}
    assert len(till.bill) == 1
    assert sum(call.outcome.cache_hit for call in journal_of(given).calls) == 19


async def test_failures_and_empty_replies_are_not_kept() -> None:
    replies = Cache()
    failed = sharing(in_turn(ProviderError("gone", retryable=False)), replies=replies)
    assert (await run(cached(), failed)).status is TaskStatus.FAILED
    empty = sharing(in_turn("", ""), replies=replies)
    assert (await run(cached(), empty)).error_code == "model_mistake"
    assert (await run(cached(), sharing(in_turn("said"), replies=replies))).raw == "said"


async def test_an_empty_reply_that_some_store_kept_is_asked_for_again() -> None:
    class Ledger(MemoryStore):
        """Keeps every call, as a ledger does, whatever is thought of its reply."""

        kept: Any = None

        async def find(self, key: str, *, max_age_s: float) -> Kept | None:
            return self.kept

    store = Ledger()
    replies = Cache(store)
    empty = sharing(in_turn("", ""))
    await run(cached(), empty)
    store.kept = Kept(journal_of(empty).calls[0].outcome.reply, 1.0)
    given = sharing(in_turn("said"), replies=replies)
    assert (await run(cached(), given)).raw == "said"
    assert not journal_of(given).calls[0].outcome.cache_hit


async def test_who_waited_for_a_call_that_was_cancelled_makes_it_itself() -> None:
    asked = asyncio.Event()

    class Slow(Till):
        async def before_answer(self, request: LLMRequest) -> None:
            if not asked.is_set():
                asked.set()
                await asyncio.Event().wait()

    replies, till = Cache(), Slow(lambda request: "said")
    first = asyncio.create_task(run(cached(), sharing(till, replies=replies)))
    await asked.wait()
    second = asyncio.create_task(run(cached(), sharing(till, replies=replies)))
    await asyncio.sleep(0.01)
    first.cancel()
    assert (await asyncio.wait_for(second, 30)).raw == "said"
    assert first.cancelled() or first.cancelling()
    await asyncio.wait({first})
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_replay_reads_a_hit_like_any_other_call() -> None:
    replies = Cache()
    await run(cached(), sharing(in_turn("said"), replies=replies))
    second = sharing(in_turn(), replies=replies)
    await run(cached(), second)
    again = MemoryJournal(journal_of(second).calls)
    assert (await run(cached(), replace(sharing(in_turn()), journal=again))).raw == "said"
    assert len(again.calls) == 1


@pytest.mark.parametrize(("config", "made"), [({}, 2), ({"cache_ttl_s": 60}, 1)])
async def test_a_tools_results_are_reused_across_runs_only_with_a_time_of_their_own(
    config: dict[str, Any], made: int
) -> None:
    calls: list[str] = []

    @tool("look")
    def look(x: str) -> str:
        """Looks."""
        calls.append(x)
        return f"seen {x}"

    results = Cache(shares_failures=True)
    spec = crew(task("a"), agents=(agent(tools=(ToolSpec(name="look", config=config),)),))
    for _ in range(2):
        given = sharing(in_turn(use("look", x="it"), "done"))
        given = replace(given, tools=ToolRegistry.simulated().with_tools([look]), tool_results=results)
        assert (await run(spec, given)).raw == "done"
        assert "seen it" in str(journal_of(given).calls[-1].intent.messages[-1]["content"])
    assert len(calls) == made


def output_cached(**fields: Any) -> CrewSpec:
    return crew(task("a", cache_ttl_s=60, **fields), task("b"))


async def test_a_tasks_output_is_taken_over_and_booked_as_such() -> None:
    clock = Clock()
    outputs = Cache(MemoryStore(clock=clock))
    await run(output_cached(), sharing(in_turn("one", "two"), outputs=outputs))
    clock.now += 7
    second = sharing(in_turn("three"), outputs=outputs)
    output = await run(output_cached(), second)
    assert [result.raw for result in output.results] == ["one", "three"]
    hit, _ = journal_of(second).calls
    assert (hit.intent.kind, hit.outcome.cache_hit, hit.outcome.cache_age_s) == (CallKind.TASK, True, 7)
    assert hit.outcome.cost_usd == 0
    assert output.results[0].cache_key == "", "what was taken over is not kept a second time"


@pytest.mark.parametrize("change", [{"description": "Do another."}, {"expected_output": "x"}, {"markdown": True}])
async def test_another_task_is_another_output(change: dict[str, Any]) -> None:
    outputs = Cache()
    await run(output_cached(), sharing(in_turn("one", "two"), outputs=outputs))
    output = await run(output_cached(**change), sharing(in_turn("three", "four"), outputs=outputs))
    assert output.results[0].raw == "three"


async def test_a_failed_tasks_output_is_not_kept() -> None:
    outputs = Cache()
    await run(output_cached(), sharing(in_turn("", ""), outputs=outputs))
    output = await run(output_cached(), sharing(in_turn("one", "two"), outputs=outputs))
    assert output.raw == "two"


async def test_an_output_taken_over_in_a_second_life_keeps_the_calls_of_the_first() -> None:
    """The first life paid a call and was killed; meanwhile another run made the output. No step is booked twice."""
    outputs = Cache()
    spec = crew(task("a", cache_ttl_s=60), agents=(agent(tools=("calculator",)),))
    killed = MemoryJournal()
    await run(spec, replace(sharing(in_turn(use("calculator", expression="1 + 1"), "two")), journal=killed))
    await run(spec, sharing(in_turn("of another run"), outputs=outputs))
    again = MemoryJournal(killed.calls[:2])
    output = await run(spec, replace(sharing(in_turn(), outputs=outputs), journal=again))
    assert output.raw == "of another run"
    finished = [
        (call.intent.task, call.intent.branch, call.intent.step)
        for call in again.calls
        if call.outcome.status is CallStatus.OK
    ]
    assert len(finished) == len(set(finished)) == 3
