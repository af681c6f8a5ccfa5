"""Long lists in pages, by keyset: a page begins behind the last row of the one before, so a deep page costs no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from runs.typed_values import finite_or_none, uuid_or_none
from teams.refusals import Invalid

MAX_PAGE = 200
"""Rows at most in one answer of the API."""

RowT = TypeVar("RowT", bound=Any)


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """One page of a list."""

    items: Sequence[RowT]
    next: str  # the cursor of the following page, "" at the end


def page_of(rows: QuerySet[Any, RowT], order: str, *, cursor: str, limit: int) -> Page[RowT]:
    """The page behind ``cursor``, the first one where that is "". One query; ``Invalid`` for a cursor that is not ours.

    ``order`` is written as for ``order_by``: "pk", or a column of numbers, where rows of the same number follow in the
    order of their ids; "-" in front is the other way round. The cursor is the last row's id, or its number, "_" and id.
    """
    column, sign = order.removeprefix("-"), "-" if order.startswith("-") else ""
    if cursor:
        rows = rows.filter(_behind(cursor, column, "lt" if sign else "gt"))
    in_order = rows.order_by(order) if column == "pk" else rows.order_by(order, f"{sign}pk")
    one_more = list(in_order[: limit + 1])
    if len(one_more) <= limit:
        return Page(one_more, "")
    last = one_more[limit - 1]
    return Page(one_more[:limit], str(last.pk) if column == "pk" else f"{getattr(last, column)}_{last.pk}")


def cursor_id(text: str) -> UUID:
    """The id in a cursor; ``Invalid`` if it holds none."""
    pk = uuid_or_none(text)
    if pk is None:
        raise _not_ours()
    return pk


def _behind(cursor: str, column: str, comparison: str) -> Q:
    if column == "pk":
        return Q(**{f"pk__{comparison}": cursor_id(cursor)})
    number_text, _, id_text = cursor.partition("_")
    number, last_id = finite_or_none(number_text), cursor_id(id_text)
    if number is None:
        raise _not_ours()
    return Q(**{f"{column}__{comparison}": number}) | Q(**{column: number, f"pk__{comparison}": last_id})


def _not_ours() -> Invalid:
    return Invalid("The cursor is not one of ours.", fields={"cursor": "Start from the first page."})
