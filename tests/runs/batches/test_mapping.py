"""Columns find their inputs by name, and what is wrong is said at its cell."""

from __future__ import annotations

from typing import Any

from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from runs.batches.mapping import MappedTable, mapped, proposed
from runs.batches.table import read_table


def spec(*names: str, **inputs: str) -> CrewSpec:
    text = " ".join(f"{{{name}}}" for name in names)
    task = TaskSpec(key="t", description=f"About {text}", agent="a")
    return CrewSpec(name="Test", agents=(AgentSpec(key="a", role="A"),), tasks=(task,), inputs=inputs)


def read(crew: CrewSpec, text: str, **chosen: Any) -> MappedTable:
    return mapped(crew, read_table(text), chosen)


def test_columns_are_proposed_by_name_however_it_is_spelled() -> None:
    assert proposed(spec("company_name", "tone"), ["Tone ", "Company name", "x"]) == {
        "company_name": "Company name",
        "tone": "Tone ",
    }
    assert proposed(spec("topic"), ["anything"]) == {"topic": "anything"}
    assert proposed(spec("topic"), ["a", "b"]) == {"topic": ""}


def test_rows_are_made_of_the_columns_that_were_chosen() -> None:
    table = read(spec("topic", "tone", tone="dry"), "subject,tone\nbees,warm\nwasps,\n", topic="subject")
    assert table.is_good
    assert table.rows == [{"topic": "bees", "tone": "warm"}, {"topic": "wasps"}]
    assert read(spec("topic", "tone", tone="dry"), "topic,tone\nbees,warm", tone="").rows == [{"topic": "bees"}]
    assert read(spec("topic"), "topic\nbees", topic="gone").rows == [{"topic": "bees"}]


def test_what_is_missing_empty_unused_and_doubled_is_said() -> None:
    table = read(spec("topic", "tone"), "topic,more\nbees,x\n")
    assert (table.missing, table.unused, table.is_good) == (["tone"], ["more"], False)
    table = read(spec("topic", "tone"), "topic,tone\nbees,dry\n\n ,dry\nwa\0sps,dry\nbees,dry")
    assert [(one.row, one.line, one.column, one.message.split()[0:3]) for one in table.faults] == [
        (2, 4, "topic", ["It", "is", "empty."]),
        (3, 5, "topic", ["It", "holds", "a"]),
    ]
    assert table.doubled == [(4, 1)]
