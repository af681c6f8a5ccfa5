"""Random crews, killed after every line of their journal: the same output again, and nothing paid twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.crew.crew import CrewResult
from engine.errors import ProviderError
from engine.providers.instances import instance_of
from engine.providers.llm import LLMReply, LLMRequest, ToolCall
from engine.providers.simulator import Simulator, answer
from engine.record.journal import CallKind, CallOutcome, CallRecord, CallStatus, TaskResult, Verdict, is_final
from engine.record.memory_journal import MemoryJournal
from engine.record.progress import Event, TaskEnded, TaskStarted
from engine.spec.crew_spec import CrewSpec, TaskSpec
from engine.spec.plan import make_plan
from tests.engine.crews import agent, crew, run, runtime, task

Line = CallRecord | TaskResult
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
NO_TOOLS = "gpt-3.5-turbo-16k"


class Tape(MemoryJournal):
    """Keeps one list of all lines, in the order in which they became durable."""

    def __init__(self, lines: list[Line] | None = None) -> None:
        self.lines: list[Line] = list(lines or ())
        super().__init__(
            [line for line in self.lines if isinstance(line, CallRecord)],
            [line for line in self.lines if isinstance(line, TaskResult)],
            reviewer=sends_back_once,
        )
        self._seen: dict[str, int] = {}

    async def task_ended(self, result: TaskResult) -> None:
        await super().task_ended(result)
        self.lines.append(result)

    async def settle_call(self, ticket: object, outcome: CallOutcome) -> None:
        await super().settle_call(ticket, outcome)
        self.lines.append(self.calls[-1])


async def sends_back_once(key: str, shown: str) -> Verdict:
    return Verdict(approved=digest(key, shown) % 3 != 0, comment="Otherwise, please.")


def digest(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(parts, default=str).encode()).digest()[:4], "big")


def model(request: LLMRequest) -> LLMReply | str:
    """Decides by the request alone what to do: answer, call tools well or badly, say nothing, or refuse for good."""
    dice = digest(request.llm.model, request.messages)
    content = str(request.messages[-1]["content"])
    if "<answer>" in content:
        return json.dumps({"passes": dice % 3 != 0, "reason": "Not yet."})
    if dice % 23 == 0:
        raise ProviderError("refused", retryable=False)
    if request.tools and request.may_call_tools and dice % 2:
        return answer(request, tool_calls=tuple(tool_call(request, dice, n) for n in range(1 + dice % 3)))
    if request.response_schema is not None:
        return "no JSON" if dice % 7 == 0 else json.dumps(instance_of(request.response_schema, f"plan {dice}"))
    if "<tool_call>" in str(request.messages[0]["content"]) and request.may_call_tools and dice % 2:
        asked = {"name": "calculator", "arguments": {"expression": f"1 + {dice % 9}"}}
        return f"<tool_call>{json.dumps(asked)}</tool_call>"
    if "JSON Schema" in str(request.messages[1]["content"]):
        return "no JSON" if dice % 5 == 0 else json.dumps({"n": dice})
    return "" if dice % 19 == 0 else f"answer {dice}"


def tool_call(request: LLMRequest, dice: int, number: int) -> ToolCall:
    function = request.tools[(dice + number) % len(request.tools)]["function"]
    if (dice + number) % 11 == 0:
        return ToolCall(f"c{number}", "ghost", "{oops")
    arguments = instance_of(function["parameters"], f"1 + {dice % 50 + number}")
    return ToolCall(f"c{number}", function["name"], json.dumps(arguments))


class Counting(Simulator):
    """Answers after as many turns of the loop as the request says, so that tasks overtake each other."""

    async def complete(self, request: LLMRequest) -> LLMReply:
        for _ in range(digest(request.messages) % 5):
            await asyncio.sleep(0)
        return await super().complete(request)


RAILS: list[dict[str, Any]] = [{"kind": "question", "question": "Is it good?"}, {"kind": "length", "max_chars": 16}]


@st.composite
def crews_(draw: st.DrawFn) -> CrewSpec:
    models = st.sampled_from(["gpt-4o-mini", NO_TOOLS, "my-own-model"])
    agents = tuple(
        agent(
            f"agent_{n}",
            llm={"model": draw(models), "fallbacks": draw(st.sampled_from([[], ["gpt-4o"]]))},
            tools=draw(st.sampled_from([(), ("calculator",), ("calculator", "web_search")])),
            allow_delegation=draw(st.booleans()),
            max_iter=draw(st.integers(1, 4)),
            max_retry_limit=0,
        )
        for n in range(draw(st.integers(1, 3)))
    )
    process = draw(st.sampled_from(["sequential", "parallel", "hierarchical"]))
    count = draw(st.integers(1, 5))
    tasks = tuple(draw(tasks_(n, [one.key for one in agents])) for n in range(count))
    return crew(*tasks, agents=agents, process=process, manager_llm="gpt-4o", planning=draw(st.booleans()))


@st.composite
def tasks_(draw: st.DrawFn, number: int, agents: list[str]) -> TaskSpec:
    earlier = [f"t{n}" for n in range(number)]
    context = draw(st.none() | st.lists(st.sampled_from(earlier), unique=True)) if earlier else None
    condition = {"task": draw(st.sampled_from(earlier)), "contains": "3"} if earlier and draw(st.booleans()) else None
    return task(
        f"t{number}",
        agent=draw(st.sampled_from(agents)),
        context=context,
        condition=condition,
        async_execution=draw(st.booleans()),
        output_schema=draw(st.sampled_from([None, None, SCHEMA])),
        guardrails=tuple(draw(st.lists(st.sampled_from(RAILS), max_size=1))),
        guardrail_max_retries=draw(st.integers(0, 2)),
        human_input=draw(st.sampled_from([False, False, True])),
    )


async def lived(spec: CrewSpec, tape: Tape) -> tuple[CrewResult | str, list[Event]]:
    """The run's output, or the error that ended it, and its events."""
    events: list[Event] = []
    try:
        output: CrewResult | str = await run(
            spec, replace(runtime(llm=Counting(script=model), journal=tape), emit=events.append)
        )
    except Exception as error:
        if not hasattr(error, "code"):
            raise
        output = f"{error.code}: {error}"
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return output, events


