"""What rows come to before they are kept: the first of them, their columns, and what they would change of a set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from runs.batches.kept_inputs import rows_of
from runs.batches.order import Row
from runs.data_sets.columns import ColumnFacts, facts_of
from runs.data_sets.rows import NewRows, checked
from runs.models import DataSetVersion
from teams.refusals import Invalid

SHOWN_ROWS = 10
LOOKED_AT = 1_000
"""Rows of a version that is kept, whose columns are told of: a page reads no more of it."""


@dataclass(frozen=True, slots=True)
class Changes:
    """A next version against the one before it. Rows are the same word for word, wherever they stand; ``repeated`` of
    the added ones are in the version before already."""

    same: int
    added: int
    removed: int
    repeated: int
    columns_added: Sequence[str]
    columns_removed: Sequence[str]
    refused: str = ""  # why there can be no such version


@dataclass(frozen=True, slots=True)
class RowsPreview:
    """``behind``: added behind the rows that there are; ``alone``: in their place. None for a new set."""

    rows: NewRows
    columns: Sequence[ColumnFacts]
    notes: Sequence[str] = ()
    behind: Changes | None = None
    alone: Changes | None = None

    @property
    def shown(self) -> list[tuple[int, list[str]]]:
        """The first rows with their numbers, the cells in the order of the columns."""
        first = enumerate(islice(self.rows.rows, SHOWN_ROWS), 1)
        return [(number, [row.get(name, "") for name in self.rows.columns]) for number, row in first]

    @property
    def more(self) -> int:
        return max(0, len(self.rows.rows) - SHOWN_ROWS)


def preview_of(new: NewRows, before: DataSetVersion | None = None, notes: Sequence[str] = ()) -> RowsPreview:
    """``before``: the version whose next one the rows are for; its rows are read."""
    columns = facts_of(new.columns, new.rows)
    if before is None:
        return RowsPreview(new, columns, notes)
    kept = Counter(_words(row.cells) for row in rows_of(before))
    rows = Counter(map(_words, new.rows))
    return RowsPreview(new, columns, notes, _behind(before, kept, rows, new), _alone(before, kept, rows, new))


def facts_of_version(version: DataSetVersion) -> list[ColumnFacts]:
    """Of its first ``LOOKED_AT`` rows."""
    return facts_of(version.columns, (row.cells for row in islice(rows_of(version), LOOKED_AT)))


_Words = tuple[tuple[str, str], ...]


def _behind(before: DataSetVersion, kept: Counter[_Words], rows: Counter[_Words], new: NewRows) -> Changes:
    refused = ""
    try:
        checked(new.rows, before.columns, before=before.row_count, chars_before=before.chars)
    except Invalid as refusal:
        refused = next(iter(refusal.fields.values()), refusal.message)
    added = _without(new.columns, before.columns)
    repeated = sum(count for row, count in rows.items() if row in kept)
    return Changes(kept.total(), rows.total(), 0, repeated, added, (), refused)


def _alone(before: DataSetVersion, kept: Counter[_Words], rows: Counter[_Words], new: NewRows) -> Changes:
    added = rows - kept
    return Changes(
        same=(rows & kept).total(),
        added=added.total(),
        removed=(kept - rows).total(),
        repeated=sum(count for row, count in added.items() if row in kept),
        columns_added=_without(new.columns, before.columns),
        columns_removed=_without(before.columns, new.columns),
    )


def _words(cells: Row) -> _Words:
    return tuple(sorted(cells.items()))


def _without(columns: Iterable[str], others: Iterable[str]) -> list[str]:
    known = set(others)
    return [name for name in columns if name not in known]
