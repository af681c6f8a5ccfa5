"""Running crews: results, failures, limits, replay. The model is scripted; everything else is real."""

from __future__ import annotations

import asyncio
import gc
from decimal import Decimal
from typing import Any

import pytest

from engine.concurrency import cancel_all
from engine.errors import Cancelled, InvalidCrew, LimitReached, ProviderError
from engine.providers.llm import LLMReply, LLMRequest, ToolCall
from engine.providers.simulator import Simulator, answer
from engine.record.journal import CallKind, CallStatus, TaskStatus
from engine.record.limits import RunLimits
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import Condition, LengthGuardrail
from tests.engine.crews import agent, crew, run, runtime, task

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def by_task(replies: dict[str, Any]) -> Simulator:
    """Answers by what the task's description says; an exception is raised, a function is called with the request."""

    def script(request: LLMRequest) -> LLMReply | str:
        text = request.messages[1]["content"]
        reply = next(reply for key, reply in replies.items() if f"Do {key}." in text)
        if isinstance(reply, Exception):
            raise reply
        return reply(request) if callable(reply) else reply

    return Simulator(script=script)


def trouble(*, retryable: bool, unknown: bool = False) -> ProviderError:
    return ProviderError("no", retryable=retryable, outcome_unknown=unknown, retry_after_s=0)


async def test_the_last_tasks_answer_is_the_crews() -> None:
    output = await run(crew(task("a"), task("b")), runtime(llm=by_task({"a": "one", "b": "two"})))
    assert (output.status, output.raw) == (TaskStatus.SUCCEEDED, "two")


async def test_context_carries_earlier_outputs_and_nothing_else() -> None:
    journal = MemoryJournal()
    spec = crew(task("a"), task("b"), task("c", context=("b",)))
    await run(spec, runtime(llm=by_task({"a": "first", "b": "second", "c": "third"}), journal=journal))
    asked = journal.calls[-1].intent.messages[1]["content"]
    assert "second" in asked
    assert "first" not in asked


async def test_the_system_message_is_the_same_bytes_in_all_tasks_of_one_agent() -> None:
    journal = MemoryJournal()
    await run(crew(task("a"), task("b")), runtime(journal=journal))
    assert len({str(call.intent.messages[0]) for call in journal.calls}) == 1


async def test_independent_tasks_finish_when_one_fails_and_its_readers_are_cancelled() -> None:
    spec = crew(
        task("bad", async_execution=True, context=()),
        task("good", async_execution=True, context=()),
        task("reader", context=("bad",)),
    )
    llm = by_task({"bad": trouble(retryable=False), "good": "kept", "reader": "never"})
    output = await run(spec, runtime(llm=llm))
    assert output.status is TaskStatus.FAILED
    assert [result.status.value for result in output.results] == ["failed", "succeeded", "cancelled"]
    assert output.results[1].raw == "kept"
    assert "bad" in output.error


async def test_each_attempt_is_a_ledger_line_and_retries_are_bounded() -> None:
    journal = MemoryJournal()
    llm = by_task({"a": trouble(retryable=True)})
    output = await run(crew(task("a"), agents=(agent(max_retry_limit=2),)), runtime(llm=llm, journal=journal))
    assert output.status is TaskStatus.FAILED
    assert [(call.intent.attempt, call.outcome.status.value) for call in journal.calls] == [
        (1, "error"),
        (2, "error"),
        (3, "error"),
    ]
    assert all(call.outcome.cost_usd == 0 for call in journal.calls)


async def test_what_may_have_been_billed_is_booked_at_its_worst() -> None:
    journal = MemoryJournal()
    spec = crew(task("a"), agents=(agent(max_retry_limit=0),))
    await run(spec, runtime(llm=by_task({"a": trouble(retryable=True, unknown=True)}), journal=journal))
    (call,) = journal.calls
    assert call.outcome.status is CallStatus.UNKNOWN
    assert call.outcome.cost_usd == call.intent.reserved_usd > 0


