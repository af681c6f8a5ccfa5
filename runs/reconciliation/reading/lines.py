"""What an export says, line by line, and what could not be read of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

MOST_FAULTS = 10
"""So many are told; whoever has more has another file than they think."""
SHOWN_CHARS = 60
MAX_NAME_CHARS = 200


class Unclear(ValueError):
    """What is wrong with a cell or a line, as a sentence without its full stop."""


class Unreadable(ValueError):
    """The file is none that is read here. A sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """One statement of an export: so many tokens of a model on a day in UTC, or so many dollars, or both.

    ``place``: its line in the file, of JSON the number of its result. ``item``: the name of what costs besides tokens;
    "" for tokens. Of tokens ``prompt`` includes ``cached`` and ``cache_write``. None: the export does not say.
    """

    place: int
    day: date
    model: str = ""
    key: str = ""
    item: str = ""
    in_batch: bool = False
    prompt: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    completion: int | None = None
    requests: int | None = None
    usd: Decimal | None = None


@dataclass
class Statement:
    """What is gathered of one file."""

    format: str
    provider: str = ""
    digest: str = ""  # of the head of a table whose columns a person chose
    rounded_to: Decimal = Decimal(0)  # what its amounts are rounded to, in USD; 0: not that anybody could see
    tells_batches: bool = True
    lines: list[Line] = field(default_factory=list)
    days: set[date] = field(default_factory=set)  # also those on which nothing was used
    faults: list[tuple[int, str]] = field(default_factory=list)
    fault_count: int = 0
    left_out: Counter[str] = field(default_factory=Counter)  # what was not understood, with how many lines say it

    @contextmanager
    def at(self, place: int) -> Iterator[None]:
        """Within, ``Unclear`` becomes a fault of this line."""
        try:
            yield
        except Unclear as unclear:
            self.fault_count += 1
            if len(self.faults) < MOST_FAULTS:
                self.faults.append((place, f"{unclear}."))

    def add(self, line: Line) -> None:
        """Raises ``Unclear`` for names that nobody gives."""
        for what in ("model", "key", "item"):
            if len(getattr(line, what)) > MAX_NAME_CHARS:
                raise Unclear(f"The name of its {what} has more than {MAX_NAME_CHARS} characters")
        self.days.add(line.day)
        self.lines.append(line)


def quoted(text: str) -> str:
    """What stood there, cut, for a sentence."""
    shown = " ".join(text.split())
    return f"“{shown[:SHOWN_CHARS]}…”" if len(shown) > SHOWN_CHARS else f"“{shown}”"
