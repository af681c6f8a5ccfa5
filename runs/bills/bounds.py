"""How much of the server one answer about a month may take: a place among others, and time of the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from teams.work_bounds import Places, query_time

SECONDS = 10.0
TOO_LONG = (
    "The database took too long over these months and was stopped. Narrow the bill to a crew or a label, or ask again "
    "when less is going on."
)
PLACES = Places(3, "Other bills are being read. Try again in a moment.", patience_s=2.0)


@contextmanager
def one_answer() -> Iterator[None]:
    """All that is read of bills for a page, a file or a program is read within. Not to be nested.

    ``Busy`` if others take all places, ``Invalid`` if the database takes too long.
    """
    with PLACES.one(), query_time(SECONDS, TOO_LONG, field="month"):
        yield
