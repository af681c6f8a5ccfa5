"""Collects remarks on a source, with their lines, into one report. The readers decide what is worth a remark."""

from __future__ import annotations

from collections.abc import Iterable
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


@dataclass(frozen=True, slots=True)
class Imported:
    """A reader's result. ``spec`` is None only if nothing could be read; then the report holds an error.

    The spec is well formed, but perhaps cannot run: ``engine.spec.validate`` judges that.
    """

    spec: CrewSpec | None
    report: tuple[Remark, ...]


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

    def notes(self) -> tuple[Remark, ...]:
        """All remarks: the headline first, then those on the whole source, then the others by file and line."""
        every = [*self._notes, *((remark.level, remark.place, _sentence(remark)) for remark in self._gathered.values())]
        every.sort(key=lambda entry: _order(entry[1]))
        notes = (Remark(level, place.line, _located(place, message)) for level, place, message in every)
        return (Remark("info", None, self.headline), *notes) if self.headline else tuple(notes)


def at_line(place: Place, message: str) -> str:
    """An error that stops the import, with its line: who calls the API reads its text alone."""
    return f"Line {place.line}: {message}" if place.line else message[:1].upper() + message[1:]


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


def _located(place: Place, message: str) -> str:
    return f"{place.file}: {message}" if place.file else message
