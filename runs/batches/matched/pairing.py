"""Which row of one batch goes with which of the other. A row's key is the MD5 of its inputs: it tells rows of one team
apart, and keeps no secret.

Inputs of a row never change, so this depends on its arguments alone, and is worked out once in each process. Rows whose
texts are removed meanwhile are left out by whoever reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from unicodedata import normalize

from django.db import connection
from psycopg.sql import SQL, Composable, Placeholder
from psycopg.types.json import Jsonb

from agents_app.versions.remembered import Memory
from runs.batches.matched.matching import Matching
from runs.sql import statement

MOST = 32
"""Pairs of batches that a process remembers: some 100 kB for two of ten thousand rows."""

_SIDE: LiteralString = """
    SELECT position, nth, concat(key, ' ', nth) AS key
    FROM (SELECT position, key, row_number() OVER (PARTITION BY key ORDER BY position) AS nth FROM (
        SELECT line.position, md5({inputs}::text)::uuid AS key
        FROM (
            SELECT position, run_id, inputs::jsonb AS data FROM runs_batchrow WHERE batch_id = {batch} OFFSET 0
        ) AS line LEFT JOIN runs_run AS run ON run.id = line.run_id AND run.batch_id = {batch}
        WHERE CASE WHEN line.run_id IS NULL THEN NOT {removed} ELSE run.texts_removed_at IS NULL END
    ) AS keyed) AS numbered
"""
# Joined by one text, since by two columns rows of equal inputs would be held each against each for their numbers.
_PAIRING: LiteralString = """
    WITH baseline AS MATERIALIZED ({baseline}), other AS MATERIALIZED ({other}),
    pairs AS (
        SELECT old.position AS old_row, new.position AS new_row
        FROM baseline AS old JOIN other AS new USING (key)
    )
    SELECT coalesce(array_agg(old_row), ARRAY[]::int[])::text, coalesce(array_agg(new_row), ARRAY[]::int[])::text,
           (SELECT count(*) FROM baseline WHERE nth > 1), (SELECT count(*) FROM other WHERE nth > 1)
    FROM pairs
"""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Rows that belong together, as PostgreSQL writes two arrays of the same length; and how many rows of each batch
    repeat the inputs of an earlier one."""

    old_rows: str
    new_rows: str
    repeated: tuple[int, int]


_pairings: Memory[Pairing] = Memory(lambda _: True, most=MOST)


def pairing_of(matching: Matching) -> Pairing:
    """One query, if it is not remembered."""
    own = [tuple(side.get(name) for name in matching.names) for side in matching.own]
    batches = [(batch.pk, batch.row_count) for batch in matching.sides]
    return _pairings.of((*batches, *matching.names, *own), lambda: _paired(matching))


def _paired(matching: Matching) -> Pairing:
    with connection.cursor() as cursor:
        cursor.execute(statement(_PAIRING, baseline=_side(matching, 0), other=_side(matching, 1)), _values_of(matching))
        old_rows, new_rows, old_repeated, new_repeated = cursor.fetchone()
    return Pairing(old_rows, new_rows, (old_repeated, new_repeated))


def _values_of(matching: Matching) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for nth, (batch, own) in enumerate(zip(matching.sides, matching.own, strict=True)):
        values |= {f"batch_{nth}": batch.pk, f"removed_{nth}": batch.texts_removed_at is not None}
        for place, name in enumerate(matching.names):
            values[f"own_{nth}_{place}"] = Jsonb(own[name]) if name in own else None
    for place, name in enumerate(matching.names):
        values |= {f"name_{place}_{way}": text for way, text in enumerate(_spellings(name))}
    return values


def _side(matching: Matching, nth: int) -> Composable:
    inputs = SQL(", ").join(_input(nth, place, name) for place, name in enumerate(matching.names))
    return SQL(_SIDE).format(
        batch=Placeholder(f"batch_{nth}"),
        removed=Placeholder(f"removed_{nth}"),
        inputs=SQL("ARRAY[{}]::jsonb[]").format(inputs),  # a function takes a hundred arguments at most
    )


def _input(nth: int, place: int, name: str) -> Composable:
    """What a row gives for an input, however its name's accents are written, else what the crew has."""
    given: list[Composable] = [
        SQL("line.data -> {}::text").format(Placeholder(f"name_{place}_{way}"))
        for way, _ in enumerate(_spellings(name))
    ]
    own = SQL("{}::jsonb").format(Placeholder(f"own_{nth}_{place}"))
    return SQL("coalesce({})").format(SQL(", ").join([*given, own]))


def _spellings(name: str) -> Sequence[str]:
    return list(dict.fromkeys((normalize("NFC", name), normalize("NFD", name))))
