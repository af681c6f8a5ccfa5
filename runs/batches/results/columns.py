"""The columns of a batch's results: its inputs, the state, what came out, and what that cost. Each sorts the table.

In addresses and the API a column is ``row``, ``status``, ``output``, ``cost``, ``seconds``, ``input:NAME`` or
``output:NAME``; with "-" in front the rows stand the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from runs.batches.files import output_fields
from runs.models import Batch
from runs.run.drawing.text import truncated
from teams.refusals import Invalid

ROW, STATUS, OUTPUT, COST, SECONDS = "row", "status", "output", "cost", "seconds"
INPUT_OF, OUTPUT_OF = "input:", "output:"
SHOWN_TITLE_CHARS = 40
DOWN_FIRST = (COST, SECONDS)
"""Columns that a first click sorts the largest first."""


@dataclass(frozen=True, slots=True)
class Column:
    """``field``: of the inputs or of the output's JSON; "" for a column that is none of them."""

    name: str
    title: str
    field: str = ""

    @property
    def short_title(self) -> str:
        return truncated(self.title, SHOWN_TITLE_CHARS)

    @property
    def is_figure(self) -> bool:
        return self.name in (ROW, COST, SECONDS)

    @property
    def is_input(self) -> bool:
        return self.name.startswith(INPUT_OF)

    @property
    def is_output(self) -> bool:
        return self.name.startswith(OUTPUT_OF) or self.name == OUTPUT


@dataclass(frozen=True, slots=True)
class Sort:
    column: Column
    descending: bool = False

    @property
    def name(self) -> str:
        return f"-{self.column.name}" if self.descending else self.column.name


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head: where a click on it leads, and how the table is sorted by it now, "" if it is not."""

    column: Column
    sort: str
    aria: str

    @property
    def arrow(self) -> str:
        return {"ascending": " ↑", "descending": " ↓"}.get(self.aria, "")


def columns_of(batch: Batch) -> list[Column]:
    """In the order in which they are shown. What the crew's last task answers has a column for each field of its
    schema; without one it is a text."""
    spec = CrewSpec.from_json(batch.version.spec)
    outputs = [Column(f"{OUTPUT_OF}{name}", name, name) for name in output_fields(spec)]
    return [
        Column(ROW, "Row"),
        *(Column(f"{INPUT_OF}{name}", name, name) for name in placeholders(spec)),
        Column(STATUS, "State"),
        *(outputs or [Column(OUTPUT, "Output")]),
        Column(COST, "Cost"),
        Column(SECONDS, "Time"),
    ]


def sort_of(columns: Sequence[Column], text: str) -> Sort:
    """``Invalid`` for what is no column of this batch; "" is the order of the rows."""
    name = text.removeprefix("-")
    for column in columns:
        if column.name == (name or ROW):
            return Sort(column, descending=text.startswith("-"))
    raise Invalid(
        f"There is no column {name[:80]!r} to sort by.",
        fields={"sort": "Give row, status, output, cost, seconds, input:NAME or output:NAME, - in front to turn it."},
    )


def heads(columns: Sequence[Column], sort: Sort) -> list[Head]:
    return [_head(column, sort) for column in columns]


def _head(column: Column, sort: Sort) -> Head:
    if column == sort.column:
        turned = Sort(column, descending=not sort.descending)
        return Head(column, turned.name, "descending" if sort.descending else "ascending")
    return Head(column, Sort(column, descending=column.name in DOWN_FIRST).name, "")
