"""The lines of a month, by what somebody asks: what a bill's page, file and API are made of.

``Lines`` is all that they know of a month. An open month's lines come from the ledger; a closed month's may come from
elsewhere, with the same figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Protocol

from runs.bill_sums.counter_lines import CounterLine, LateFigures, counter_lines, late_figures
from runs.bill_sums.dimensions import PART
from runs.bill_sums.sums import NONE, PARTS, Scope, Sums, added, sums_of, total
from runs.bills.values import PART_NAMES, Names, Value, raw_of
from teams.access import Principal


@dataclass(frozen=True, slots=True)
class Line:
    """Sums of the calls and counter-lines that have these values, one for each dimension that was asked for."""

    values: tuple[Value, ...]
    sums: Sums


class Lines(Protocol):
    """A month's lines. ``only``: what they are narrowed to, dimensions with codes of their values."""

    @property
    def month(self) -> date: ...
    @property
    def simulated(self) -> bool: ...
    @property
    def only(self) -> Mapping[str, str]: ...

    def by(self, *names: str, most: int | None = None) -> list[Line]:
        """Sums by dimensions, the dearest first. Without one it is the total, one line even of nothing. ``most``: so
        many lines at most."""

    def counter_lines(self, most: int) -> list[CounterLine]: ...

    def late_figures(self) -> LateFigures: ...


@dataclass(frozen=True)
class OpenLines:
    """A month's lines as the ledger has them now. ``Invalid`` if ``only`` names what there is not."""

    who: Principal
    month: date
    simulated: bool
    only: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def scope(self) -> Scope:
        raw = {name: raw_of(self.who, name, code) for name, code in self.only.items()}
        return Scope(self.who, self.simulated, self.month, only=raw)

    def by(self, *names: str, most: int | None = None) -> list[Line]:
        asked = tuple(name for name in names if name != PART)
        sums = sums_of(self.scope, asked, most=most)
        values = Names(self.who, asked, sums)
        lines = [Line(values.of(key), row) for key, row in sums.items()]
        if not names:
            return lines or [Line((), NONE)]
        return dearest_first(in_parts(lines, names.index(PART)) if PART in names else lines)

    def counter_lines(self, most: int) -> list[CounterLine]:
        return counter_lines(self.scope, most=most)

    def late_figures(self) -> LateFigures:
        return late_figures(self.scope)


def lines_of(who: Principal, month: date, *, simulated: bool, only: Mapping[str, str] | None = None) -> Lines:
    """The month's lines."""
    return OpenLines(who, month, simulated, only or {})


def dearest_first(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (-line.sums.spent_nusd, [value.name for value in line.values]))


def in_parts(lines: Iterable[Line], place: int) -> list[Line]:
    """Each line divided by part of its cost, whose value is put in at ``place``. A part has money alone."""
    found = []
    for line in lines:
        for part in PARTS:
            if nusd := line.sums.part(part):
                value = Value(part, PART_NAMES[part])
                values = (*line.values[:place], value, *line.values[place:])
                found.append(Line(values, Sums(spent_nusd=nusd, calls=line.sums.calls)))
    return found


def added_by(lines: Iterable[Line], *places: int) -> list[Line]:
    """The lines added up by the values at these places, the dearest first."""
    sums = added((tuple(line.values[place] for place in places), line.sums) for line in lines)
    return dearest_first(Line(values, row) for values, row in sums.items())


def total_of(lines: Sequence[Line]) -> Sums:
    return total(line.sums for line in lines)
