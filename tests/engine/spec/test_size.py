"""What is too large a crew, what may stay, and that checks of a crew at its limits are quick."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from engine.spec import size
from engine.spec.crew_spec import AgentSpec, CrewSpec, RegexGuardrail, TaskSpec
from engine.spec.plan import find_cycle
from engine.spec.size import excesses, filling_fault, growth
from engine.spec.validate import MAX_COMPLAINTS, validate

Reads = Callable[[int], tuple[str, ...] | None]


def crew(count: int, reads: Reads = lambda index: (), **fields: object) -> CrewSpec:
    tasks = tuple(TaskSpec(key=f"t{n}", description="Do", agent="a0", context=reads(n)) for n in range(count))
    return CrewSpec(**{"name": "Large", "agents": (AgentSpec(key="a0", role="One"),), "tasks": tasks, **fields})


MATCHED = TaskSpec(key="t", description="Do", agent="a0")


def _pattern(number: int) -> dict[str, object]:
    return {"key": f"t{number}", "guardrails": (RegexGuardrail(pattern=f"x{number}"),)}


def fields_of(spec: CrewSpec) -> list[str]:
    return [excess.field for excess in excesses(spec)]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (crew(size.MAX_TASKS + 1), "tasks"),
        (crew(1, agents=tuple(AgentSpec(key=f"a{n}", role="x") for n in range(size.MAX_AGENTS + 1))), "agents"),
        (crew(101, lambda index: tuple(f"t{n}" for n in range(50))), "tasks.context"),
        (crew(1, agents=(AgentSpec(key="a0", role="x", tools=("clock",) * (size.MAX_TOOLS + 1)),)), "tools"),
        (crew(101, tasks=tuple(MATCHED.model_copy(update=_pattern(n)) for n in range(101))), "tasks.checks"),
        (crew(1, inputs={f"name{n}": "" for n in range(size.MAX_INPUTS + 1)}), "inputs"),
        (crew(1, description="{" + "x" * 101 + "}", inputs={"x" * 101: ""}), "inputs.name"),
        (crew(1, description="x" * (size.MAX_TEXT_CHARS + 1)), "description"),
        (crew(1, agents=(AgentSpec(key="a0", role="x", backstory="x" * 100_001),)), "agents.a0.backstory"),
        (crew(1, inputs={f"name{n}": "x" * 99_000 for n in range(11)}), "crew"),
        (crew(1, name="Two\nlines"), "name"),
        (crew(1, tasks=(TaskSpec(key="t", description="Do", name="x\u2028y"),)), "tasks.t.name"),
    ],
)
def test_what_is_above_a_limit_is_named(spec: CrewSpec, field: str) -> None:
    assert fields_of(spec) == [field]
    assert field in {complaint.field for complaint in validate(spec)}


def test_a_crew_at_its_limits_is_not_too_large() -> None:
    agents = tuple(AgentSpec(key=f"a{n}", role="One") for n in range(size.MAX_AGENTS))
    inputs = {f"name{n}": "x" for n in range(size.MAX_INPUTS)}
    spec = crew(size.MAX_TASKS, lambda index: tuple(f"t{n}" for n in range(max(0, index - 10), index)))
    assert excesses(spec.model_copy(update={"agents": agents, "inputs": inputs})) == ()


def test_a_crew_from_before_a_limit_may_change_but_not_grow() -> None:
    before, after = crew(600), crew(601)
    assert growth(excesses(before), before) == ()
    assert [excess.field for excess in growth(excesses(after), before)] == ["tasks"]


def _long(key: str, chars: int) -> TaskSpec:
    return TaskSpec(key=key, description="x" * chars, agent="a0", name="Two\nlines")


LONG = size.MAX_TEXT_CHARS + 9


def test_a_long_text_is_no_longer_by_a_new_key() -> None:
    before = crew(1, tasks=(_long("old", LONG), _long("b", LONG + 5)), inputs={"x": "y" * LONG})
    renamed = crew(1, tasks=(_long("new", LONG), _long("b", LONG + 5)), inputs={"z": "y" * LONG})
    assert growth(excesses(renamed), before) == ()
    swapped = crew(1, tasks=(_long("b", LONG), _long("old", LONG + 5)))
    assert growth(excesses(swapped), before) == ()
    for tasks in (
        (_long("new", LONG + 1), _long("b", LONG + 5)),
        (_long("old", LONG), _long("b", LONG + 5), _long("new", LONG)),
    ):
        grown = growth(excesses(crew(1, tasks=tasks)), before)
        assert "tasks.new.description" in [excess.field for excess in grown]
        assert "tasks.b.description" not in [excess.field for excess in grown]


@pytest.mark.parametrize(
    ("reads", "process"),
    [
        (lambda index: (f"t{index - 1}",) if index else (), "parallel"),
        (lambda index: None, "sequential"),
        (lambda index: tuple(f"t{n}" for n in range(max(0, index - 10), index)), "parallel"),
        (lambda index: tuple(f"t{(index + n + 1) % 500}" for n in range(10)), "parallel"),
        (lambda index: tuple(f"unknown{n}" for n in range(10)), "parallel"),
    ],
)
def test_a_crew_at_its_limits_is_checked_at_once(reads: Reads, process: str) -> None:
    spec = crew(size.MAX_TASKS, reads, process=process)
    began = time.thread_time()
    validate(spec)
    assert time.thread_time() - began < 2  # 0.15 s on a machine with nothing else to do


def test_complaints_end_and_say_that_there_are_more() -> None:
    complaints = validate(crew(500, lambda index: tuple(f"unknown{n}" for n in range(10))))
    assert len(complaints) == MAX_COMPLAINTS + 1
    assert complaints[-1].code == "more"


def test_a_long_cycle_is_found_without_looking_through_its_path_at_each_step() -> None:
    count = 20_000
    began = time.thread_time()
    cycle = find_cycle({f"t{n}": (f"t{(n + 1) % count}",) for n in range(count)})
    assert len(cycle) == count + 1
    assert time.thread_time() - began < 2


def test_an_input_that_is_used_everywhere_may_not_fill_the_memory() -> None:
    spec = crew(500).model_copy(update={"description": ""})
    uses = tuple(task.model_copy(update={"description": "{text}" * 200}) for task in spec.tasks)
    fault = filling_fault(spec.model_copy(update={"tasks": uses}), {"text": "x" * 1000})
    assert "100,000,000 characters" in fault
    assert filling_fault(spec, {"text": "x" * 1000}) == ""
