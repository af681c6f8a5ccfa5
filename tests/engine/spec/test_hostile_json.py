"""Answers and schemas made to keep a checker busy for ever: each check ends in time, and says what was wrong.

What is measured is this process's own work, against bounds that a check which does not end would miss by hours.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from engine.crew.output import parse_json, read_answer
from engine.errors import ModelMistake
from engine.spec.json_schema import misfit, schema_fault

SLOW = "^(a|aa)+$"
SLOW_TEXT = "a" * 60 + "!"
PLENTY_S = 30


@pytest.fixture(autouse=True)
def ends_in_time() -> Any:
    began = time.process_time()
    yield
    assert time.process_time() - began < PLENTY_S


@pytest.mark.parametrize(
    "text", ["```" + "\n" * 200_000, "```json" + " \n" * 100_000, "```\n" * 100_000, "{" * 200_000]
)
def test_text_that_is_no_json(text: str) -> None:
    with pytest.raises(ModelMistake, match="not JSON"):
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
def test_patterns_end_and_all_of_a_check_together(schema: dict[str, Any]) -> None:
    assert schema_fault(schema) == ""
    assert "took too long" in misfit({f"{SLOW_TEXT}{n}": SLOW_TEXT for n in range(1000)}, schema)


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
def test_depth_is_a_mistake_or_an_answer_and_never_a_traceback(depth: int) -> None:
    schema = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "array", "items": {"$ref": "#/$defs/n"}}}}
    try:
        said = str(read_answer("[" * depth + "]" * depth, schema).raw)
    except ModelMistake as mistake:
        said = str(mistake)
    assert said.startswith("[[[") or "deep" in said or "not JSON" in said
