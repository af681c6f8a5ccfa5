"""Answers that can only be meant as ones that fit are taken, and what was taken for what is noted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.record.memory_journal import MemoryJournal
from engine.spec.json_answer import read
from engine.spec.json_schema_checker import misfit
from tests.engine.crew.test_answer_checks import in_turn, run, runtime
from tests.engine.crews import crew, task

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "reasoning": {"type": "string"},
        "score": {"type": "number"},
        "level": {"enum": ["low", "high"]},
        "count": {"type": "integer"},
        "sure": {"type": "boolean"},
        "year": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}},
    },
    "required": ["score"],
    "additionalProperties": False,
    "$defs": {"part": {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]}},
}


@pytest.mark.parametrize(
    ("answer", "taken", "note"),
    [
        ({"reasoning": "x", "score": "9.5"}, {"reasoning": "x", "score": 9.5}, '/score: "9.5" was taken for 9.5.'),
        ({"score": 1, "level": " High"}, {"score": 1, "level": "high"}, '/level: " High" was taken for "high".'),
        ({"score": 1, "count": "7.0"}, {"score": 1, "count": 7}, '/count: "7.0" was taken for 7.'),
        ({"score": 1, "sure": "Yes"}, {"score": 1, "sure": True}, '/sure: "Yes" was taken for true.'),
        ({"score": 1, "sure": 0}, {"score": 1, "sure": False}, "/sure: 0 was taken for false."),
        ({"score": 1, "year": "1999"}, {"score": 1, "year": 1999}, '/year: "1999" was taken for 1999.'),
        (
            {"score": 1, "parts": [{"price": 1}, {"price": "2"}]},
            {"score": 1, "parts": [{"price": 1}, {"price": 2}]},
            '/parts/1/price: "2" was taken for 2.',
        ),
        (
            {"score": 1, "count": "123456789012345678901234567890"},
            {"score": 1, "count": 123456789012345678901234567890},
            '/count: "123456789012345678901234567890" was taken for 123456789012345678901234567890.',
        ),
        ({"score": 1, "reasoning": "9.5"}, {"score": 1, "reasoning": "9.5"}, ""),
    ],
)
def test_a_near_miss_is_taken_with_a_note(answer: Any, taken: Any, note: str) -> None:
    found = read(json.dumps(answer), SCHEMA, True)
    assert (json.loads(found["raw"]), found["note"]) == (taken, note)
    assert found["raw"] == json.dumps(taken, separators=(",", ":"))  # the order of keys too
    assert "mistake" in read(json.dumps(answer), SCHEMA) or not note


@pytest.mark.parametrize(
    "answer",
    [
        {"score": "nine"},
        {"score": "9.5", "extra": 1},
        {"score": True},
        {"score": None},
        {"score": "9,5"},
        {"score": "NaN"},
        {"score": 1, "count": "7.5"},
        {"score": 1, "level": "medium"},
        {"score": 1, "reasoning": 5},
        {"level": "low"},
        ["9.5"],
    ],
)
def test_nothing_is_invented(answer: Any) -> None:
    assert read(json.dumps(answer), SCHEMA, True) == read(json.dumps(answer), SCHEMA)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(SCHEMA["properties"])), inner),
    max_leaves=8,
)


@given(values)
def test_what_is_taken_fits_and_what_fitted_is_unchanged(answer: Any) -> None:
    found = read(json.dumps(answer), SCHEMA, True)
    if "mistake" not in found:
        assert not misfit(json.loads(found["raw"]), SCHEMA)
    if not misfit(answer, SCHEMA):
        assert (json.loads(found["raw"]), found["note"]) == (answer, "")


async def test_a_task_takes_it_without_asking_again_unless_told_otherwise() -> None:
    journal = MemoryJournal()
    lenient, strict = task("a", output_schema=SCHEMA), task("a", output_schema=SCHEMA, takes_near_misses=False)
    output = await run(crew(lenient), runtime(llm=in_turn('{"score": "9.5"}'), journal=journal))
    assert (output.data, output.results[0].note) == ({"score": 9.5}, '/score: "9.5" was taken for 9.5.')
    assert len(journal.calls) == 1
    output = await run(
        crew(strict), runtime(llm=in_turn('{"score": "9.5"}', '{"score": 9.5}'), journal=MemoryJournal())
    )
    assert (output.data, output.results[0].note) == ({"score": 9.5}, "")
