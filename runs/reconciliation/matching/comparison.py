"""Lines by day, model and key with both sides, and their sums. Theirs alone less ours alone is the whole difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from runs.reconciliation.matching import models
from runs.reconciliation.matching.ours import SUMMED, OurCell, Ours
from runs.reconciliation.reading.cells_of_days import Cell, Theirs

Measure = Literal["nusd", "tokens"]
NOT_OURS = "-"
"""Said of one of their keys that no program of the team's uses, or another program alone."""
FEES = "fees"


@dataclass(slots=True)
class Theirside:
    """Sums of their cells."""

    prompt: int = 0
    cached: int = 0
    cache_write: int = 0
    completion: int = 0
    requests: int = 0
    nusd: int = 0
    lines: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt + self.completion


@dataclass(slots=True)
class Ourside:
    """Sums of our cells: the fields of ``OurCell``."""

    calls: int = 0
    prompt: int = 0
    cached: int = 0
    cache_write: int = 0
    completion: int = 0
    nusd: int = 0
    fees_nusd: int = 0
    unpriced: int = 0
    estimated: int = 0
    unknown: int = 0
    unknown_nusd: int = 0
    corrected: int = 0
    corrected_nusd: int = 0
    crossing: int = 0
    crossing_tokens: int = 0
    crossing_nusd: int = 0
    own_server_nusd: int = 0
    own_server_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class Where:
    """What a line is about. ``key``: our key, their name of one that is not ours, "" where keys are not told apart."""

    day: str
    model: str = ""
    key: str = ""
    item: str = ""  # ``FEES``; "" for tokens
    in_batch: bool = False
    is_foreign: bool = False  # the key is none of ours, as a person said


@dataclass(slots=True)
class Line:
    """Both sides of one day, model and key. ``items``: the names of their fees."""

    where: Where
    theirs: Theirside = field(default_factory=Theirside)
    ours: Ourside = field(default_factory=Ourside)
    items: set[str] = field(default_factory=set)
    asked_as: set[str] = field(default_factory=set)  # our names of the model

    def difference(self, measure: Measure) -> int:
        """Theirs less ours."""
        difference: int = getattr(self.theirs, measure) - getattr(self.ours, measure)
        return difference


@dataclass(frozen=True, slots=True)
class Sum:
    """Of lines: both sides, and what is alone on each of them, both from 0 on."""

    theirs: int = 0
    ours: int = 0
    theirs_alone: int = 0
    ours_alone: int = 0

    @property
    def difference(self) -> int:
        return self.theirs - self.ours


@dataclass(frozen=True, slots=True)
class Comparison:
    """``measure``: dollars where the export tells cost, else tokens. ``unassigned``: their keys that nobody has said
    anything about. ``models_of_ours``: the days on which we called each."""

    theirs: Theirs
    ours: Ours
    measure: Measure
    lines: Sequence[Line]
    unassigned: Sequence[str]
    days_of: Mapping[str, set[str]]

    def total(self, measure: Measure) -> Sum:
        return summed(self.lines, measure)

    def by(self, key: Callable[[Line], str], measure: Measure) -> dict[str, Sum]:
        """The sums of the lines of each key, in the order of their keys."""
        groups: dict[str, list[Line]] = {}
        for line in self.lines:
            groups.setdefault(key(line), []).append(line)
        return {name: summed(groups[name], measure) for name in sorted(groups)}


def summed(lines: Iterable[Line], measure: Measure) -> Sum:
    found = [(getattr(line.theirs, measure), getattr(line.ours, measure)) for line in lines]
    return Sum(
        sum(theirs for theirs, _ in found),
        sum(ours for _, ours in found),
        sum(max(0, theirs - ours) for theirs, ours in found),
        sum(max(0, ours - theirs) for theirs, ours in found),
    )


def compare(theirs: Theirs, ours: Ours, keys: Mapping[str, str]) -> Comparison:
    """``keys``: to which of our keys each of theirs belongs, as "openai/default", or ``NOT_OURS``."""
    matcher = _Matcher(theirs, ours, keys)
    for cell in theirs.cells:
        matcher.add_theirs(cell)
    for own in ours.cells:
        matcher.add_ours(own)
    named = {cell.key for cell in theirs.cells if cell.key}
    return Comparison(
        theirs,
        ours,
        "nusd" if "cost" in theirs.tells else "tokens",
        [
            matcher.lines[where]
            for where in sorted(matcher.lines, key=lambda where: (where.day, where.model, where.key))
        ],
        sorted(named - keys.keys()) if "key" in theirs.tells else (),
        matcher.days_of,
    )


class _Matcher:
    def __init__(self, theirs: Theirs, ours: Ours, keys: Mapping[str, str]) -> None:
        self.lines: dict[Where, Line] = {}
        self.days_of: dict[str, set[str]] = {}
        self._tells = set(theirs.tells)
        self._keys = keys
        self._assigned = {keys[cell.key] for cell in theirs.cells if cell.key in keys}
        self._own_servers = set(ours.own_servers)
        self._has_fees = any(cell.item for cell in theirs.cells)
        self._names = models.one_name(cell.model for cell in theirs.cells if cell.model)
        self._joined = models.joined(((cell.model, cell.answered) for cell in ours.cells), self._names)

    def add_theirs(self, cell: Cell) -> None:
        key = self._keys.get(cell.key, "") if "key" in self._tells else ""
        is_foreign = key == NOT_OURS
        line = self._line(
            Where(
                cell.day,
                self._names[cell.model] if "model" in self._tells and cell.model and not cell.item else "",
                cell.key if is_foreign else key,
                FEES if cell.item else "",
                cell.in_batch,
                is_foreign,
            )
        )
        for name in ("prompt", "cached", "cache_write", "completion", "requests", "lines"):
            setattr(line.theirs, name, getattr(line.theirs, name) + getattr(cell, name))
        line.theirs.nusd += cell.nusd or 0
        line.items |= {cell.item} - {""}

    def add_ours(self, cell: OurCell) -> None:
        key = cell.credential if "key" in self._tells and cell.credential in self._assigned else ""
        model = self._joined[cell.model, cell.answered] if "model" in self._tells else ""
        self.days_of.setdefault(model, set()).add(cell.day)
        line = self._line(Where(cell.day, model, key))
        for name in SUMMED:
            setattr(line.ours, name, getattr(line.ours, name) + getattr(cell, name))
        line.asked_as.add(cell.model)
        is_own_server = cell.credential in self._own_servers
        if is_own_server:
            line.ours.own_server_nusd += cell.nusd
            line.ours.own_server_tokens += cell.prompt + cell.completion
        if self._has_fees and cell.fees_nusd:  # they stand in lines of their own, so ours do too
            fees = self._line(Where(cell.day, "", key, FEES))
            for side, sign in ((line.ours, -1), (fees.ours, 1)):
                side.nusd += sign * cell.fees_nusd
                side.fees_nusd += sign * cell.fees_nusd
                side.own_server_nusd += sign * cell.fees_nusd if is_own_server else 0

    def _line(self, where: Where) -> Line:
        return self.lines.setdefault(where, Line(where))
