"""What the columns of rows hold: of which kind their cells are, how many are filled, and how they differ.

Every cell is a text; the kind of a column says what all its filled cells can be read as.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from runs.batches.order import Row


class CellKind(StrEnum):
    """The words of people and programs alike."""

    WHOLE = "whole numbers"
    NUMBER = "numbers"
    TRUTH = "true or false"
    DATE = "dates"
    LINK = "links"
    TEXT = "texts"
    EMPTY = "empty"


def _is_date(text: str) -> bool:
    if not text[:4].isdigit() or not 10 <= len(text) <= 35:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


# A number with zeros before it, as a postcode, is a text.
_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]*)", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_READS: Mapping[CellKind, Callable[[str], object]] = {
    CellKind.WHOLE: _WHOLE.fullmatch,
    CellKind.NUMBER: _NUMBER.fullmatch,
    CellKind.TRUTH: lambda text: text.casefold() in ("true", "false", "yes", "no"),
    CellKind.DATE: _is_date,
    CellKind.LINK: _LINK.fullmatch,
    CellKind.TEXT: lambda text: True,
}
"""The narrowest first: a column is of the first kind that all its filled cells are."""


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    name: str
    kind: CellKind
    filled: int
    empty: int
    different: int  # filled cells, each text once
    longest: int  # characters


@dataclass(slots=True)
class _Column:
    filled: int = 0
    longest: int = 0
    texts: set[str] = field(default_factory=set)

    def take(self, text: str) -> None:
        self.filled += 1
        self.longest = max(self.longest, len(text))
        self.texts.add(text)


def facts_of(columns: Sequence[str], rows: Iterable[Row]) -> list[ColumnFacts]:
    """Of each column, in their order. A cell of blanks is empty."""
    found = {name: _Column() for name in columns}
    count = 0
    for cells in rows:
        count += 1
        for name, text in cells.items():
            if name in found and text.strip():
                found[name].take(text)
    return [
        ColumnFacts(name, _kind(one.texts), one.filled, count - one.filled, len(one.texts), one.longest)
        for name, one in found.items()
    ]


def _kind(texts: Iterable[str]) -> CellKind:
    texts = [text.strip() for text in texts]
    if not texts:
        return CellKind.EMPTY
    return next(kind for kind, reads in _READS.items() if all(map(reads, texts)))
