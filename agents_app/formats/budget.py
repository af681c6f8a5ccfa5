"""What reading one source may cost: steps, characters and elements, counted here alone.

Some thirty lines can double a list or a text in each line, and a list that holds itself twice, time and again, is small
until somebody walks through it. So whatever makes or walks through something pays for it before it does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agents_app.formats.report import Place

MAX_STEPS = 200_000
MAX_CHARS = 5_000_000
MAX_ELEMENTS = 300_000
LOOKED_AT_PER_STEP = 100
"""So many things that are only looked at, one after the other, cost one step."""

_WORDS = {
    "steps": "the source takes more steps than are followed ({:,})",
    "chars": "the source makes texts of more characters than are read ({:,} in all)",
    "elements": "the source makes larger lists and dictionaries than are read ({:,} entries in all)",
    "definitions": "the source makes more agents, tasks or crews than are read ({:,} of a kind)",
}


class UsedUpError(Exception):
    """The budget is used up. Its text says of what, as a part of a sentence; ``place`` is where it happened."""

    def __init__(self, kind: str, limit: int, place: Place) -> None:
        super().__init__(_WORDS[kind].format(limit))
        self.place = place


@dataclass(slots=True)
class Budget:
    """How much is left. ``line`` and ``file`` are where the source is being read. ``numbers``: of ``number_of``."""

    max_steps: int = MAX_STEPS
    max_chars: int = MAX_CHARS
    max_elements: int = MAX_ELEMENTS
    steps: int = 0
    chars: int = 0
    elements: int = 0
    line: int | None = None
    file: str = ""
    numbers: dict[tuple[object, ...], int] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        return Place(self.line, self.file)

    def at(self, place: Place) -> None:
        """From now on this place is read."""
        self.line, self.file = place.line, place.file

    def pay_steps(self, count: int = 1) -> None:
        """For work that makes nothing. Raises ``UsedUpError``, as its siblings do."""
        self.steps += count
        if self.steps > self.max_steps:
            raise UsedUpError("steps", self.max_steps, self.place)

    def pay_looking(self, count: int) -> None:
        """For looking at so many things."""
        self.pay_steps(count // LOOKED_AT_PER_STEP)

    def pay_chars(self, count: int) -> None:
        """For a text that is made."""
        self.chars += count
        if self.chars > self.max_chars:
            raise UsedUpError("chars", self.max_chars, self.place)

    def pay_elements(self, count: int) -> None:
        """For entries of lists and dictionaries that are made, or walked through for a text or data."""
        self.elements += count
        if self.elements > self.max_elements:
            raise UsedUpError("elements", self.max_elements, self.place)

    def number_of(self, *what: object) -> int:
        """A number for what only a run would show, by what tells it apart; the same for the same."""
        return self.numbers.setdefault(what, len(self.numbers) + 1)

    def refuse_definitions(self, limit: int) -> None:
        raise UsedUpError("definitions", limit, self.place)

    def renewed(self) -> Budget:
        """The same limits, with nothing used."""
        return Budget(self.max_steps, self.max_chars, self.max_elements)