async def test_fallbacks_answer_when_the_model_fails_for_good() -> None:
    journal = MemoryJournal()
    asked: list[str] = []

    def script(request: LLMRequest) -> str:
        asked.append(request.llm.model)
        if request.llm.model == "gpt-4o":
            raise trouble(retryable=False)
        return "from the fallback"

    spec = crew(task("a"), agents=(agent(llm={"model": "gpt-4o", "fallbacks": ["gpt-4o-mini"]}),))
    output = await run(spec, runtime(llm=Simulator(script=script), journal=journal))
    assert (output.raw, asked) == ("from the fallback", ["gpt-4o", "gpt-4o-mini"])
    assert [call.intent.attempt for call in journal.calls] == [1, 2]


async def test_who_asks_for_too_long_a_pause_is_not_waited_for() -> None:
    journal = MemoryJournal()
    busy = ProviderError("later", retryable=True, retry_after_s=3600)
    output = await run(crew(task("a")), runtime(llm=by_task({"a": busy}), journal=journal))
    assert output.status is TaskStatus.FAILED
    assert len(journal.calls) == 1


async def test_a_fallback_whose_window_is_too_small_is_passed_over() -> None:
    asked: list[str] = []

    def script(request: LLMRequest) -> str:
        asked.append(request.llm.model)
        if request.llm.model == "gpt-4o":
            raise trouble(retryable=False)
        return "from the large one"

    llm = {"model": "gpt-4o", "fallbacks": ["gpt-4", "gpt-4o-mini"]}
    spec = crew(task("a", description="word " * 20_000), agents=(agent(llm=llm),))
    output = await run(spec, runtime(llm=Simulator(script=script)))
    assert (output.raw, asked) == ("from the large one", ["gpt-4o", "gpt-4o-mini"])


async def test_a_named_key_is_not_handed_to_another_providers_fallback() -> None:
    asked: list[tuple[str, str | None]] = []

    def script(request: LLMRequest) -> str:
        asked.append((request.llm.model, request.llm.credential))
        raise trouble(retryable=False)

    llm = {"model": "gpt-4o", "credential": "ours", "fallbacks": ["gpt-4o-mini", "claude-sonnet-4-5"]}
    await run(crew(task("a"), agents=(agent(llm=llm),)), runtime(llm=Simulator(script=script)))
    assert asked == [("gpt-4o", "ours"), ("gpt-4o-mini", "ours"), ("claude-sonnet-4-5", None)]


async def test_structured_output_is_repaired_once() -> None:
    answers = iter(["not json", '{"n": 7}'])
    output = await run(
        crew(task("a", output_schema=SCHEMA)), runtime(llm=Simulator(script=lambda request: next(answers)))
    )
    assert (output.raw, output.data) == ('{"n":7}', {"n": 7})


async def test_structured_output_that_stays_wrong_fails_its_task_and_names_the_fault() -> None:
    output = await run(crew(task("a", output_schema=SCHEMA)), runtime(llm=by_task({"a": '{"n": "seven"}'})))
    assert output.status is TaskStatus.FAILED
    assert "/n" in output.error


async def test_a_pattern_that_never_ends_costs_an_answer_and_not_the_worker() -> None:
    spec = crew(task("a", guardrails=({"kind": "regex", "pattern": "(a|aa)+$"},)))
    output = await run(spec, runtime(llm=by_task({"a": "a" * 60 + "!"})))
    assert output.status is TaskStatus.FAILED
    assert "takes more than 2 s" in output.error
    assert output.error_code == "too_much_work"


