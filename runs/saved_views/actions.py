"""What people do with saved views. Everybody keeps their own; editors keep the team's."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models.functions import Now

from runs.history.columns import read_columns, written
from runs.history.filters import RunFilter
from runs.history.orders import ORDERS
from runs.models import SavedView
from runs.named import actions as named
from teams.access import Principal
from teams.refusals import Invalid


@dataclass(frozen=True, slots=True)
class Shown:
    """What a list of runs shows: the filter as it is typed, one of ``ORDERS``, and columns with commas between them."""

    q: str
    sort: str
    columns: str


def save_view(who: Principal, name: str, shown: Shown, *, for_team: bool, replace: bool = False) -> SavedView:
    """Keeps what a list shows under a name. A view of the same name and owner is a ``Conflict``, or takes it over if
    ``replace``. ``Invalid`` for what no list can show, and for one view too many."""
    name, values = named.name_for(who, name, for_team=for_team), _checked(who, shown)
    return named.keep(SavedView, who, name, for_team=for_team, replace_it=replace, changed_at=Now(), **values)


def rename_view(who: Principal, view: SavedView, name: str) -> SavedView:
    """``Conflict`` if another view of the same owner has that name."""
    return named.rename(who, view, name, changed_at=Now())


def remove_view(who: Principal, view: SavedView) -> None:
    named.remove(who, view)


def _checked(who: Principal, shown: Shown) -> dict[str, str]:
    q = RunFilter.parse(shown.q, who).text
    if shown.sort not in ORDERS:
        raise Invalid(f"There is no order {shown.sort!r}. There are {', '.join(ORDERS)}.")
    columns, complaint = read_columns(shown.columns)
    if complaint:
        raise Invalid(complaint)
    return {"q": q, "sort": shown.sort, "columns": written(columns)}
