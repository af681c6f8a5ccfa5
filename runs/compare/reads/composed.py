"""Statements about single runs, which Django composes once: to compose one took longer than to answer it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from runs.history.fields.conditions import is_one_of
from runs.models import Run

Row = dict[str, Any]
Read = Callable[[QuerySet[Run], bool], QuerySet[Any, Row]]
"""Makes rows of runs: sums over all of them, or, if so asked, for each."""
Runs = QuerySet[Run, Any] | Sequence[UUID]
"""Single runs by their ids, or those of a group."""
IDS: Any = object()
"""Stands in a statement's parameters for the ids of the runs."""


def rows_of(read: Read, runs: Runs, *, by_run: bool) -> list[Row]:
    """``by_run``: ``runs`` are ids."""
    if isinstance(runs, QuerySet):
        return list(read(runs, by_run))
    return _composed(read, by_run).rows(list(runs))


@dataclass(frozen=True, slots=True)
class _Composed:
    sql: str
    parameters: Sequence[Any]
    names: Sequence[str]

    def rows(self, ids: list[UUID]) -> list[Row]:
        with connection.cursor() as cursor:
            cursor.execute(self.sql, [ids if value is IDS else value for value in self.parameters])
            return [dict(zip(self.names, row, strict=True)) for row in cursor.fetchall()]


@cache
def _composed(read: Read, by_run: bool) -> _Composed:
    """Of values that PostgreSQL's driver gives as they are meant: whole numbers, decimals, texts and ids."""
    rows = read(Run.objects.filter(is_one_of("pk", RawSQL("%s::uuid[]", [IDS]))), by_run)
    sql, parameters = rows.query.sql_with_params()
    query = rows.query
    return _Composed(sql, parameters, list(query.selected or (*query.values_select, *query.annotation_select)))
