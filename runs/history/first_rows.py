"""The first runs of a list that has no filter: one statement, which Django composes once for each order and columns.

To compose it takes longer than to read fifty runs, and this is the page that is asked for most. Runs are read anew each
time.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models.expressions import RawSQL
from psycopg.types.datetime import TimestamptzLoader

from runs.history.columns import computed, names_read
from runs.history.orders import ORDERS
from runs.models import Run
from runs.paging import ordering
from teams.access import Principal
from teams.models import Team

TEAM: Any = object()
"""Stands in a statement's parameters for the id of the team that asks."""


def first_rows(who: Principal, *, sort: str, columns: Sequence[str], count: int) -> list[Any]:
    """The team's first ``count`` runs, each with the names in ``names_read``."""
    composed = _composed(sort, tuple(columns), count)
    with connection.cursor() as cursor:
        # Django's own loader of moments is written in Python; this one is psycopg's in C, and gives the same moments.
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(composed.sql, [who.team.pk if value is TEAM else value for value in composed.parameters])
        return [composed.row(row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class _Composed:
    sql: str
    parameters: Sequence[Any]
    row_class: Callable[..., Any]
    loaders: Sequence[tuple[int, Callable[..., Any]]]  # of columns that Django converts

    def row(self, columns: Sequence[Any]) -> Any:
        loaded = list(columns)
        for nth, load in self.loaders:
            loaded[nth] = load(loaded[nth], None, connection)
        return self.row_class(loaded)


@lru_cache(maxsize=200)
def _composed(sort: str, columns: tuple[str, ...], count: int) -> _Composed:
    names, key = names_read(sort, columns), ORDERS[sort].key
    runs = Run.objects.filter(team_id=RawSQL("%s", [TEAM])).annotate(**computed(Team(pk=TEAM), names))
    sql, parameters = runs.values_list(*names).order_by(*ordering(key))[:count].query.sql_with_params()
    fields = {field.name: field for field in Run._meta.concrete_fields}
    loads = [getattr(fields.get(name), "from_db_value", None) for name in names]
    loaders = [(nth, load) for nth, load in enumerate(loads) if load is not None]
    row_class: Any = namedtuple("Row", names)  # type: ignore[misc]
    return _Composed(sql, parameters, row_class._make, loaders)
