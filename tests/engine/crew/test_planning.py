"""Planning: one request before the first task, counted and replayed like any other; its plans reach the agents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.crewai.kickoff import Agent, Crew, Task
from engine.crewai.results import KickoffFailed, usage_of
from engine.errors import ModelMistake, ProviderError
from engine.providers.llm import LLMRequest
from engine.providers.simulator import Simulator
from engine.record.journal import CREW_TASK, Purpose
from engine.record.memory_journal import MemoryJournal
from tests.engine.bills import EACH, Till
from tests.engine.crews import agent, crew, run, runtime, task
from tests.engine.scripts import in_turn

PLAN = json.dumps({"a": "First look, then write.", "b": ""})
SPEC = crew(task("a"), task("b", expected_output="A text"), planning=True)


async def test_each_agent_is_shown_the_plan_of_its_own_task_below_the_users_words() -> None:
    journal = MemoryJournal()
    output = await run(SPEC, runtime(llm=in_turn(PLAN, "one", "two"), journal=journal))
    assert output.raw == "two"
    planning, first, second = journal.calls
    assert (planning.intent.task, planning.intent.purpose) == (CREW_TASK, Purpose.PLANNING)
    assert first.intent.messages[1]["content"] == "Do a.\n\nPlan:\nFirst look, then write."
    assert "Plan:" not in second.intent.messages[1]["content"]
    asked = planning.intent.messages[1]["content"]
    assert "Task: Do a." in asked
    assert "Expected output: A text" in asked


@pytest.mark.parametrize(
    ("fields", "model"),
    [({}, "gpt-4o-mini"), ({"planning_llm": "gpt-4o"}, "gpt-4o"), ({"manager_llm": "gpt-4.1"}, "gpt-4.1")],
)
async def test_who_plans(fields: dict[str, Any], model: str) -> None:
    journal = MemoryJournal()
    await run(SPEC.from_json(SPEC.to_json() | fields), runtime(llm=in_turn(PLAN, "one", "two"), journal=journal))
    assert journal.calls[0].intent.model == model


async def test_a_model_without_schemas_is_told_the_form_in_words_and_repairs_once() -> None:
    journal = MemoryJournal()
    spec = SPEC.from_json(SPEC.to_json() | {"planning_llm": "my-own-model"})
    llm = in_turn("Let me think.", f"Here it is: {PLAN}", "one", "two")
    assert (await run(spec, runtime(llm=llm, journal=journal))).raw == "two"
    assert "one JSON value" in journal.calls[0].intent.messages[1]["content"]
    assert "not JSON" in journal.calls[1].intent.messages[-1]["content"]


@pytest.mark.parametrize("bad", ['{"a": "x"}', '{"a": "x", "b": "y", "c": "z"}', '{"a": 1, "b": 2}', "[]"])
async def test_plans_that_stay_unreadable_end_the_run_by_name_with_what_was_paid(bad: str) -> None:
    journal = MemoryJournal()
    with pytest.raises(ModelMistake):
        await run(SPEC, runtime(llm=in_turn(bad, bad), journal=journal))
    assert [call.intent.purpose for call in journal.calls] == [Purpose.PLANNING] * 2


async def test_a_kickoff_whose_planning_fails_knows_what_it_paid() -> None:
    worker = Agent(role="Worker")
    tasks = [Task(description="Do.", agent=worker)]
    team = Crew(agents=[worker], tasks=tasks, planning=True, llm_client=Till(lambda request: "no plan"))
    with pytest.raises(KickoffFailed) as failed:
        await team.akickoff()
    assert failed.value.output.token_usage.total_tokens == 2 * EACH


async def test_planning_that_the_provider_refuses_ends_the_run_by_name() -> None:
    with pytest.raises(ProviderError, match="gone"):
        await run(SPEC, runtime(llm=in_turn(ProviderError("gone", retryable=False))))


async def test_planning_is_two_calls_and_both_are_reported() -> None:
    worker = Agent(role="Worker")

    def script(request: LLMRequest) -> str:
        return '{"task_1": "go"}' if request.response_schema else "done"

    till = Till(script)
    team = Crew(agents=[worker], tasks=[Task(description="Do.", agent=worker)], planning=True, llm_client=till)
    usage = (await team.akickoff()).token_usage
    assert (usage.successful_requests, usage.total_tokens) == (2, till.tokens) == (2, 2 * EACH)


@pytest.mark.parametrize("kept", range(4))
async def test_a_replay_plans_once(kept: int) -> None:
    first = MemoryJournal()
    await run(SPEC, runtime(llm=in_turn(PLAN, "one", "two"), journal=first))
    again = MemoryJournal(first.calls[:kept])
    left = [PLAN, "one", "two"][kept:]
    assert (await run(SPEC, runtime(llm=in_turn(*left), journal=again))).raw == "two"
    assert usage_of(again).total_tokens == usage_of(first).total_tokens


async def test_a_plan_in_a_hierarchy_reaches_the_manager() -> None:
    spec = crew(
        task("a", agent=None), agents=(agent("writer"),), process="hierarchical", manager_llm="gpt-4o", planning=True
    )
    journal = MemoryJournal()
    await run(spec, runtime(llm=in_turn('{"a": "Ask the writer."}', "written"), journal=journal))
    assert "Plan:\nAsk the writer." in journal.calls[1].intent.messages[1]["content"]
    assert "chosen by the manager" in journal.calls[0].intent.messages[1]["content"]


async def test_the_simulator_can_plan() -> None:
    journal = MemoryJournal()
    output = await run(SPEC, runtime(llm=Simulator(), journal=journal))
    assert output.status == "succeeded"
    assert len(journal.calls) == 3
