"""What was paid is what is reported: in every case in which CrewAI was measured to report something else, and more."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from engine.crewai.kickoff import LLM, Agent, Crew, Task
from engine.crewai.results import KickoffFailed, usage_of
from engine.errors import ProviderError
from engine.providers.litellm_client import Credential, LiteLLMClient
from engine.providers.llm import LLMRequest
from engine.providers.simulator import Simulator
from engine.record.journal import CallKind, CallStatus, Purpose
from engine.record.memory_journal import MemoryJournal
from tests.engine.bills import EACH, AllAtOnce, Till, tokens_by
from tests.engine.crews import agent, crew, run, runtime, task
from tests.engine.scripts import by_role, use
from tests.openai_server import Fault, OpenAIServer, tool_call


def two_agents(till: Till, **fields: Any) -> Crew:
    shared = LLM("gpt-4o-mini")
    agents = [Agent(role="Reader", llm=shared), Agent(role="Writer", llm=shared)]
    tasks = [Task(description="Do it.", agent=one) for one in agents]
    return Crew(agents=agents, tasks=tasks, llm_client=till, **fields)


async def test_two_agents_that_share_one_llm_object_are_counted_once() -> None:
    team = two_agents(Till())
    result = await team.akickoff()
    assert result.token_usage.total_tokens == 2 * EACH
    assert team.usage_metrics == result.token_usage


async def test_a_second_kickoff_starts_from_nothing() -> None:
    team = two_agents(till := Till())
    for _ in range(3):
        assert (await team.akickoff()).token_usage.total_tokens == 2 * EACH
    assert till.tokens == 6 * EACH


async def test_a_failed_run_knows_what_it_paid() -> None:
    def script(request: LLMRequest) -> str:
        if "Writer" in str(request.messages[0]["content"]):
            raise ProviderError("gone", retryable=False)
        return "read"

    team = two_agents(till := Till(script))
    with pytest.raises(KickoffFailed) as failed:
        await team.akickoff()
    assert team.usage_metrics == failed.value.output.token_usage
    assert team.usage_metrics is not None
    assert (team.usage_metrics.total_tokens, till.tokens) == (EACH, EACH)
    assert failed.value.output.tasks_output[0].raw == "read"


async def test_a_run_that_was_cancelled_or_stopped_by_a_bug_knows_what_it_paid() -> None:
    class Stuck(Till):
        async def before_answer(self, request: LLMRequest) -> None:
            if self.bill:
                raise self.trouble

    for trouble in (asyncio.CancelledError(), ZeroDivisionError()):
        till = Stuck()
        till.trouble = trouble  # type: ignore[attr-defined]
        team = two_agents(till)
        with pytest.raises(type(trouble)):
            await team.akickoff()
        assert team.usage_metrics is not None
        assert team.usage_metrics.total_tokens == EACH


async def test_planning_is_counted() -> None:
    journal = MemoryJournal()
    till = Till(lambda request: '{"a": "first this"}' if "short plan" in str(request.messages[1]) else "done")
    await run(crew(task("a"), planning=True), runtime(llm=till, journal=journal))
    assert [call.intent.purpose for call in journal.calls] == [Purpose.PLANNING, Purpose.WORK]
    assert usage_of(journal).total_tokens == till.tokens == 2 * EACH


async def test_guardrails_managers_and_repairs_are_counted() -> None:
    verdicts = ['{"passes": false, "reason": "longer"}', '{"passes": true, "reason": ""}']
    script = by_role(
        manager=[use("delegate_work", coworker="writer", instructions=""), use("accept_answer"), "a longer text"],
        writer="text",
    )._script
    assert script is not None

    def judged(request: LLMRequest) -> Any:
        return verdicts.pop(0) if "<answer>" in str(request.messages[0]["content"]) else script(request)

    journal = MemoryJournal()
    rail = {"kind": "question", "question": "Is it long?", "llm": "gpt-4o-mini"}
    spec = crew(
        task("a", agent=None, guardrails=(rail,)),
        agents=(agent("writer"),),
        process="hierarchical",
        manager_llm="gpt-4o",
    )
    output = await run(spec, runtime(llm=(till := Till(judged)), journal=journal))
    assert output.raw == "a longer text"
    assert usage_of(journal).total_tokens == till.tokens == 6 * EACH
    assert tokens_by(journal, "purpose") == {"manager": 2 * EACH, "work": EACH, "guardrail": 3 * EACH}
    assert tokens_by(journal, "agent") == {"manager": 5 * EACH, "writer": EACH}
    assert tokens_by(journal, "model") == {"gpt-4o": 3 * EACH, "gpt-4o-mini": 3 * EACH}
    assert tokens_by(journal, "task") == {"a": 6 * EACH}


async def test_a_batch_keeps_every_result_and_its_usage_is_the_sum() -> None:
    def script(request: LLMRequest) -> str:
        if "row 3" in str(request.messages[1]["content"]):
            raise ProviderError("gone", retryable=False)
        return "ok"

    worker = Agent(role="Worker")
    tasks = [Task(description="First.", agent=worker), Task(description="About row {row}.", agent=worker)]
    team = Crew(agents=[worker], tasks=tasks, llm_client=(till := Till(script)))
    outputs = await team.akickoff_for_each([{"row": n} if n != 7 else {} for n in range(10)])
    assert [output.status for output in outputs] == ["failed" if n in (3, 7) else "succeeded" for n in range(10)]
    assert "row" in outputs[7].error
    assert team.usage_metrics == sum((output.token_usage for output in outputs[1:]), outputs[0].token_usage)
    assert team.usage_metrics is not None
    assert team.usage_metrics.total_tokens == till.tokens == 17 * EACH


class Even(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def _is_even(cls, n: int) -> int:
        if n % 2:
            raise ValueError("odd")
        return n


async def test_an_answer_that_a_python_validator_refuses_fails_its_row_alone() -> None:
    worker = Agent(role="Worker")
    team = Crew(
        agents=[worker],
        tasks=[Task(description="Say {n}.", agent=worker, output_pydantic=Even)],
        llm_client=Till(lambda request: json.dumps({"n": int(str(request.messages[1]["content"])[4])})),
    )
    outputs = await team.akickoff_for_each([{"n": 1}, {"n": 2}])
    assert [output.status for output in outputs] == ["failed", "succeeded"]
    assert "does not fit Even" in outputs[0].error
    assert outputs[0].raw == '{"n":1}'
    assert outputs[1].pydantic == Even(n=2)
    with pytest.raises(KickoffFailed, match="does not fit Even"):
        await team.akickoff({"n": 3})
    assert team.usage_metrics is not None
    assert team.usage_metrics.total_tokens == EACH


async def test_two_asynchronous_tasks_of_one_agent_are_asked_at_once() -> None:
    worker = Agent(role="Worker")
    tasks = [Task(description=f"Do {n}.", agent=worker, async_execution=True) for n in range(2)]
    team = Crew(agents=[worker], tasks=tasks, llm_client=AllAtOnce(2))
    assert (await team.akickoff()).token_usage.total_tokens == 2 * EACH


async def test_a_synchronous_task_does_not_wait_for_asynchronous_ones_that_it_does_not_read() -> None:
    reader_asked = asyncio.Event()

    class Slow(Till):
        async def before_answer(self, request: LLMRequest) -> None:
            if "Do slow." in str(request.messages[1]["content"]):
                await asyncio.wait_for(reader_asked.wait(), 30)
            if "Do reader." in str(request.messages[1]["content"]):
                reader_asked.set()

    spec = crew(
        task("slow", async_execution=True, context=()),
        task("quick", async_execution=True, context=()),
        task("reader", context=("quick",)),
        task("end", context=("slow", "reader")),
    )
    assert (await run(spec, runtime(llm=Slow()))).status == "succeeded"


async def test_a_hundred_crews_are_all_in_flight_at_once() -> None:
    till = AllAtOnce(100)
    worker = Agent(role="Worker")
    teams = [
        Crew(agents=[worker], tasks=[Task(description="Do it.", agent=worker)], llm_client=till) for _ in range(100)
    ]
    outputs = await asyncio.gather(*(team.akickoff() for team in teams))
    assert till.most_in_flight == 100
    assert sum(output.token_usage.total_tokens for output in outputs) == 100 * EACH


async def test_a_reply_out_of_the_cache_is_no_request() -> None:
    journal = MemoryJournal()
    till = Till(lambda request: "same")
    spec = crew(task("a", description="Do it."), task("b", description="Do it.", context=()), agents=(
        agent(llm={"model": "gpt-4o-mini", "cache_ttl_s": 60}),
    ))  # fmt: skip
    await run(spec, runtime(llm=till, journal=journal))
    usage = usage_of(journal)
    assert (usage.successful_requests, usage.total_tokens, len(till.bill)) == (1, EACH, 1)


def client(server: OpenAIServer) -> LiteLLMClient:
    return LiteLLMClient(lambda llm: Credential(api_key="k", base_url=server.url))


NOW = {"Retry-After": "0"}


async def test_our_bill_is_the_servers_own_with_tools_retries_and_fallbacks() -> None:
    faults = [Fault(500, headers=NOW), Fault(429, headers=NOW)]

    def answers(body: dict[str, Any]) -> Any:
        if body["model"] == "gpt-4o":
            return Fault(400)
        if any(message["role"] == "tool" for message in body["messages"]):
            return faults.pop() if faults else "done"
        return tool_call("calculator", {"expression": "6 * 7"})

    journal = MemoryJournal()
    llm = {"model": "gpt-4o", "fallbacks": ["gpt-4o-mini"]}
    spec = crew(task("a"), task("b"), agents=(agent(llm=llm, tools=("calculator",)),))
    with OpenAIServer(answers, cached_tokens=3) as server:
        output = await run(spec, runtime(llm=client(server), journal=journal))
        usage = usage_of(journal)
        assert output.raw == "done"
        assert usage.prompt_tokens == server.prompt_tokens
        assert usage.completion_tokens == server.completion_tokens
        assert usage.cached_prompt_tokens == sum(one.cached_tokens for one in server.billed) == 12
        assert usage.successful_requests == len(server.billed) == 4
        lines = [call for call in journal.calls if call.intent.kind is CallKind.MODEL]
        assert len(lines) == server.requests == 10
        assert all(call.outcome.cost_usd == 0 for call in lines if call.outcome.status is CallStatus.ERROR)


async def test_a_cut_connection_is_booked_at_its_worst_and_the_rest_as_billed() -> None:
    journal = MemoryJournal()
    llm = {"model": "gpt-4o", "fallbacks": ["gpt-4o-mini"]}
    with OpenAIServer(lambda body: Fault(cut=True) if body["model"] == "gpt-4o" else "done") as server:
        spec = crew(task("a"), agents=(agent(llm=llm, max_retry_limit=0),))
        await run(spec, runtime(llm=client(server), journal=journal))
    cut, done = journal.calls
    assert (cut.outcome.status, done.outcome.status) == (CallStatus.UNKNOWN, CallStatus.OK)
    assert cut.outcome.cost_usd == cut.intent.reserved_usd > 0
    assert done.outcome.usage.total_tokens == server.prompt_tokens + server.completion_tokens
    assert usage_of(journal).cost_usd == (cut.outcome.cost_usd or 0) + (done.outcome.cost_usd or 0)


@pytest.mark.parametrize("figures", [None, {"prompt_tokens": 0}, {"prompt_tokens": -3, "completion_tokens": -1}])
async def test_usage_that_cannot_be_true_is_counted_here_and_marked(figures: dict[str, int] | None) -> None:
    journal = MemoryJournal()
    with OpenAIServer(lambda body: {"role": "assistant", "content": "four words are here", "usage": figures}) as server:
        await run(crew(task("a")), runtime(llm=client(server), journal=journal))
    (call,) = journal.calls
    assert call.outcome.usage.estimated
    assert call.outcome.usage.prompt_tokens == call.intent.prompt_tokens
    assert call.outcome.usage.completion_tokens == 4
    assert Decimal(0) < (call.outcome.cost_usd or Decimal(0)) <= call.intent.reserved_usd


async def test_a_reservation_counts_the_schema_that_is_sent() -> None:
    journal = MemoryJournal()
    schema = {"type": "object", "properties": {f"field_{n}": {"type": "string"} for n in range(300)}}
    await run(crew(task("a", output_schema=schema)), runtime(llm=Simulator(), journal=journal))
    (call,) = journal.calls
    assert "response_schema" in call.intent.params
    assert call.intent.prompt_tokens > 300 * 5
