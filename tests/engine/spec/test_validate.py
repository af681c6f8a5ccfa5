"""Every complaint at once, each at its field."""

from __future__ import annotations

import time

import pytest

from engine.bounded import Patience
from engine.spec import size
from engine.spec.crew_spec import CrewSpec, LLMSpec
from engine.spec.json_schema_checker import misfit, schema_fault
from engine.spec.placeholders import fill, missing_inputs, placeholders
from engine.spec.validate import validate
from tests.engine.crews import agent, crew, task


def complaints(spec: CrewSpec) -> set[tuple[str, str]]:
    return {(complaint.field, complaint.code) for complaint in validate(spec) if complaint.level == "error"}


def test_a_sound_crew_has_none() -> None:
    assert validate(crew(task("a"), task("b", context=("a",)))) == ()


def test_blanks_around_a_models_id_are_dropped_and_within_it_are_a_fault() -> None:
    assert LLMSpec(model=" gpt-4o\n", fallbacks=("gpt-4o ",)).model_dump()["fallbacks"] == ("gpt-4o",)
    assert CrewSpec.from_json({"name": "x", "manager_llm": " gpt-4o "}).manager_llm == LLMSpec(model="gpt-4o")
    spec = crew(task("a"), agents=(agent(llm=LLMSpec(model="gpt 4o", fallbacks=("gpt-4.1 mini",))),))
    found = [(each.field, each.code, each.message) for each in validate(spec)]
    assert found == [
        ("agents.worker.llm", "bad_model", "'gpt 4o' is no model: an id has no blanks. Is 'gpt-4o' meant?"),
        ("agents.worker.llm", "bad_model", "'gpt-4.1 mini' is no model: an id has no blanks. Is 'gpt-4.1-mini' meant?"),
    ]


def test_an_empty_crew_is_told_what_it_lacks() -> None:
    assert complaints(CrewSpec(name="Empty")) == {("agents", "no_agents"), ("tasks", "no_tasks")}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (crew(task("a", agent="ghost")), ("tasks.a.agent", "unknown_agent")),
        (crew(task("a", agent=None)), ("tasks.a.agent", "no_agent")),
        (crew(task("a", description=" ")), ("tasks.a.description", "empty")),
        (crew(task("a"), agents=(agent(role=""),)), ("agents.worker.role", "empty")),
        (crew(task("a", context=("b",))), ("tasks.a.context", "unknown_task")),
        (crew(task("a", context=("a",))), ("tasks.a.context", "cycle")),
        (crew(task("a", context=("b",)), task("b")), ("tasks.a.context", "later_task")),
        (crew(task("a"), task("a")), ("tasks.a.key", "duplicate_key")),
        (crew(task("a"), agents=(agent(tools=("magic",)),)), ("agents.worker.tools", "unknown_tool")),
        (crew(task("a", output_schema={"type": "nonsense"})), ("tasks.a.output_schema", "bad_schema")),
        (
            crew(task("a", output_schema={"$ref": "http://169.254.169.254/schema.json"})),
            ("tasks.a.output_schema", "bad_schema"),
        ),
        (crew(task("a", output_schema={"$ref": "#/$defs/gone"})), ("tasks.a.output_schema", "bad_schema")),
        (crew(task("a", guardrails=({"kind": "regex", "pattern": "("},))), ("tasks.a.guardrails", "bad_regex")),
        (crew(task("a"), process="hierarchical"), ("manager_llm", "no_manager")),
        (crew(task("a"), process="hierarchical", manager_agent="nobody"), ("manager_agent", "unknown_agent")),
        (crew(task("a"), process="hierarchical", manager_agent="worker"), ("agents", "no_agents")),
        (
            crew(task("a"), agents=(agent(), agent("other")), process="hierarchical", manager_agent="worker"),
            ("tasks.a.agent", "manager_does_task"),
        ),
        (crew(task("a", guardrails=({"kind": "question", "question": " "},))), ("tasks.a.guardrails", "empty")),
        (
            crew(task("a", agent=None, context=("b",)), task("b"), process="hierarchical", manager_llm="gpt-4o"),
            ("tasks.a.context", "later_task"),
        ),
        (
            crew(task("a", guardrails=({"kind": "length", "min_words": 9, "max_words": 3},))),
            ("tasks.a.guardrails", "empty_range"),
        ),
        (crew(task("a", human_input=True, cache_ttl_s=60)), ("tasks.a.cache_ttl_s", "cached_approval")),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_each_fault_is_named_at_its_field(spec: CrewSpec, expected: tuple[str, str]) -> None:
    assert expected in complaints(spec)


