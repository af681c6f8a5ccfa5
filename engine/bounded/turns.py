"""Whose turn it is where many wait for few places: theirs who have least at work, and of these who asked first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.context_variables import holding

T = TypeVar("T")

_whose: ContextVar[str] = ContextVar("on whose share work is counted", default="")


@contextmanager
def counted_on(whose: str) -> Iterator[None]:
    """Within it, work for child processes is counted on this share."""
    with holding(_whose, whose):
        yield


def whose_share() -> str:
    return _whose.get()


@dataclass(frozen=True, slots=True, eq=False)
class Ticket(Generic[T]):
    """``whose``: on whose share it is counted. "": on nobody's, as if each such ticket were of somebody else."""

    whose: str
    item: T


class Turns(Generic[T]):
    """Not for several threads at once. ``each``: how many of the places one may have, however many are free."""

    def __init__(self, places: int, *, each: int) -> None:
        self.each = each
        self._free = places
        self._at_work: Counter[str] = Counter()
        self._waiting: dict[Ticket[T], None] = {}  # in the order of asking

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def ask(self, ticket: Ticket[T]) -> None:
        self._waiting[ticket] = None

    def leave(self, ticket: Ticket[T]) -> None:
        """It waits no longer."""
        self._waiting.pop(ticket, None)

    def take(self) -> Ticket[T] | None:
        """Gives a place to whose turn it is; None if nobody who waits may have one now."""
        may = [ticket for ticket in self._waiting if self.may_begin(ticket.whose)] if self._free else []
        if not may:
            return None
        ticket = min(may, key=lambda one: self._at_work[one.whose])
        self.leave(ticket)
        self._free -= 1
        if ticket.whose:
            self._at_work[ticket.whose] += 1
        return ticket

    def done(self, ticket: Ticket[T]) -> None:
        """Gives back the place that it took."""
        self._free += 1
        if ticket.whose:
            self._at_work[ticket.whose] -= 1
            if not self._at_work[ticket.whose]:
                del self._at_work[ticket.whose]

    def may_begin(self, whose: str) -> bool:
        """Whether this share has room, if there is a place."""
        return not whose or self._at_work[whose] < self.each

    def last_of_most(self) -> Ticket[T]:
        """The one that asked last of those for whom most wait."""
        counts = Counter(ticket.whose for ticket in self._waiting)
        most = max(counts.values())
        return next(ticket for ticket in reversed(self._waiting) if counts[ticket.whose] == most)
