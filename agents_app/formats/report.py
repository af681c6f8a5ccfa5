"""Collects remarks on a source, with their files and lines, into one report: worst first, the same ones as one.

The readers decide what is worth a remark.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from engine.spec.crew_spec import CrewSpec

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to know. ``info``: worth knowing; ``warning``: left out or changed; ``error``: not read."""

    level: Level
    line: int | None
    message: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool that the source names. ``stands_for``: the tool here that takes its place, "" if none does; ``why``: the
    reason, and what to do instead. ``by``: the agents and tasks that have it."""

    name: str
    stands_for: str
    why: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Understood:
    """How much of a crew was understood: of each kind, how many were read whole, and how many there are."""

    agents: tuple[int, int] = (0, 0)
    tasks: tuple[int, int] = (0, 0)
    texts: tuple[int, int] = (0, 0)
    tools: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class ImportedCrew:
    """One crew of a source. ``file`` and ``line`` are where it is made; ``meant``: whether it is one of the project's
    own, and not of its tests or examples, unless all are. ``report`` is what is to be said of this crew alone."""

    spec: CrewSpec
    file: str = ""
    line: int | None = None
    meant: bool = True
    understood: Understood = Understood()
    tools: tuple[ToolUse, ...] = ()
    report: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """A reader's result. ``spec`` is None only if nothing could be read; then the report holds an error.

    ``crews`` are all crews of the source, the best one first: ``spec`` is its. ``general`` is what is to be said of the
    source as a whole; ``report`` is that and what is to be said of the first crew.
    The specs are well formed, but perhaps cannot run: ``engine.spec.validate`` judges that.
    """

    spec: CrewSpec | None
    report: tuple[Remark, ...]
    crews: tuple[ImportedCrew, ...] = ()
    general: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands. ``line`` counts from 1; ``file`` is "" if there is only one."""

    line: int | None = None
    file: str = ""


NOWHERE = Place()
MAX_REMARKS = 1_000
MAX_MESSAGE = 1_000
MAX_LISTED = 50
MAX_LISTED_CHARS = 200
ALIKE = 3
"""So many remarks that differ in whom they are about alone become one."""

HEADLINE = "Read as "
_OWNER = re.compile(r"^(Agent|Task) ([a-z0-9_]{1,64})(?:, ([a-z_]{1,40}))?:? (?=\S)")
_RANK: dict[str, int] = {"error": 0, "warning": 1, "info": 2}


class UnreadableError(Exception):
    """The source cannot be read at all; the text says why and what to do."""

    def __init__(self, message: str, place: Place = NOWHERE) -> None:
        super().__init__(message)
        self.place = place


@dataclass(slots=True)
class _Gathered:
    """A remark that holds for several places and is made once, at the first of them."""

    level: Level
    place: Place
    message: str
    items: dict[str, None]
    places: int = 1


class Report:
    """Collects remarks, at most ``MAX_REMARKS``. The same words at the same place are kept once."""

    def __init__(self) -> None:
        self.headline = ""
        self._notes: dict[tuple[Level, Place, str], None] = {}
        self._gathered: dict[str, _Gathered] = {}

    def info(self, place: Place, message: str) -> None:
        self._note("info", place, message)

    def warn(self, place: Place, message: str) -> None:
        self._note("warning", place, message)

    def error(self, place: Place, message: str) -> None:
        self._note("error", place, message)

    def _note(self, level: Level, place: Place, message: str) -> None:
        note = (level, place, shortened(message, MAX_MESSAGE))
        if len(self._notes) < (2 * MAX_REMARKS if level == "error" else MAX_REMARKS):
            self._notes[note] = None
        elif note not in self._notes:
            self.gather("There is more to say of the source than is listed here.", place=NOWHERE, level="warning")

    def gather(self, message: str, *, place: Place, item: str = "", level: Level = "info") -> None:
        """Makes a remark once for all its places; ``{items}`` in the message becomes the list of their items."""
        remark = self._gathered.get(message)
        if remark is None:
            self._gathered[message] = _Gathered(level, place, message, {item: None})
            return
        remark.places += 1
        if _order(place) < _order(remark.place):
            remark.place = place
        remark.items[item] = None

    @property
    def has_errors(self) -> bool:
        return any(level == "error" for level, _, _ in self._notes)

    def notes(self) -> tuple[Remark, ...]:
        """All remarks: the headline, then the worst first, and of a level those on the whole source, then by place."""
        every = [*self._notes, *((remark.level, remark.place, _sentence(remark)) for remark in self._gathered.values())]
        notes = sorted(_gathered_alike(every), key=lambda entry: (_RANK[entry[0]], _order(entry[1])))
        remarks = (Remark(level, place.line, message, place.file) for level, place, message in notes)
        return (Remark("info", None, self.headline), *remarks) if self.headline else tuple(remarks)


_Note = tuple[Level, Place, str]


def _gathered_alike(notes: list[_Note]) -> Iterator[_Note]:
    """The remarks; those that say the same of several agents or tasks become one, at the first of their places."""
    alike: dict[tuple[Level, str, str], list[tuple[_Note, str]]] = defaultdict(list)
    for note in notes:
        owner = _OWNER.match(note[2])
        if owner is None:
            yield note
        else:
            what = f"{owner[1]}{{}}{f', {owner[3]}' if owner[3] else ''}"
            alike[note[0], what, note[2][owner.end() :]].append((note, owner[2]))
    for (level, what, rest), group in alike.items():
        if len(group) < ALIKE:
            yield from (note for note, _ in group)
            continue
        first = min((note[1] for note, _ in group), key=_order)
        others = [_shown(note[1], first) for note, _ in group if note[1] != first]
        places = f" Also in {listed(dict.fromkeys(others))}." if others else ""
        names = dict.fromkeys(name for _, name in group)
        who = f"{what.format('s')} ({listed(names)})" if len(names) > 1 else what.format(f" {listed(names)}")
        yield level, first, shortened(f"{who}: {rest}{places}", MAX_MESSAGE)


def _shown(place: Place, beside: Place) -> str:
    line = f"line {place.line}" if place.line else ""
    return line if place.file == beside.file else f"{place.file}{':' if line else ''}{place.line or ''}"


def worst_first(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """Remarks of several reports as one: the headline, then by level and place."""
    first, *others = (*remarks,) or (Remark("info", None, ""),)
    if not first.message.startswith(HEADLINE):
        first, others = Remark("info", None, ""), [first, *others]
    ordered = sorted(dict.fromkeys(others), key=lambda note: (_RANK[note.level], _order(Place(note.line, note.file))))
    return tuple(note for note in (first, *ordered) if note.message)


def at_line(place: Place, message: str) -> str:
    """An error that stops the import, with its line: who calls the API reads its text alone."""
    return f"Line {place.line}: {message}" if place.line else message[:1].upper() + message[1:]


def counted(number: int, noun: str) -> str:
    """``3 tasks``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def listed(names: Iterable[str]) -> str:
    """Names for people, of very many only the first."""
    shown = [shortened(name, MAX_LISTED_CHARS) for name in islice(names, MAX_LISTED + 1)]
    return ", ".join(shown[:MAX_LISTED]) + (" and others" if len(shown) > MAX_LISTED else "")


def _order(place: Place) -> tuple[bool, str, int]:
    return place != NOWHERE, place.file, place.line or 0


def _sentence(gathered: _Gathered) -> str:
    text = gathered.message.replace("{items}", listed(item for item in gathered.items if item))
    return text if gathered.places == len(gathered.items) else f"{text} ({gathered.places} places)"