def place(line: CallRecord) -> tuple[str, str, int]:
    return (line.intent.task, line.intent.branch, line.intent.step)


def assert_nothing_twice(before: list[Line], tape: Tape) -> None:
    kept = {place(line) for line in before if isinstance(line, CallRecord) and is_final(line.intent.kind, line.outcome)}
    new = [line for line in tape.lines[len(before) :] if isinstance(line, CallRecord)]
    assert kept.isdisjoint(place(line) for line in new)
    paid = [place(line) for line in tape.calls if line.outcome.status is CallStatus.OK]
    assert len(paid) == len(set(paid))


def assert_order(spec: CrewSpec, events: list[Event]) -> None:
    plan, ended = make_plan(spec), set()
    for event in events:
        if isinstance(event, TaskEnded):
            ended.add(event.result.task)
        elif isinstance(event, TaskStarted):
            assert plan.waits_for[event.task] <= ended


def ending(output: CrewResult | str) -> Any:
    """What has to be the same in every life. Which of two failures came first, and is named, may be different."""
    if isinstance(output, str):
        return output
    results = [replace(one, error="") if one.error_code == "dependency_failed" else one for one in output.results]
    return (output.status, output.raw, output.data, results)


@given(spec=crews_())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_run_killed_anywhere_ends_as_it_would_have(spec: CrewSpec) -> None:
    async def lives() -> None:
        tape = Tape()
        output, events = await lived(spec, tape)
        assert_order(spec, events)
        for kept in range(len(tape.lines) + 1):
            again = Tape(tape.lines[:kept])
            repeated, events = await lived(spec, again)
            assert ending(repeated) == ending(output)
            assert_nothing_twice(tape.lines[:kept], again)

    asyncio.run(lives())


@pytest.mark.parametrize("process", ["sequential", "parallel", "hierarchical"])
def test_the_random_model_does_call_tools(process: str) -> None:
    """Else the property above would say little."""

    async def life() -> set[CallKind]:
        tape = Tape()
        worker = agent("w", tools=("calculator",), llm="gpt-4o")
        tasks = [task(f"t{n}", agent="w", description=f"Do {n}.") for n in range(12)]
        await lived(crew(*tasks, agents=(worker, agent("v")), process=process, manager_llm="gpt-4o"), tape)
        return {call.intent.kind for call in tape.calls}

    assert CallKind.TOOL in asyncio.run(life())
