"""Checks the whole ledger at one moment and says which invariants are broken. It changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django.db import connection, transaction

from engine.errors import Cancelled
from runs.ledger.invariants.calls import CALLS
from runs.ledger.invariants.closed_bills import CLOSED_BILLS
from runs.ledger.invariants.invariant import Invariant
from runs.ledger.invariants.months import MONTHS
from runs.ledger.invariants.protocol import PROTOCOL
from runs.ledger.invariants.rollups import ROLLUP_SUMS
from runs.ledger.invariants.sums import SUMS
from runs.ledger.lease import LEASE_S
from runs.states import BUDGETS, PERSON, CostClass

_ALL = (*SUMS, *MONTHS, *CLOSED_BILLS, *CALLS, *PROTOCOL, *ROLLUP_SUMS)
INVARIANTS = {invariant.name: invariant for invariant in _ALL}

ROWS_SHOWN = 20
IDLE_S = 60
SWEPT_WITHIN_S = 30
"""Sweeps are seconds apart: this long after something was due, a sweep has done it."""
HEARD_AFTER_S = 10
"""A bell is heard within milliseconds: this long after it, any free worker has come."""

PARAMETERS: dict[str, Any] = {
    "cancelled": Cancelled.code,
    "classes": CostClass.values,
    "person": PERSON,
    "budgets": list(BUDGETS),
    "idle": f"{IDLE_S} s",
    "heard_after": f"{HEARD_AFTER_S} s",
    "settled_after": f"{LEASE_S + SWEPT_WITHIN_S} s",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """A row that breaks an invariant, with the two figures that differ."""

    id: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.id}: {self.found}, should be {self.expected}"


@dataclass(frozen=True, slots=True)
class Finding:
    """How an invariant stands."""

    name: str
    meaning: str
    count: int  # rows that break it
    rows: tuple[Violation, ...]  # the first of them
    took_ms: int = 0


def check(names: Iterable[str] | None = None) -> list[Finding]:
    """The invariants that are broken, of all or of those named."""
    return [finding for finding in examine(names) if finding.count]


def examine(names: Iterable[str] | None = None) -> list[Finding]:
    """How each invariant stands, all at one moment, so that what is written meanwhile is not taken for a fault.

    Must not be called within a transaction, because that has begun at an earlier moment.
    """
    with moment():
        return look(names)


@contextmanager
def moment() -> Iterator[None]:
    """A transaction that sees the ledger as it is when the first query runs, whatever is written meanwhile.

    Its statements may take as long as a large ledger needs.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = 0")
        yield


def look(names: Iterable[str] | None = None) -> list[Finding]:
    """How each invariant stands in the caller's transaction."""
    return [look_at(INVARIANTS[name]) for name in (INVARIANTS if names is None else names)]


def look_at(invariant: Invariant, parameters: Mapping[str, Any] = MappingProxyType({})) -> Finding:
    """How one invariant stands; ``parameters`` are what its query takes besides ``PARAMETERS``."""
    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_ROWS.format(invariant.sql), {**PARAMETERS, **parameters, "rows_shown": ROWS_SHOWN})
        rows = cursor.fetchall()
    return Finding(
        name=invariant.name,
        meaning=invariant.meaning,
        count=rows[0][0] if rows else 0,
        rows=tuple(Violation(row_id, found, expected) for _, row_id, found, expected in rows),
        took_ms=round((time.monotonic() - began) * 1000),
    )


# The first rows that break an invariant, each with how many there are.
_FIRST_ROWS = """
    SELECT count(*) OVER (), id::text, coalesce(found::text, 'none'), coalesce(expected::text, 'none')
    FROM ({}) AS offending LIMIT %(rows_shown)s
"""
