"""What an invariant is: a name, a sentence for people and a query that must return no row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invariant:
    """``sql`` gives a row (id, found, expected) for everything that breaks it.

    It is filled in with ``check.PARAMETERS``, and takes the time from ``now()``, which stands still as its snapshot
    does.
    """

    name: str
    meaning: str
    sql: str
