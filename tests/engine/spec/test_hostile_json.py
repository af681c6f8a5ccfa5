"""Answers and schemas made to keep a checker busy for ever: each check ends in time, and says what was wrong.

What is measured is this process's own work, against bounds that a check which does not end would miss by hours. Where
a child process does the work, it is stopped, and the event loop goes on.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from engine.bounded import Effort
from engine.crew.output import TaskAnswer, guardrail_complaint, read_answer
from engine.errors import ModelMistake, TooMuchWork
from engine.spec import json_schema
from engine.spec.crew_spec import RegexGuardrail
from engine.spec.json_answer import parse_json
from engine.spec.json_schema_checker import misfit, schema_fault
from engine.spec.patterns import pattern_fault

SLOW = "^(a|aa)+$"
SLOW_TEXT = "a" * 60 + "!"
BOMB = "(((a{100}){100}){100}){100}"
"""Takes 21 GB to compile."""
PLENTY_S = 30


@pytest.fixture(autouse=True)
def ends_in_time() -> Any:
    began = time.process_time()
    yield
    assert time.process_time() - began < PLENTY_S


async def within_bounds(text: str, schema: dict[str, Any]) -> TaskAnswer:
    return await read_answer(text, schema, Effort())


@pytest.mark.parametrize(
    "text", ["```" + "\n" * 200_000, "```json" + " \n" * 100_000, "```\n" * 100_000, "{" * 200_000]
)
def test_text_that_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match="not JSON"):
        parse_json(text)


@pytest.mark.parametrize("fence", ["```json\n[1]\n```", "```\n[1]```", "Here:\n```JSON  \n[1]\n```\nDone."])
def test_json_in_a_fence_is_still_found(fence: str) -> None:
    assert parse_json(fence) == [1]


@pytest.mark.parametrize(
    "schema",
    [
        {"patternProperties": {SLOW: {"type": "integer"}}},
        {"additionalProperties": False, "patternProperties": {SLOW: {}}},
        {"additionalProperties": {"type": "string"}, "patternProperties": {SLOW: {}}},
        {"propertyNames": {"pattern": SLOW}},
        {"additionalProperties": {"pattern": SLOW}},
    ],
)
async def test_patterns_that_never_end_are_stopped(schema: dict[str, Any]) -> None:
    assert json_schema.schema_fault(schema) == ""
    with pytest.raises(TooMuchWork, match="against its schema takes more than 2 s"):
        await within_bounds(json.dumps({f"{SLOW_TEXT}{n}": SLOW_TEXT for n in range(1000)}), schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": BOMB},
        {"properties": {"a": {"items": {"pattern": BOMB}}}},
        {"$defs": {"a": {"patternProperties": {BOMB: {}}}}},
        {"propertyNames": {"pattern": BOMB}},
    ],
)
def test_a_pattern_that_takes_gigabytes_is_refused_at_any_depth(schema: dict[str, Any]) -> None:
    fault = json_schema.schema_fault(schema)
    assert "too much memory" in fault or "more than 3 s" in fault


async def test_a_pattern_that_takes_gigabytes_is_refused_as_a_guardrail() -> None:
    assert pattern_fault("[a-z]+") == ""
    fault = pattern_fault(BOMB)
    assert "too much memory" in fault or "more than 1 s" in fault
    assert "2,000 characters" in pattern_fault("a" * 3000)
    assert "nested" in pattern_fault("(" * 900 + ")" * 900)
    with pytest.raises(TooMuchWork, match=r"Looking for the pattern"):
        await guardrail_complaint(RegexGuardrail(pattern=BOMB), "text", Effort())


async def test_a_schema_of_thousands_of_parts_on_a_long_answer_is_stopped_and_others_go_on() -> None:
    schema = {"allOf": [{"items": {"type": "integer", "minimum": 0}}] * 300}
    assert json_schema.schema_fault(schema) == ""
    ticks = []

    async def ticking() -> None:
        while True:
            ticks.append(asyncio.get_running_loop().time())
            await asyncio.sleep(0.01)

    clock = asyncio.create_task(ticking())
    with pytest.raises(TooMuchWork, match="takes more than 2 s"):
        await within_bounds(json.dumps(list(range(60_000))), schema)
    clock.cancel()
    assert len(ticks) > 20
    assert (await within_bounds("[1]", schema)).data == [1]


async def test_answers_above_the_bound_are_refused_before_they_are_read() -> None:
    with pytest.raises(TooMuchWork, match="at most 8 MB"):
        await within_bounds(f'"{"x" * 9_000_000}"', {"type": "string"})


def test_a_schema_that_is_too_long_or_too_deep_is_refused() -> None:
    assert "at most 100,000" in json_schema.schema_fault({"description": "x" * 200_000})
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"not": deep}
    assert "deep" in json_schema.schema_fault(deep)


def test_patterns_in_names_and_in_values_still_mean_what_they_meant() -> None:
    schema = {"properties": {"x": {}}, "patternProperties": {"^n_": {"type": "integer"}}, "additionalProperties": False}
    assert misfit({"x": "any", "n_1": 1}, schema) == ""
    assert "at /n_1" in misfit({"n_1": "one"}, schema)
    assert "'y'" in misfit({"y": 1}, schema)
    assert "at /y" in misfit({"y": 1}, {"additionalProperties": {"type": "string"}})
    assert misfit({"y": 1}, {"additionalProperties": True}) == ""


def test_patterns_and_unevaluated_properties_together_are_refused() -> None:
    assert "together" in schema_fault({"allOf": [{"patternProperties": {SLOW: {}}}], "unevaluatedProperties": False})


@pytest.mark.parametrize(
    ("items", "equal"),
    [
        ([n for number in range(50_000) for n in (number, str(number))], False),
        ([{"a": number} for number in range(50_000)], False),
        ([number * (2**61 - 1) for number in range(20_000)], False),
        ([1, 1.0], True),
        ([True, 1], False),
        ([{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}], True),
        ([None, False, 0, "", [], {}], False),
        ([[], []], True),
    ],
)
def test_equal_items_are_found_without_comparing_each_with_each(items: list[Any], equal: bool) -> None:
    assert ("equal items" in misfit(items, {"uniqueItems": True})) is equal


def test_a_number_too_large_to_divide_is_a_misfit() -> None:
    assert "too large" in misfit(10**4000, {"multipleOf": 0.1})


@pytest.mark.parametrize("depth", [100, 500, 900, 5000])
async def test_depth_is_a_mistake_or_an_answer_and_never_a_traceback(depth: int) -> None:
    schema = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "array", "items": {"$ref": "#/$defs/n"}}}}
    try:
        said = str((await within_bounds("[" * depth + "]" * depth, schema)).raw)
    except ModelMistake as mistake:
        said = str(mistake)
    assert said.startswith("[[[") or "deep" in said or "not JSON" in said
