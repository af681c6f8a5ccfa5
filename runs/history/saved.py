"""The saved views that the list of runs offers, and how one becomes its address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db import connection

from runs.models import SavedView
from teams.access import Principal

MOST_SHOWN = 12
# The team's first.
_OFFERED = """
    SELECT id, name, owner_id IS NULL AS is_team, (q, sort, columns) = (%(q)s, %(sort)s, %(columns)s) AS is_open
    FROM runs_savedview WHERE team_id = %(team)s AND (owner_id IS NULL OR owner_id = %(person)s)
    ORDER BY owner_id NULLS FIRST, lower(name)
"""


@dataclass(frozen=True, slots=True)
class Offered:
    """A view as the list offers it. ``is_open``: the list shows just that."""

    pk: int
    name: str
    is_team: bool
    is_open: bool


def offered(who: Principal, *, q: str, sort: str, columns: str) -> Sequence[Offered]:
    """All views that the person sees. One query."""
    whose = {"team": who.team.pk, "person": who.user.pk}
    with connection.cursor() as cursor:
        cursor.execute(_OFFERED, {**whose, "q": q, "sort": sort, "columns": columns})
        return [Offered(*row) for row in cursor.fetchall()]


def first_few(views: Sequence[Offered]) -> Sequence[Offered]:
    """Those that are shown on the list: the open one is among them."""
    return [*views[:MOST_SHOWN], *(view for view in views[MOST_SHOWN:] if view.is_open)]


def query_of(view: SavedView) -> str:
    """The address's query of the list that the view shows."""
    asked: dict[str, Any] = {"q": view.q, "sort": view.sort, "columns": view.columns}
    return urlencode({name: value for name, value in asked.items() if value})
