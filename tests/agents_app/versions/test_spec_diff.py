"""What changed between two crews: nothing if and only if they hash alike, each field at its path, texts complete."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents_app.versions.spec_diff import FieldChange, changed_fields, same_fields, spec_diff
from agents_app.versions.text_diff import WHOLE
from engine.spec.crew_spec import (
    AgentSpec,
    Condition,
    CrewSpec,
    LengthGuardrail,
    LLMSpec,
    QuestionGuardrail,
    RegexGuardrail,
    TaskSpec,
    ToolSpec,
)
from engine.spec.size import MAX_TASKS, excesses
from tests.cast import brief_spec

TEXTS = st.sampled_from(["", "a", "a b", "a\nb", '"a\\nb"', "(nothing)", " a"])
NUMBERS = st.none() | st.integers(1, 3)
KEYS = st.sampled_from(["a", "b", "order"])
LLMS = st.builds(
    LLMSpec,
    model=st.sampled_from(["gpt-4o", "gpt-4o-mini"]),
    temperature=st.sampled_from([None, 0.0, 0.5]),
    timeout_s=st.sampled_from([600, 600.0, 45.0]),
    max_tokens=NUMBERS,
    stop=st.lists(TEXTS, max_size=2).map(tuple),
)
TOOLS = st.lists(
    st.builds(ToolSpec, name=st.sampled_from(["web", "nothing"]), config=st.sampled_from([{}, {"a": 1}, {"a": True}])),
    max_size=2,
).map(tuple)
RAILS = st.lists(
    st.builds(LengthGuardrail, max_words=NUMBERS)
    | st.builds(RegexGuardrail, pattern=TEXTS, forbid=st.booleans())
    | st.builds(QuestionGuardrail, question=TEXTS, llm=st.none() | LLMS),
    max_size=2,
).map(tuple)
AGENTS = st.builds(AgentSpec, key=KEYS, role=TEXTS, goal=TEXTS, llm=LLMS, tools=TOOLS, max_rpm=NUMBERS)
TASKS = st.builds(
    TaskSpec,
    key=KEYS,
    description=TEXTS,
    agent=st.none() | KEYS,
    context=st.none() | st.lists(KEYS, max_size=2).map(tuple),
    output_schema=st.sampled_from([None, {}, {"b": 1, "a": [2]}, {"a": [2], "b": 1}]),
    tools=st.none() | TOOLS,
    guardrails=RAILS,
    condition=st.none() | st.builds(Condition, task=KEYS, contains=st.none() | TEXTS, negate=st.booleans()),
)
CREWS = st.builds(
    CrewSpec,
    name=st.sampled_from(["A", "B"]),
    agents=st.lists(AGENTS, max_size=2, unique_by=lambda agent: agent.key).map(tuple),
    tasks=st.lists(TASKS, max_size=3, unique_by=lambda task: task.key).map(tuple),
    manager_llm=st.none() | LLMS,
    cache=st.booleans(),
    inputs=st.dictionaries(st.sampled_from(["x", "y"]), TEXTS, max_size=2),
)
"""A busy machine is no fault."""


def diff(old: CrewSpec, new: CrewSpec) -> list[FieldChange]:
    return spec_diff(old.to_json(), new.to_json())


def brief(**changes: Any) -> CrewSpec:
    return brief_spec().model_copy(update=changes)


def with_agent(key: str, **changes: Any) -> CrewSpec:
    spec = brief_spec()
    agents = tuple(agent.model_copy(update=changes) if agent.key == key else agent for agent in spec.agents)
    return spec.model_copy(update={"agents": agents})


def with_task(key: str, **changes: Any) -> CrewSpec:
    spec = brief_spec()
    tasks = tuple(task.model_copy(update=changes) if task.key == key else task for task in spec.tasks)
    return spec.model_copy(update={"tasks": tasks})


@given(CREWS, CREWS)
def test_changes_of_any_two_crews(old: CrewSpec, new: CrewSpec) -> None:
    """One test, because to make crews up takes most of its time."""
    changes = diff(old, new)
    assert_there_are_changes_if_and_only_if_the_hashes_differ(old, new, changes)
    for change in changes:
        assert_the_words_make_up_both_values(change)
    assert_swapped_sides_give_the_same_changes_swapped(old, new, changes)
    assert_the_summary_names_the_same_changes(old, new, changes)


def assert_there_are_changes_if_and_only_if_the_hashes_differ(
    old: CrewSpec, new: CrewSpec, changes: list[FieldChange]
) -> None:
    assert bool(changes) == (old.content_hash != new.content_hash)
    assert all(change.old != change.new for change in changes)
    assert len({change.path for change in changes}) == len(changes)


def assert_the_words_make_up_both_values(change: FieldChange) -> None:
    before = "".join(text for kind, text in change.words if kind != "added")
    after = "".join(text for kind, text in change.words if kind != "removed")
    assert before.removesuffix("\n") == (change.old or "").removesuffix("\n")
    assert after.removesuffix("\n") == (change.new or "").removesuffix("\n")


def assert_swapped_sides_give_the_same_changes_swapped(
    old: CrewSpec, new: CrewSpec, changes: list[FieldChange]
) -> None:
    there = {(change.path, change.old, change.new) for change in changes}
    assert {(change.path, change.new, change.old) for change in diff(new, old)} == there
    assert same_fields(old.to_json(), new.to_json()) == same_fields(new.to_json(), old.to_json())


def assert_the_summary_names_the_same_changes(old: CrewSpec, new: CrewSpec, changes: list[FieldChange]) -> None:
    summary = changed_fields(old.to_json(), new.to_json())
    assert [(one.path, one.label, one.old, one.new) for one in summary] == [
        (one.path, one.label, one.old, one.new) for one in changes
    ]


@given(CREWS)
def test_the_order_of_json_is_no_change(spec: CrewSpec) -> None:
    data = spec.to_json()
    assert spec_diff(data, dict(reversed(data.items()))) == []


def test_a_model_and_a_text() -> None:
    old = brief_spec()
    changed = with_agent("lead", llm=LLMSpec(model="gpt-4o", max_tokens=200))
    tasks = with_task("figures", description="Collect the prices of {company}.").tasks
    changes = diff(old, changed.model_copy(update={"tasks": tasks}))
    assert [(change.path, change.label, change.old, change.new) for change in changes] == [
        ("agents.lead.llm.model", "Agent lead · model", "gpt-4o-mini", "gpt-4o"),
        (
            "tasks.figures.description",
            "Task figures · description",
            "Collect the figures of {company}.",
            "Collect the prices of {company}.",
        ),
    ]
    assert changes[1].words == (
        ("same", "Collect the "),
        ("removed", "figures"),
        ("added", "prices"),
        ("same", " of {company}."),
    )


def test_a_value_that_left_its_default_says_what_the_default_was() -> None:
    (change,) = diff(brief_spec(), with_agent("lead", max_iter=5))
    assert (change.label, change.old, change.new) == ("Agent lead · rounds per task, at most", "20", "5")
    (change,) = diff(brief_spec(), with_agent("lead", llm=LLMSpec(max_tokens=200, timeout_s=45.0)))
    assert (change.old, change.new) == ("600", "45")


def test_a_context_left_to_the_process_is_not_one_that_reads_nothing() -> None:
    (change,) = diff(with_task("brief", context=None), with_task("brief", context=()))
    assert (change.old, change.new) == (None, "(nothing)")


def test_lists_are_compared_by_item() -> None:
    tools = (ToolSpec(name="web_search"), ToolSpec(name="http_request", config={"methods": ["GET"]}))
    (change,) = diff(with_agent("news", tools=tools[:1]), with_agent("news", tools=tools))
    assert change.words == (("same", "web_search\n"), ("added", 'http_request {"methods": ["GET"]}\n'))


def test_an_added_task_is_one_change_with_what_it_states() -> None:
    spec = brief_spec()
    check = TaskSpec(key="check", description="Check the brief.", agent="lead", human_input=True)
    (change,) = diff(spec, brief(tasks=(*spec.tasks, check)))
    assert (change.path, change.label, change.old) == ("tasks.check", "Task check", None)
    assert change.new == "description: Check the brief.\nagent: lead\na person approves: yes"
    assert change.words == (("added", change.new),)
    (change,) = diff(brief(tasks=(*spec.tasks, check)), spec)
    assert (change.old is not None, change.new) == (True, None)


def test_a_changed_order_is_one_change() -> None:
    spec = brief_spec()
    (change,) = diff(spec, brief(tasks=(spec.tasks[1], spec.tasks[0], spec.tasks[2])))
    assert (change.path, change.label) == ("tasks", "Tasks · order")
    assert change.words == (
        ("removed", "figures\n"),
        ("same", "headlines\n"),
        ("added", "figures\n"),
        ("same", "brief\n"),
    )


def test_fields_that_are_the_same_are_counted_without_untouched_defaults() -> None:
    spec = CrewSpec(name="Crew", agents=(AgentSpec(key="a", role="R"),), tasks=(TaskSpec(key="t", description="D"),))
    data = spec.to_json()
    assert same_fields(data, data) == 4  # the crew's name, the agent's role and model, the task's description
    assert same_fields(data, {**data, "name": "Other"}) == 3
    assert same_fields(data, {**data, "cache": False}) == 4


def test_a_crew_at_its_limits_that_was_rewritten_is_shown_whole_from_some_task_on() -> None:
    """500 tasks with 150 words each, not one of which stayed."""
    old, new = (
        CrewSpec(
            name="Crew",
            tasks=tuple(
                TaskSpec(key=f"t{n}", description=" ".join(f"{mark}{word}" for word in range(150)))
                for n in range(MAX_TASKS)
            ),
        )
        for mark in "xy"
    )
    assert not excesses(old)
    changes = diff(old, new)
    assert len(changes) == MAX_TASKS
    notes = [change.note for change in changes]
    assert notes[0] == ""
    assert notes[-1] == WHOLE
    assert notes == sorted(notes)
