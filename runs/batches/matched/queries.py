"""Reads of matched rows: what all of them come to, and a page of them with the texts on both sides."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

from runs.batches.matched.matching import Matching
from runs.batches.matched.pairing import pairing_of
from runs.batches.matched.statements import ORDERS, SHOWN, differing_statement, matched_statement, values_of
from runs.batches.queries import WAITING
from runs.batches.results.sorting import position_of
from runs.paging import BEFORE
from runs.splits.interval import ranks
from teams.refusals import Invalid
from teams.work_bounds import query_time

SECONDS = 10.0
TOO_LONG = "The database took too long over these batches, and they were given up. Try again in a moment."
WORST = "worst"

Pair = tuple[int | None, int | None]
"""Numbers of the rows that belong together; None where one batch has no such row."""


@dataclass(frozen=True, slots=True)
class SideSums:
    """Over all rows of one batch, each by its newest run. Costs are of those that are known in full."""

    rows: int
    removed: int  # whose inputs were, for their age: they match none
    repeated: int  # whose inputs an earlier row has too
    ended: int
    succeeded: int
    priced: int
    nusd: int
    timed: int
    ms: int


@dataclass(frozen=True, slots=True)
class BothSums:
    """Over the rows that both batches have. Of costs those pairs where both are known; of times those where both have
    one."""

    rows: int
    ended: int  # in both batches
    old_succeeded: int  # of these
    new_succeeded: int
    worse: int  # succeeded in the baseline, and not in the other
    better: int
    priced: int
    old_nusd: int
    new_nusd: int
    dearer: int
    cheaper: int
    timed: int
    old_ms: int
    new_ms: int
    slower: int
    faster: int

    @property
    def success_is_clear(self) -> bool:
        """By the rows that succeeded in one of the two alone."""
        return is_clear(self.worse + self.better, self.worse, self.better)

    @property
    def cost_is_clear(self) -> bool:
        return is_clear(self.priced, self.dearer, self.cheaper)

    @property
    def time_is_clear(self) -> bool:
        return is_clear(self.timed, self.slower, self.faster)


@dataclass(frozen=True, slots=True)
class Matched:
    """``pairs`` are those of the page; ``differing`` says of each field in how many pairs it differs, and ``differ`` in
    how many any does: both are known only where pairs that differ are shown."""

    matching: Matching
    baseline: SideSums
    other: SideSums
    both: BothSums
    pairs: Sequence[Pair]
    next: str
    previous: str
    differ: int | None
    differing: Mapping[str, int]

    @property
    def only_baseline(self) -> int:
        return self.baseline.rows - self.baseline.removed - self.both.rows

    @property
    def only_other(self) -> int:
        return self.other.rows - self.other.removed - self.both.rows


def is_clear(pairs: int, more: int, less: int) -> bool:
    """Whether the median difference of the pairs is surely not 0, at 95 %: by signs alone, so that nothing is assumed
    of how differences are spread. Never below six pairs."""
    found = ranks(pairs)
    return found is not None and min(pairs - more, pairs - less) < found[0]


def known_show(show: str, field: str, matching: Matching) -> str:
    """``Invalid`` for rows that cannot be asked for, and for a field that no schema has."""
    if show not in SHOWN:
        known = ", ".join(filter(None, SHOWN))
        raise Invalid(f"There are no rows {show[:40]!r}.", fields={"show": f"Choose one of {known}."})
    if field and (show != "differ" or field not in matching.fields):
        raise Invalid("There is no such field.", fields={"field": "Name a field of the answers, with show=differ."})
    return show


def known_sort(sort: str) -> str:
    if (sort or WORST) not in ORDERS:
        known = ", ".join(ORDERS)
        raise Invalid(f"There is no order {sort[:40]!r}.", fields={"sort": f"Choose one of {known}."})
    return sort or WORST


def matched(
    matching: Matching, *, show: str = "", field: str = "", sort: str = "", cursor: str = "", limit: int
) -> Matched:
    """The sums and a page of the pairs. The worst come first: what succeeded and does so no more, then by how much
    dearer, then by how much slower. A cursor is the number of a row, the baseline's unless its rows are left out.

    ``Invalid`` for what cannot be shown, an order or a cursor that there is not. Two queries at most, one more where a
    page before would be short; it reads the answers of all pairs where those that differ are asked for.
    """
    show, sort = known_show(show, field, matching), known_sort(sort)
    before, at = cursor.startswith(BEFORE), position_of(cursor.removeprefix(BEFORE))
    text = matched_statement(matching, show=show, sort=sort, is_first=not at, before=before)
    values = values_of(matching) | {"waiting": WAITING, "at": at, "count": limit + 1, "field": field}
    with query_time(SECONDS, TOO_LONG, field="batches") as go_on, _each_row_once():
        pairing = pairing_of(matching)
        go_on()
        row = _row(text, values | {"old_rows": pairing.old_rows, "new_rows": pairing.new_rows})
    found: list[Pair] = [(old, new) for old, new in row["page"] or ()]
    goes_on, pairs = len(found) > limit, found[:limit]
    if before:
        if not goes_on:  # somebody who goes back sees a whole first page
            return matched(matching, show=show, field=field, sort=sort, limit=limit)
        pairs.reverse()
    return Matched(
        matching,
        SideSums(**row["baseline"], repeated=pairing.repeated[0]),
        SideSums(**row["other"], repeated=pairing.repeated[1]),
        BothSums(**row["both"]),
        pairs,
        next=_mark(pairs[-1]) if pairs and (goes_on or before) else "",
        previous=f"{BEFORE}{_mark(pairs[0])}" if pairs and cursor else "",
        differ=row["differ"] if show == "differ" else None,
        differing=row["differing"] or {},
    )


def differing_at(matching: Matching, pairs: Sequence[Pair]) -> Mapping[int, Sequence[str]]:
    """By the baseline's row: the fields whose values differ, or "output" where no schema names any; nothing of a pair
    that is alike, or of which one has not succeeded. One query."""
    both = [(old, new) for old, new in pairs if old is not None and new is not None]
    if not both:
        return {}
    old_rows, new_rows = ([pair[nth] for pair in both] for nth in (0, 1))
    values = values_of(matching) | {"old_rows": old_rows, "new_rows": new_rows}
    with connection.cursor() as cursor:
        cursor.execute(differing_statement(matching), values)
        return dict(cursor.fetchall())


@contextmanager
def _each_row_once() -> Iterator[None]:
    """Keeps PostgreSQL from holding each row of one batch against each of the other: of a batch that was just launched
    it knows nothing, takes it for a row, and needs ten seconds for twice ten thousand. In a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        yield
        cursor.execute("SET LOCAL enable_nestloop = on")


def _row(text: str, values: Mapping[str, Any]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        names = [column[0] for column in cursor.description]
        return {name: _read(value) for name, value in zip(names, cursor.fetchone(), strict=True)}


def _read(value: Any) -> Any:
    """Django leaves JSON of its cursors as text."""
    return json.loads(value) if isinstance(value, str) else value


def _mark(pair: Pair) -> str:
    old, new = pair
    return str(new if old is None else old)
