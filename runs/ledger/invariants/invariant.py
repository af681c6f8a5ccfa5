"""What an invariant is: a name, a sentence for people and a query that must return no row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that must be true of the ledger.

    Its query takes the time from ``now()``, which stands still as the transaction's snapshot does, and its values from
    ``check.PARAMETERS``.
    """

    name: str
    meaning: str  # a sentence for people
    sql: str  # gives a row (id, found, expected) for each thing that breaks it
