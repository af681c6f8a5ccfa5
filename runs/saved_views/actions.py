"""What people do with saved views. Everybody keeps their own; editors keep the team's."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower, Now

from engine.text import storable
from runs.history.columns import read_columns, written
from runs.history.filters import RunFilter
from runs.history.orders import ORDERS
from runs.history.saved import MAX_OF_PERSON, MAX_OF_TEAM
from runs.models import SavedView
from teams.access import Principal, require
from teams.models import Role, Team
from teams.refusals import Conflict, Invalid

MAX_NAME_CHARS = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """What a list of runs shows: the filter as it is typed, one of ``ORDERS``, and columns with commas between them."""

    q: str
    sort: str
    columns: str


@transaction.atomic
def save_view(who: Principal, name: str, shown: Shown, *, for_team: bool, replace: bool = False) -> SavedView:
    """Keeps what a list shows under a name. A view of the same name and owner is a ``Conflict``, or takes it over if
    ``replace``. ``Invalid`` for what no list can show, and for one view too many."""
    if for_team:
        require(who, Role.EDITOR)
    name, values = _name(name), _checked(who, shown)
    views = _of_owner(who, for_team=for_team)
    _lock(who)
    same = _named(views, name).first()
    if same is None:
        most = MAX_OF_TEAM if for_team else MAX_OF_PERSON
        if views.count() >= most:
            message = f"{'The team has' if for_team else 'You have'} {most} views, which is the most. Remove one first."
            raise Invalid(message)
        owner = None if for_team else who.user
        return SavedView.objects.create(team=who.team, owner=owner, name=name, changed_by=who.user, **values)
    if not replace:
        raise _taken(same, "Replace it, or choose another name.")
    return _change(who, same, name=name, **values)


@transaction.atomic
def rename_view(who: Principal, view: SavedView, name: str) -> SavedView:
    """``Conflict`` if another view of the same owner has that name."""
    for_team = _may_change(who, view)
    name = _name(name)
    _lock(who)
    same = _named(_of_owner(who, for_team=for_team), name).exclude(pk=view.pk).first()
    if same is not None:
        raise _taken(same, "Choose another name.")
    return _change(who, view, name=name)


def remove_view(who: Principal, view: SavedView) -> None:
    _may_change(who, view)
    view.delete()


def _may_change(who: Principal, view: SavedView) -> bool:
    """Whether it is the team's. Raises ``PermissionDenied`` for one that this person may not change."""
    if view.owner_id != who.user.pk:
        require(who, Role.EDITOR)
    return view.owner_id is None


def _of_owner(who: Principal, *, for_team: bool) -> QuerySet[SavedView]:
    return SavedView.objects.filter(team=who.team, owner=None if for_team else who.user)


def _named(views: QuerySet[SavedView], name: str) -> QuerySet[SavedView]:
    """Compared as the constraint compares: ``iexact`` takes upper case, in which other letters are alike."""
    return views.alias(folded=Lower("name")).filter(folded=Lower(Value(name)))


def _lock(who: Principal) -> None:
    """Names and counts of views are looked at one by one."""
    Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)


def _change(who: Principal, view: SavedView, **values: str) -> SavedView:
    for field, value in values.items():
        setattr(view, field, value)
    view.changed_by, view.changed_at = who.user, Now()
    view.save(update_fields=[*values, "changed_by", "changed_at"])
    view.refresh_from_db()
    return view


def _name(typed: str) -> str:
    name = " ".join(storable(typed).split())
    if not name:
        raise Invalid("Nothing was saved.", fields={"name": "Give it a name."})
    if len(name) > MAX_NAME_CHARS:
        raise Invalid("Nothing was saved.", fields={"name": f"At most {MAX_NAME_CHARS} characters."})
    return name


def _checked(who: Principal, shown: Shown) -> dict[str, str]:
    q = RunFilter.parse(shown.q, who).text
    if shown.sort not in ORDERS:
        raise Invalid(f"There is no order {shown.sort!r}. There are {', '.join(ORDERS)}.")
    columns, complaint = read_columns(shown.columns)
    if complaint:
        raise Invalid(complaint)
    return {"q": q, "sort": shown.sort, "columns": written(columns)}


def _taken(view: SavedView, advice: str) -> Conflict:
    whose = "The team has" if view.owner_id is None else "You have"
    message = f"{whose} a view “{view.name}” already. {advice}"
    return Conflict(message, fields={"name": message})
