"""Sides and rows of the page's tables, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runs.compare.comparison import TaskCell
from runs.compare.figures import Delta
from runs.splits.facts import Side


@dataclass(frozen=True, slots=True)
class Head:
    """One side as the page names it. Addresses are query strings."""

    side: Side
    mark: str  # a letter
    address: str  # of its run, or of its runs
    without: str
    as_baseline: str
    is_baseline: bool


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure with the head of each side beside its value."""

    title: str
    is_part: bool
    first: str
    others: Sequence[tuple[Head, str, Delta | None]]


@dataclass(frozen=True, slots=True)
class Cell:
    """A task on one side."""

    head: Head
    cell: TaskCell | None
    cost: str = ""
    took: str = ""
    tokens: str = ""
    calls: str = ""
    address: str = ""
    how: str = ""
    cost_delta: Delta | None = None
    time_delta: Delta | None = None
    outputs: str = ""  # the query of the difference between both outputs; of runs
    can_match: bool = False  # another of this side's tasks can be chosen


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    name: str
    cells: Sequence[Cell]
    has_guess: bool
