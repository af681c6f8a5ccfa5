"""Runs in groups: by crew, state or person in the order of their names, and within each the newest first.

One statement walks along the groups and reads of each only what the page still needs, so that a page costs the same
wherever it lies and however many runs a group has. Sorting all runs of a team by such a column would read all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, LiteralString, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from psycopg.sql import SQL

from runs.history.orders import Order
from runs.models import Run
from runs.paging import Page, Place, not_ours, read_page
from runs.sql import statement
from runs.states import RunState
from teams.access import Principal

RowT = TypeVar("RowT", bound=Any)
Key = int | str | None
"""Of a group: a crew's or a person's id, or a state. None: nobody, which comes last in both directions."""

FIRST_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
_CREWS = "SELECT id FROM agents_app_crew WHERE team_id = %s ORDER BY lower(name), id"
# Each step looks up the next id in the index of people's runs, so that it is not the runs that are counted through.
_PEOPLE = """
    WITH RECURSIVE launcher (id) AS (
        SELECT min(created_by_id) FROM runs_run WHERE team_id = %(team)s
        UNION ALL
        SELECT (SELECT min(run.created_by_id) FROM runs_run AS run
                WHERE run.team_id = %(team)s AND run.created_by_id > launcher.id)
        FROM launcher WHERE launcher.id IS NOT NULL
    )
    SELECT person.id FROM launcher JOIN teams_user AS person ON person.id = launcher.id
    ORDER BY lower(coalesce(nullif(person.name, ''), person.email)), person.id
"""
_IN_GROUPS: LiteralString = """
    SELECT found.id, place.key
    FROM unnest(%s::{kind}[], %s::uuid[]) WITH ORDINALITY AS place (key, bound, nth)
    CROSS JOIN LATERAL ({runs}) AS found (id)
    ORDER BY place.nth, found.id {direction} LIMIT %s
"""


def page_in_groups(
    who: Principal,
    order: Order,
    runs: QuerySet[Run],
    rows: QuerySet[Any, RowT],
    *,
    cursor: str,
    limit: int,
    fetch: Callable[[QuerySet[Any, RowT]], list[Any]] = list,
) -> Page[Any]:
    """The page of ``runs`` at the cursor, as ``rows``, which ``fetch`` reads by their ids. Three queries; four if it
    reaches the runs of nobody. ``Invalid`` for a cursor that is not ours.
    """
    groups = _groups_of(who, order)
    names = {str(key): key for key in groups}
    group = f"{order.key}_id" if order.key != "state" else "state"
    keys: dict[UUID, Key] = {}

    def read(place: Place | None, count: int) -> list[Any]:
        if place is not None and place.figure not in names:
            raise not_ours()
        start = None if place is None else names[place.figure]
        found = _walk(runs, group, groups, place, start, count)
        keys.update(found)
        by_id = {row.pk: row for row in fetch(rows.filter(pk__in=list(found)))}
        return [by_id[pk] for pk in found if pk in by_id]

    return read_page(cursor, limit, read=read, mark=lambda row: f"{keys[row.pk]}_{row.pk}")


def _groups_of(who: Principal, order: Order) -> list[Key]:
    """The keys of the team's groups in this order."""
    with connection.cursor() as cursor:
        keys: list[Key] = list(RunState.values)
        if order.key == "crew":
            cursor.execute(_CREWS, [who.team.pk])
            keys = [pk for (pk,) in cursor.fetchall()]
        elif order.key == "created_by":
            cursor.execute(_PEOPLE, {"team": who.team.pk})
            keys = [pk for (pk,) in cursor.fetchall()]
    nobody: list[Key] = [None] if order.key == "created_by" else []
    return [*(keys if order.ascending else keys[::-1]), *nobody]


def _walk(
    runs: QuerySet[Run], group: str, groups: Sequence[Key], place: Place | None, start: Key, count: int
) -> dict[UUID, Key]:
    """The ids of the next runs from the place on in the direction in which it is read, each with its group's key."""
    backwards = place is not None and place.before
    left = list(groups[::-1] if backwards else groups)
    bounds = [FIRST_ID if backwards else LAST_ID] * len(left)
    if place is not None:
        left = left[left.index(start) :]
        bounds = [place.pk, *bounds[: len(left) - 1]]
    found: dict[UUID, Key] = {}
    for is_nobody, stretch in groupby(zip(left, bounds, strict=True), key=lambda each: each[0] is None):
        wanted = count - len(found)
        if wanted:
            read = _of_nobody if is_nobody else _of_groups
            found |= read(runs, group, list(stretch), backwards, wanted)
    return found


def _of_groups(
    runs: QuerySet[Run], group: str, stretch: Sequence[tuple[Key, UUID]], backwards: bool, count: int
) -> dict[UUID, Key]:
    """``stretch``: the keys of the groups, and the id behind which, or before which, the runs of each are wanted."""
    key, bound = RawSQL("place.key", ()), RawSQL("place.bound", ())
    compare, within, sign = (TupleGreaterThan, "lte", "") if backwards else (TupleLessThan, "gte", "-")
    # As two comparisons and not as ``group = key``: of that, PostgreSQL makes a walk through all of the team's runs.
    of_group = runs.filter(compare(Tuple(F(group), F("pk")), (key, bound)), **{f"{group}__{within}": key})
    some = of_group.order_by(f"{sign}{group}", f"{sign}pk").values("pk")[:count]
    inner, values = some.query.sql_with_params()
    walk = statement(
        _IN_GROUPS,
        kind=SQL("text" if group == "state" else "bigint"),
        runs=SQL(inner),  # composed by Django: what people typed is among the values
        direction=SQL("ASC" if backwards else "DESC"),
    )
    keys, bounds = zip(*stretch, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(walk, [list(keys), list(bounds), *values, count])
        return dict(cursor.fetchall())


def _of_nobody(
    runs: QuerySet[Run], group: str, stretch: Sequence[tuple[Key, UUID]], backwards: bool, count: int
) -> dict[UUID, Key]:
    [(_, bound)] = stretch
    of_nobody = runs.filter(**{f"{group}__isnull": True})
    some = (
        of_nobody.filter(pk__gt=bound).order_by("pk") if backwards else of_nobody.filter(pk__lt=bound).order_by("-pk")
    )
    return dict.fromkeys(some.values_list("pk", flat=True)[:count])
