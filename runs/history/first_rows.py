"""Runs as rows of a list: one statement, which Django composes once for each order and columns.

To compose it takes longer than to read fifty runs. What differs from one list to another, its filter and place, is
composed anew and put into it as a choice of ids. Runs are read anew each time.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from psycopg.types.datetime import TimestamptzLoader

from runs.history.columns import computed, names_read
from runs.history.fields.conditions import is_one_of
from runs.history.orders import ORDERS
from runs.models import Run
from runs.paging import ordering
from teams.access import Principal
from teams.models import Team

TEAM: Any = object()
"""Stands in a statement's parameters for the id of the team that asks."""
CHOICE: Any = object()
"""Stands there for the parameters of the choice of runs, and ``CHOSEN`` in the statement for its text."""
CHOSEN = "chosen_runs"


def first_rows(who: Principal, *, sort: str, columns: Sequence[str], count: int) -> list[Any]:
    """The team's first ``count`` runs, each with the names in ``names_read``."""
    composed = _composed(sort, tuple(columns), count)
    return _read(composed, composed.sql, [who.team.pk if value is TEAM else value for value in composed.parameters])


def chosen_rows(who: Principal, runs: QuerySet[Run, Any], *, sort: str, columns: Sequence[str]) -> list[Any]:
    """These runs of the team in their order, which they need to have, each with the names in ``names_read``."""
    composed = _composed_for_choice(sort, tuple(columns), tuple(map(str, runs.query.order_by)))
    try:
        choice, values = runs.values("pk").query.sql_with_params()
    except EmptyResultSet:  # Django knows that there is none
        return []
    parameters: list[Any] = []
    for value in composed.parameters:
        parameters += values if value is CHOICE else [who.team.pk if value is TEAM else value]
    return _read(composed, composed.sql.replace(CHOSEN, choice), parameters)


def _read(composed: _Composed, sql: str, parameters: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        # Django's own loader of moments is written in Python; this one is psycopg's in C, and gives the same moments.
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(sql, parameters)
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
    runs = Run.objects.filter(team_id=RawSQL("%s", [TEAM])).order_by(*ordering(ORDERS[sort].key))
    return _as_composed(runs, names_read(sort, columns), count)


@lru_cache(maxsize=200)
def _composed_for_choice(sort: str, columns: tuple[str, ...], order: tuple[str, ...]) -> _Composed:
    some = RawSQL(f"ARRAY({CHOSEN})", [CHOICE])  # noqa: S611 - a fixed text of our own
    return _as_composed(Run.objects.filter(is_one_of("pk", some)).order_by(*order), names_read(sort, columns), None)


def _as_composed(runs: QuerySet[Run], names: Sequence[str], count: int | None) -> _Composed:
    rows = runs.annotate(**computed(Team(pk=TEAM), names)).values_list(*names)
    sql, parameters = rows[:count].query.sql_with_params()
    fields = {field.name: field for field in Run._meta.concrete_fields}
    loads = [getattr(fields.get(name), "from_db_value", None) for name in names]
    loaders = [(nth, load) for nth, load in enumerate(loads) if load is not None]
    row_class: Any = namedtuple("Row", names)  # type: ignore[misc]
    return _Composed(sql, parameters, row_class._make, loaders)