async def test_a_guardrail_sends_an_answer_back_and_gives_up_in_the_end() -> None:
    rail = LengthGuardrail(max_words=2)
    answers = iter(["far too many words", "two words"])
    good = await run(crew(task("a", guardrails=(rail,))), runtime(llm=Simulator(script=lambda r: next(answers))))
    assert good.raw == "two words"
    spec = crew(task("a", guardrails=(rail,), guardrail_max_retries=1))
    bad = await run(spec, runtime(llm=by_task({"a": "far too many words"})))
    assert bad.status is TaskStatus.FAILED


async def test_a_condition_skips_its_task() -> None:
    spec = crew(task("triage"), task("escalate", condition={"task": "triage", "contains": "urgent"}))
    output = await run(spec, runtime(llm=by_task({"triage": "calm", "escalate": "never"})))
    assert [result.status.value for result in output.results] == ["succeeded", "skipped"]
    assert output.raw == "calm"


async def test_an_empty_answer_is_asked_for_again_and_then_fails() -> None:
    output = await run(crew(task("a")), runtime(llm=by_task({"a": " "})))
    assert output.error.startswith("The task 'a' failed: The model gave no answer")


async def test_missing_inputs_and_bad_specs_are_refused_before_anything_is_spent() -> None:
    journal = MemoryJournal()
    with pytest.raises(InvalidCrew) as refused:
        await run(crew(task("a", description="About {x} and {y}", context=("ghost",))), runtime(journal=journal))
    assert {complaint.field for complaint in refused.value.complaints} == {"tasks.a.context", "inputs.x", "inputs.y"}
    assert journal.calls == []


async def test_a_runs_budget_stops_before_the_call_that_could_go_beyond_it() -> None:
    journal = MemoryJournal()
    with pytest.raises(LimitReached) as reached:
        await run(crew(task("a"), task("b")), runtime(journal=journal, limits=RunLimits(max_usd=Decimal("0.00255"))))
    assert reached.value.limit == "max_usd"
    assert sum(call.outcome.cost_usd or 0 for call in journal.calls) <= Decimal("0.00255")


async def test_a_limit_on_calls() -> None:
    journal = MemoryJournal()
    with pytest.raises(LimitReached):
        await run(crew(*(task(f"t{n}") for n in range(5))), runtime(journal=journal, limits=RunLimits(max_calls=3)))
    assert len(journal.calls) == 3


async def test_an_agent_that_takes_too_long_fails_its_task() -> None:
    spec = crew(task("a"), agents=(agent(max_execution_time_s=0.02),))
    output = await run(spec, runtime(llm=Simulator(latency_s=5)))
    assert output.results[0].error_code == "max_execution_time"


async def test_a_cancelled_run_settles_the_calls_in_flight() -> None:
    journal = MemoryJournal()
    spec = crew(*(task(f"t{n}", async_execution=True, context=()) for n in range(3)))
    job = asyncio.create_task(run(spec, runtime(llm=Simulator(latency_s=30), journal=journal)))
    await asyncio.sleep(0.05)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert [call.outcome.error_code for call in journal.calls] == ["cancelled"] * 3


async def test_replay_pays_nothing_twice_whatever_was_finished() -> None:
    spec = crew(
        task("a"), task("b", output_schema=SCHEMA), task("c"), agents=(agent(tools=("web_search", "calculator")),)
    )
    first = MemoryJournal()
    whole = await run(spec, runtime(journal=first))
    for kept in range(len(first.calls) + 1):
        again = MemoryJournal(calls=first.calls[:kept])
        output = await run(spec, runtime(journal=again))
        assert output.raw == whole.raw
        assert len(again.calls) == len(first.calls)
    nothing = MemoryJournal(calls=first.calls, results=first.results)
    await run(spec, runtime(llm=by_task({}), journal=nothing))
    assert len(nothing.calls) == len(first.calls)