def test_a_cycle_in_a_parallel_crew_is_named_with_its_way() -> None:
    spec = crew(task("a", context=("b",)), task("b", context=("a",)), process="parallel")
    assert "→" in next(c.message for c in validate(spec) if c.code == "cycle")


def test_all_complaints_come_at_once() -> None:
    spec = crew(task("a", agent="ghost", description=""), task("b", context=("nowhere",)))
    assert len(complaints(spec)) == 3


def test_placeholders_come_in_order_of_use_and_braces_of_json_are_text() -> None:
    spec = crew(task("a", description='Do {topic} as {"json": {"x": 1}} for {who-ever}. {{not_this}} {topic}'))
    assert placeholders(spec) == ("topic", "who-ever")
    assert missing_inputs(spec, {"topic": "x"}) == ("who-ever",)


def test_what_an_input_contains_is_not_filled_again() -> None:
    assert fill("{a} {b}", {"a": "{b}", "b": "{a}"}) == "{b} {a}"


def doubling(depth: int) -> dict[str, object]:
    """A schema of a few hundred bytes that takes 2 ** depth steps to follow."""
    parts = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(depth)}
    return {"$ref": "#/$defs/d0", "$defs": parts | {f"d{depth}": {}}}


def test_a_schema_whose_references_multiply_is_refused_and_not_followed_to_the_end() -> None:
    assert "multiply" in schema_fault(doubling(60))
    assert schema_fault(doubling(5)) == ""


def test_a_schema_that_multiplies_on_what_it_is_applied_to_ends_too() -> None:
    schema = {
        "$defs": {"tree": {"properties": {"a": {"allOf": [{"$ref": "#/$defs/tree"}] * 2}}}},
        "$ref": "#/$defs/tree",
    }
    assert schema_fault(schema) == ""
    data: dict[str, object] = {}
    for _ in range(60):
        data = {"a": data}
    assert "multiply" in misfit(data, schema)
    assert misfit({"a": {"a": {}}}, schema) == ""


def test_what_there_was_no_time_to_try_is_a_warning_and_is_tried_the_next_time() -> None:
    spec = crew(task("a", guardrails=({"kind": "regex", "pattern": "(never seen before"},)))
    (early,) = validate(spec, patience=Patience(-1))
    assert (early.field, early.code, early.level) == ("tasks.a.guardrails", "unchecked", "warning")
    assert complaints(spec) == {("tasks.a.guardrails", "bad_regex")}


def test_all_that_is_tried_of_a_spec_takes_one_patience_together() -> None:
    slow = [f"(((a{{100}}){{100}}){{10{number}}}){{100}}" for number in range(10)]
    spec = crew(*(task(f"t{n}", guardrails=({"kind": "regex", "pattern": slow[n]},)) for n in range(10)))
    began = time.monotonic()
    assert len(validate(spec, patience=Patience(2))) == 10
    assert time.monotonic() - began < 30


def test_a_spec_that_was_saved_is_not_held_against_limits_of_today() -> None:
    spec = crew(*(task(f"t{n}") for n in range(size.MAX_TASKS + 1)))
    assert ("tasks", "too_large") in complaints(spec)
    assert validate(spec, was_saved=True) == ()
