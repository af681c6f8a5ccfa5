"""Long lists in pages, by keyset: a page begins behind the last row of the one before, so a deep page costs no more.

Rows are compared as PostgreSQL compares rows, ``(figure, id) < (x, y)``, which an index on both follows to any depth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

from runs.typed_values import uuid_or_none
from teams.refusals import Invalid

MAX_PAGE = 200
"""Rows at most in one answer of the API."""
BEFORE = "before_"
"""Begins a cursor that asks for the rows before its place instead of those behind it."""
FIGURE = re.compile(r"-?\d{1,18}", re.ASCII)

RowT = TypeVar("RowT", bound=Any)


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """One page of a list."""

    items: Sequence[RowT]
    next: str  # the cursor of the following page, "" at the end
    previous: str = ""  # the cursor of the page before, "" at the beginning


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: behind a row, or before it."""

    figure: str  # of the row, "" where rows are in the order of their ids
    pk: UUID
    before: bool


def page_of(
    rows: QuerySet[Any, RowT],
    order: str,
    *,
    cursor: str,
    limit: int,
    last: int | None = None,
    fetch: Callable[[QuerySet[Any, RowT]], list[Any]] = list,
) -> Page[Any]:
    """The page behind ``cursor``, the first one where that is "". ``Invalid`` for a cursor that is not ours.

    ``order`` is written as for ``order_by``: "pk", or a column of whole numbers, where rows of the same number follow
    in the order of their ids; "-" in front is the other way round. ``last`` is a number below all others whose rows
    come at the end also where the smallest come first. The cursor is a row's id, or its number, "_" and id. ``fetch``
    reads what of the rows a page has, in their order; it may give them another form.

    One query; a second one where a page reaches from the other rows into the ``last`` ones.
    """
    keyset = _Keyset(order.removeprefix("-"), order.startswith("-"), last)
    return read_page(
        cursor,
        limit,
        read=lambda place, count: keyset.read(rows, place, count, fetch),
        mark=marks_by(order),
    )


def ordering(order: str) -> tuple[str, ...]:
    """What ``order_by`` takes for an ``order`` of ``page_of``: rows of the same number in the order of their ids."""
    sign = "-" if order.startswith("-") else ""
    return (order,) if order == f"{sign}pk" else (order, f"{sign}pk")


def in_one_stretch(descending: bool, last: int | None) -> bool:
    """Whether a whole list stands in its column's own order, since the ``last`` rows of ``page_of`` are at its end by
    themselves, or there are none."""
    return descending or last is None


def marks_by(order: str) -> Callable[[Any], str]:
    """How cursors of ``page_of`` name a row, by the column it is sorted by."""
    column = order.removeprefix("-")
    return lambda row: str(row.pk) if column == "pk" else f"{getattr(row, column)}_{row.pk}"


def read_page(
    cursor: str,
    limit: int,
    *,
    read: Callable[[Place | None, int], list[RowT]],
    mark: Callable[[RowT], str],
) -> Page[RowT]:
    """The page at the cursor. ``read`` gives so many rows from a place on, those before it the nearest first; ``mark``
    writes the place of a row as ``place_of`` reads it.

    A page before that would be short is the first page: somebody who goes back sees a whole one.
    """
    place = place_of(cursor) if cursor else None
    found = read(place, limit + 1)
    goes_on, items = len(found) > limit, found[:limit]
    if place is not None and place.before:
        if not goes_on:
            return read_page("", limit, read=read, mark=mark)
        items.reverse()
    if not items:
        return Page([], "")
    goes_back = place is not None
    has_next = goes_on or (place is not None and place.before)
    return Page(items, mark(items[-1]) if has_next else "", BEFORE + mark(items[0]) if goes_back else "")


def place_of(cursor: str) -> Place:
    """``Invalid`` for a cursor that is not ours."""
    before, text = cursor.startswith(BEFORE), cursor.removeprefix(BEFORE)
    figure, _, id_text = text.rpartition("_")
    return Place(figure, cursor_id(id_text), before)


def cursor_id(text: str) -> UUID:
    """The id in a cursor; ``Invalid`` if it holds none."""
    pk = uuid_or_none(text)
    if pk is None:
        raise not_ours()
    return pk


def not_ours() -> Invalid:
    return Invalid("The cursor is not one of ours.", fields={"cursor": "Start from the first page."})


@dataclass(frozen=True, slots=True)
class _Keyset:
    """Rows in the order of a column and their ids."""

    column: str
    descending: bool
    last: int | None

    def read(
        self, rows: QuerySet[Any], place: Place | None, count: int, fetch: Callable[[QuerySet[Any]], list[Any]]
    ) -> list[Any]:
        """The first ``count`` rows from the place on, in the direction in which it is read."""
        backwards = place is not None and place.before
        down = self.descending != backwards
        found: list[Any] = []
        for part, condition in self._parts(place, backwards, down):
            wanted = count - len(found)
            if wanted:
                order = f"{'-' if down else ''}{self.column}"
                found += fetch(rows.filter(part, condition).order_by(*ordering(order))[:wanted])
        return found

    def _parts(self, place: Place | None, backwards: bool, down: bool) -> Iterable[tuple[Q, Q]]:
        """The stretches of the list that are left to be read: which rows each has, and which of them are left."""
        behind = Q() if place is None else self._behind(place, down)
        if in_one_stretch(self.descending, self.last):
            return [(Q(), behind)]
        parts = [Q(**{f"{self.column}__gt": self.last}), Q(**{self.column: self.last})]
        starts_at = 0 if place is None else int(place.figure == str(self.last))
        if backwards:
            parts, starts_at = parts[::-1], 1 - starts_at if place is not None else 0
        return [(part, behind if nth == starts_at else Q()) for nth, part in enumerate(parts) if nth >= starts_at]

    def _behind(self, place: Place, down: bool) -> Q:
        if self.column == "pk":
            if place.figure:
                raise not_ours()
            return Q(pk__lt=place.pk) if down else Q(pk__gt=place.pk)
        if not FIGURE.fullmatch(place.figure):
            raise not_ours()
        compare = TupleLessThan if down else TupleGreaterThan
        return Q(compare(Tuple(F(self.column), F("pk")), (int(place.figure), place.pk)))
