"""The hierarchical process and co-workers: who is asked what, what counts as the output, and what a replay repeats."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from engine.providers.llm import LLMReply, LLMRequest
from engine.providers.simulator import Simulator
from engine.record.journal import CallKind, CallStatus, Purpose, RefusedBy, TaskStatus
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import CrewSpec
from tests.engine.crews import agent, crew, run, runtime, task
from tests.engine.scripts import by_role, use, use_all

TEAM = (agent("writer", goal="Write well"), agent("checker", goal="Check facts"))


def managed(**fields: Any) -> CrewSpec:
    work = task("a", agent=None, expected_output="A text", **fields)
    return crew(work, agents=TEAM, process="hierarchical", manager_llm="gpt-4o")


def delegate(coworker: str, instructions: str = "") -> Any:
    return use("delegate_work", coworker=coworker, instructions=instructions)


async def test_an_accepted_answer_is_the_output_as_it_stands() -> None:
    journal = MemoryJournal()
    llm = by_role(manager=[delegate("writer"), use("accept_answer")], writer="The text")
    output = await run(managed(), runtime(llm=llm, journal=journal))
    assert output.raw == "The text"
    asked = [(call.intent.agent, call.intent.purpose) for call in journal.calls if call.intent.kind is CallKind.MODEL]
    assert asked == [("manager", Purpose.MANAGER), ("writer", Purpose.WORK), ("manager", Purpose.MANAGER)]


async def test_work_is_sent_back_with_what_to_change() -> None:
    journal = MemoryJournal()
    llm = by_role(
        manager=[delegate("writer"), delegate("writer", "Make it shorter"), use("accept_answer")],
        writer=["Long text", "Short text"],
    )
    output = await run(managed(), runtime(llm=llm, journal=journal))
    assert output.raw == "Short text"
    second = [call for call in journal.calls if call.intent.agent == "writer"][1]
    content = second.intent.messages[1]["content"]
    assert "Do a." in content
    assert "Make it shorter" in content


async def test_of_a_refused_answer_that_was_accepted_the_co_workers_call_is_named() -> None:
    journal = MemoryJournal()
    llm = by_role(
        manager=[delegate("writer"), use("accept_answer"), "One"],
        writer="Two words",
    )
    rail = {"kind": "length", "max_words": 1}
    output = await run(managed(guardrails=(rail,)), runtime(llm=llm, journal=journal))
    assert output.raw == "One"
    assert journal.refused == {("a", "1.", None): RefusedBy.GUARDRAIL}


async def test_a_manager_that_accepts_too_early_is_told_so() -> None:
    llm = by_role(manager=[use("accept_answer"), delegate("writer"), use("accept_answer")], writer="The text")
    assert (await run(managed(), runtime(llm=llm))).raw == "The text"


async def test_what_a_manager_writes_itself_counts() -> None:
    llm = by_role(manager=[delegate("writer"), "The two of them say: text"], writer="text")
    assert (await run(managed(), runtime(llm=llm))).raw == "The two of them say: text"


async def test_a_task_with_an_agent_is_given_to_no_other() -> None:
    spec = crew(task("a", agent="checker"), agents=TEAM, process="hierarchical", manager_llm="gpt-4o")
    llm = by_role(manager=[delegate("writer"), delegate("checker"), use("accept_answer")], checker="Checked")
    assert (await run(spec, runtime(llm=llm))).raw == "Checked"


async def test_a_given_agent_can_be_the_manager() -> None:
    spec = crew(task("a", agent=None), agents=(agent("boss"), *TEAM), process="hierarchical", manager_agent="boss")
    llm = by_role(boss=[delegate("writer"), use("accept_answer")], writer="The text")
    assert (await run(spec, runtime(llm=llm))).raw == "The text"


async def test_a_managed_answer_still_has_to_fit_its_schema() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    llm = by_role(manager=[delegate("writer"), use("accept_answer"), '{"n": 2}'], writer="two")
    assert (await run(managed(output_schema=schema), runtime(llm=llm))).data == {"n": 2}


async def test_a_coworker_that_fails_is_the_managers_to_work_around() -> None:
    llm = by_role(
        manager=[delegate("writer"), delegate("checker"), use("accept_answer")], writer=["", ""], checker="Instead"
    )
    assert (await run(managed(), runtime(llm=llm))).raw == "Instead"


async def test_a_coworker_has_its_own_time_and_the_manager_is_told_when_it_is_over() -> None:
    journal = MemoryJournal()

    class Stuck(Simulator):
        async def complete(self, request: LLMRequest) -> LLMReply:
            if "The slow" in str(request.messages[0]["content"]):
                await asyncio.Event().wait()
            return await llm.complete(request)

    llm = by_role(manager=[delegate("slow"), delegate("writer"), use("accept_answer")], writer="Instead")
    spec = crew(
        task("a", agent=None),
        agents=(agent("slow", max_execution_time_s=0.05), agent("writer")),
        process="hierarchical",
        manager_llm="gpt-4o",
    )
    assert (await run(spec, runtime(llm=Stuck(), journal=journal))).raw == "Instead"
    told = [call.outcome.error for call in journal.calls if call.intent.kind is CallKind.TOOL]
    assert told[0] == "The slow did not finish within its 0.05 s."


async def test_two_coworkers_asked_in_one_reply_work_at_once() -> None:
    ask = {"background": "x"}
    llm = by_role(
        manager=[
            use_all(
                ("ask_coworker", {"coworker": "writer", "question": "a", **ask}),
                ("ask_coworker", {"coworker": "checker", "question": "b", **ask}),
            ),
            "Both said so",
        ],
        writer="yes",
        checker="no",
    )
    running, most = 0, 0

    class Watched(Simulator):
        async def complete(self, request: LLMRequest) -> LLMReply:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.02)
            running -= 1
            return await llm.complete(request)

    assert (await run(managed(), runtime(llm=Watched()))).raw == "Both said so"
    assert most == 2


async def test_agents_of_any_process_may_hand_work_on_once() -> None:
    lead = agent("lead", allow_delegation=True)
    helper = agent("helper", allow_delegation=True)
    spec = crew(task("a", agent="lead"), agents=(lead, helper))
    seen: list[int] = []

    def work(request: LLMRequest) -> str:
        seen.append(len(request.tools))
        return "Half of it"

    llm = by_role(lead=[use("delegate_work", coworker="helper", work="Half", background=""), "All of it"], helper=work)
    assert (await run(spec, runtime(llm=llm))).raw == "All of it"
    assert seen == [0], "a co-worker hands nothing on"


async def test_an_agent_that_may_not_delegate_has_no_such_tools() -> None:
    journal = MemoryJournal()
    await run(crew(task("a", agent="writer"), agents=TEAM), runtime(journal=journal))
    assert "tools" not in journal.calls[0].intent.params


@pytest.mark.parametrize("kept", range(9))
async def test_a_replay_pays_nothing_twice(kept: int) -> None:
    def replies() -> Simulator:
        return by_role(
            manager=[
                use_all(
                    ("ask_coworker", {"coworker": "writer", "question": "a", "background": ""}),
                    ("ask_coworker", {"coworker": "checker", "question": "b", "background": ""}),
                ),
                delegate("writer"),
                use("accept_answer"),
            ],
            writer=["yes", "The text"],
            checker="no",
        )

    first = MemoryJournal()
    await run(managed(), runtime(llm=replies(), journal=first))
    survived = first.calls[:kept]
    left = {(call.intent.branch, call.intent.step) for call in first.calls[kept:]}
    again = MemoryJournal(calls=survived)

    def remaining(request: LLMRequest) -> Any:
        content = str(request.messages[-1]["content"])
        if "the manager" in str(request.messages[0]["content"]):
            roles = Counter(message["role"] for message in request.messages)
            if roles["tool"] == 0:
                return replies_for_first(request)
            return (delegate("writer") if roles["tool"] == 2 else use("accept_answer"))(request)
        return "The text" if "Do a." in content else "yes" if content.startswith("a") else "no"

    def replies_for_first(request: LLMRequest) -> Any:
        return use_all(
            ("ask_coworker", {"coworker": "writer", "question": "a", "background": ""}),
            ("ask_coworker", {"coworker": "checker", "question": "b", "background": ""}),
        )(request)

    output = await run(managed(), runtime(llm=Simulator(script=remaining), journal=again))
    assert output.raw == "The text"
    new = [(call.intent.branch, call.intent.step) for call in again.calls[kept:]]
    assert set(new) <= left
    assert all(call.outcome.status is CallStatus.OK for call in again.calls)
    assert output.status is TaskStatus.SUCCEEDED


async def test_a_simulated_manager_has_the_task_done_and_accepts_it() -> None:
    journal = MemoryJournal()
    output = await run(managed(), runtime(journal=journal))
    assert "Simulated answer" in output.raw
    asked = [call.intent.agent for call in journal.calls if call.intent.kind is CallKind.MODEL]
    assert asked == ["manager", "writer", "manager"]
