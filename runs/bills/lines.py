"""The lines of a month, by what somebody asks: what a bill's page, file and API are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from runs.bill_sums.counter_lines import CounterLine, LateFigures, counter_lines, late_figures
from runs.bill_sums.dimensions import PART
from runs.bill_sums.sums import NONE, PARTS, UNDIVIDED, Scope, Sums, added, sums_of, total
from runs.bills.values import Names, Value, raw_of
from runs.words import PART_WORDS
from teams.access import Principal
from teams.refusals import Invalid

MOST_LINES = 50_000


@dataclass(frozen=True, slots=True)
class Line:
    """Sums of the calls and counter-lines that have these values, one for each dimension that was asked for."""

    values: tuple[Value, ...]
    sums: Sums


@dataclass(frozen=True)
class Lines:
    """A month's lines as the ledger has them now. ``only``: what they are narrowed to, dimensions with codes of their
    values; ``Invalid`` if it names what there is not."""

    who: Principal
    month: date
    simulated: bool
    only: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def scope(self) -> Scope:
        raw = {name: raw_of(self.who, name, code) for name, code in self.only.items()}
        return Scope(self.who, self.simulated, self.month, only=raw)

    def by(self, *names: str, most: int = MOST_LINES) -> list[Line]:
        """Sums by dimensions, the dearest first, so many at most. Without one it is the total, one line even of
        nothing."""
        asked = tuple(name for name in names if name != PART)
        sums = sums_of(self.scope, asked, most=most)
        values = Names(self.who, asked, sums)
        lines = [Line(values.of(key), row) for key, row in sums.items()]
        if not names:
            return lines or [Line((), NONE)]
        return dearest_first(in_parts(lines, names.index(PART)) if PART in names else lines)

    def every(self, *names: str, field: str) -> list[Line]:
        """The same without a line left out. ``Invalid``, at the field, if there are more than ``MOST_LINES``."""
        found = self.by(*names, most=MOST_LINES + 1)
        if len(found) > MOST_LINES:
            raise too_many(MOST_LINES, field=field)
        return found

    def counter_lines(self, most: int) -> list[CounterLine]:
        return counter_lines(self.scope, most=most)

    def late_figures(self) -> LateFigures:
        return late_figures(self.scope)


def dearest_first(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (-line.sums.spent_nusd, [value.name for value in line.values]))


def in_parts(lines: Iterable[Line], place: int) -> list[Line]:
    """Each line divided by part of its cost, whose value is put in at ``place``. A part has money alone: a call has
    many parts. Calls without a price are of the part that is not divided."""
    found = []
    for line in lines:
        for part in PARTS:
            nusd, unpriced = line.sums.part(part), line.sums.unpriced_calls if part == UNDIVIDED else 0
            if nusd or unpriced:
                value = Value(part, PART_WORDS[part])
                values = (*line.values[:place], value, *line.values[place:])
                found.append(Line(values, Sums(spent_nusd=nusd, unpriced_calls=unpriced)))
    return found


def added_by(lines: Iterable[Line], *places: int) -> list[Line]:
    """The lines added up by the values at these places, the dearest first."""
    sums = added((tuple(line.values[place] for place in places), line.sums) for line in lines)
    return dearest_first(Line(values, row) for values, row in sums.items())


def total_of(lines: Sequence[Line]) -> Sums:
    return total(line.sums for line in lines)


def too_many(most: int, *, field: str) -> Invalid:
    return Invalid(
        f"That has more than {most:,} lines. Divide it by less, or narrow it to a crew or a label.",
        fields={field: "Too many lines."},
    )
