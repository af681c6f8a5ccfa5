"""Keeps, renames and removes what has a name. Everybody keeps their own; editors keep the team's.

The team's are in its log; what somebody keeps for themselves is nobody else's business.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from engine.text import storable
from runs.models import SavedView, Scenario
from teams.access import Principal, require
from teams.audit.record import record
from teams.models import Role, Team
from teams.refusals import Conflict, Invalid

MAX_NAME_CHARS = 60
MAX_OF_TEAM, MAX_OF_PERSON = 100, 50
WORDS: dict[type[SavedView | Scenario], str] = {SavedView: "view", Scenario: "scenario"}
T = TypeVar("T", SavedView, Scenario)
SAVED = {SavedView: "view.saved", Scenario: "scenario.saved"}
RENAMED = {SavedView: "view.renamed", Scenario: "scenario.renamed"}
REMOVED = {SavedView: "view.removed", Scenario: "scenario.removed"}


def name_for(who: Principal, typed: str, *, for_team: bool) -> str:
    """The name as it is kept. ``Invalid`` for none and for one too long, ``PermissionDenied`` for the team's by
    somebody who may not change that."""
    if for_team:
        require(who, Role.EDITOR)
    return _name(typed)


@transaction.atomic
def keep(model: type[T], who: Principal, name: str, *, for_team: bool, replace_it: bool, **values: Any) -> T:
    """``name`` is one of ``name_for``. One of the same name and owner is a ``Conflict``, or takes the values if
    ``replace_it``. ``Invalid`` for one too many."""
    ours = _of_owner(model, who, for_team=for_team)
    _lock(who)
    same = _called(ours, name).first()
    if same is None:
        most = MAX_OF_TEAM if for_team else MAX_OF_PERSON
        if ours.count() >= most:
            have = "The team has" if for_team else "You have"
            raise Invalid(f"{have} {most} {WORDS[model]}s, which is the most. Remove one first.")
        owner = None if for_team else who.user
        made = model.objects.create(team=who.team, owner=owner, name=name, changed_by=who.user, **values)
        if for_team:
            record(who, SAVED[model], made)
        return made
    if not replace_it:
        raise _taken(same, "Replace it, or choose another name.")
    if for_team:
        record(who, SAVED[model], same, replaced=same.name)
    return _change(who, same, name=name, **values)


@transaction.atomic
def rename(who: Principal, named: T, typed: str, **values: Any) -> T:
    """``Conflict`` if another one of the same owner has that name."""
    for_team = _may_change(who, named)
    name = _name(typed)
    _lock(who)
    same = _called(_of_owner(type(named), who, for_team=for_team), name).exclude(pk=named.pk).first()
    if same is not None:
        raise _taken(same, "Choose another name.")
    if for_team:
        record(who, RENAMED[type(named)], named, now=name)
    return _change(who, named, name=name, **values)


@transaction.atomic
def remove(who: Principal, named: SavedView | Scenario) -> None:
    if _may_change(who, named):
        record(who, REMOVED[type(named)], named)
    named.delete()


def _may_change(who: Principal, named: SavedView | Scenario) -> bool:
    """Whether it is the team's. Raises ``PermissionDenied`` for one that this person may not change."""
    if named.owner_id != who.user.pk:
        require(who, Role.EDITOR)
    return named.owner_id is None


def _of_owner(model: type[T], who: Principal, *, for_team: bool) -> QuerySet[T]:
    return model.objects.filter(team=who.team, owner=None if for_team else who.user)


def _called(ours: QuerySet[T], name: str) -> QuerySet[T]:
    """Compared as the constraints compare: ``iexact`` takes upper case, in which other letters are alike."""
    return ours.alias(folded=Lower("name")).filter(folded=Lower(Value(name)))


def _lock(who: Principal) -> None:
    """Names and counts are looked at one by one."""
    Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)


def _change(who: Principal, named: T, **values: Any) -> T:
    values |= {"changed_by": who.user}
    for field, value in values.items():
        setattr(named, field, value)
    named.save(update_fields=list(values))
    named.refresh_from_db()
    return named


def _name(typed: str) -> str:
    name = " ".join(storable(typed).split())
    if not name:
        raise Invalid("Nothing was saved.", fields={"name": "Give it a name."})
    if len(name) > MAX_NAME_CHARS:
        raise Invalid("Nothing was saved.", fields={"name": f"At most {MAX_NAME_CHARS} characters."})
    return name


def _taken(named: SavedView | Scenario, advice: str) -> Conflict:
    whose = "The team has" if named.owner_id is None else "You have"
    message = f"{whose} a {WORDS[type(named)]} “{named.name}” already. {advice}"
    return Conflict(message, fields={"name": message})