def calls_tool(name: str, arguments: str) -> Any:
    def reply(request: LLMRequest) -> LLMReply | str:
        if any(message["role"] == "tool" for message in request.messages) or not request.may_call_tools:
            return "done"
        return answer(request, tool_calls=(ToolCall("c1", name, arguments),))

    return reply


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("no_such_tool", "{}", "model_mistake"),
        ("calculator", "{not json", "model_mistake"),
        ("calculator", "[1]", "model_mistake"),
        ("calculator", "{}", "model_mistake"),
        ("calculator", '{"expression": "1/0"}', "tool_failed"),
    ],
)
async def test_a_bad_tool_call_is_recorded_told_and_survived(name: str, arguments: str, code: str) -> None:
    journal = MemoryJournal()
    spec = crew(task("a"), agents=(agent(tools=("calculator",)),))
    output = await run(spec, runtime(llm=by_task({"a": calls_tool(name, arguments)}), journal=journal))
    assert output.raw == "done"
    (tool,) = [call for call in journal.calls if call.intent.kind is CallKind.TOOL]
    assert (tool.outcome.status, tool.outcome.error_code) == (CallStatus.ERROR, code)
    assert journal.calls[-1].intent.messages[-1]["content"].startswith("<tool_output>\nError:")


async def test_an_agent_that_repeats_itself_is_asked_for_its_best_answer() -> None:
    def stubborn(request: LLMRequest) -> LLMReply | str:
        if not request.may_call_tools:
            return "best answer"
        return answer(request, tool_calls=(ToolCall("c", "calculator", '{"expression": "1+1"}'),))

    journal = MemoryJournal()
    spec = crew(task("a"), agents=(agent(tools=("calculator",)),))
    output = await run(spec, runtime(llm=by_task({"a": stubborn}), journal=journal))
    assert output.raw == "best answer"
    tools = [call for call in journal.calls if call.intent.kind is CallKind.TOOL]
    assert [call.outcome.cache_hit for call in tools] == [False, True, True]


async def test_two_tasks_that_ask_a_tool_the_same_at_once_cost_one_call() -> None:
    journal = MemoryJournal()
    llm = by_task({key: calls_tool("web_search", '{"query": "x"}') for key in "ab"})
    spec = crew(
        task("a", async_execution=True), task("b", async_execution=True), agents=(agent(tools=("web_search",)),)
    )
    await run(spec, runtime(llm=llm, journal=journal))
    hits = [call.outcome.cache_hit for call in journal.calls if call.intent.kind is CallKind.TOOL]
    assert sorted(hits) == [False, True]


async def test_every_call_has_its_agent_and_its_prices() -> None:
    journal = MemoryJournal()
    await run(crew(task("a")), runtime(journal=journal))
    (call,) = journal.calls
    assert call.intent.agent == "worker"
    assert call.intent.price is not None
    assert call.intent.simulated
    assert 0 < (call.outcome.cost_usd or 0) <= call.intent.reserved_usd


async def test_inputs_are_filled_into_names_and_conditions_too() -> None:
    condition = Condition(task="a", contains="{city}")
    spec = crew(task("a", name="On {city}"), task("b", condition=condition), task("c", context=("a",)))
    asked: list[LLMRequest] = []

    def script(request: LLMRequest) -> str:
        asked.append(request)
        return "All about Bonn."

    output = await run(spec, runtime(llm=Simulator(script=script)), city="Bonn")
    assert [result.status for result in output.results] == ["succeeded"] * 3
    assert any("## On Bonn" in str(request.messages[1]["content"]) for request in asked)
    with pytest.raises(InvalidCrew, match=r"inputs\.city"):
        await run(spec)


async def test_nothing_that_was_raised_is_left_for_the_log() -> None:
    unheard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: unheard.append(context))

    async def failing() -> None:
        raise Cancelled("The run was asked to stop.")

    async def working() -> None:
        await asyncio.sleep(60)

    jobs = [asyncio.create_task(failing()), asyncio.create_task(working())]
    await asyncio.sleep(0.01)
    await cancel_all(jobs)
    jobs.clear()
    gc.collect()
    assert unheard == []
