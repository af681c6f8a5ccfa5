"""What people do with scenarios. Everybody keeps their own; editors keep the team's. Nothing is spent by any of it."""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower, Now

from engine.text import storable
from runs.models import Scenario
from runs.scenarios.answer import Answer, answer
from runs.scenarios.asked import Asked
from teams.access import Principal, require
from teams.models import Role, Team
from teams.refusals import Conflict, Invalid

MAX_NAME_CHARS = 60
MAX_OF_TEAM, MAX_OF_PERSON = 100, 50


def save_scenario(who: Principal, name: str, asked: Asked, *, for_team: bool, replace_it: bool = False) -> Scenario:
    """Keeps a question under a name, with what is answered now. A scenario of the same name and owner is a
    ``Conflict``, or is taken over if ``replace_it``. ``Invalid`` for what cannot be reckoned, and for one too many."""
    if for_team:
        require(who, Role.EDITOR)
    name = _name(name)
    if not asked.changes:
        raise Invalid("Nothing is changed yet. Choose a model, a price list or a cache first.")
    return _keep(who, name, answer(who, asked), for_team=for_team, replace_it=replace_it)


@transaction.atomic
def _keep(who: Principal, name: str, found: Answer, *, for_team: bool, replace_it: bool) -> Scenario:
    scenarios = _of_owner(who, for_team=for_team)
    _lock(who)
    same = _named(scenarios, name).first()
    values = {
        "asked": replace(found.asked, simulated=found.simulated).as_json(),
        "calls": found.total.calls,
        "compared_calls": found.total.compared_calls,
        "real_nusd": found.total.compared_nusd,
        "changed_nusd": found.total.new_nusd,
        "changed_by": who.user,
    }
    if same is None:
        most = MAX_OF_TEAM if for_team else MAX_OF_PERSON
        if scenarios.count() >= most:
            have = "The team has" if for_team else "You have"
            raise Invalid(f"{have} {most} scenarios, which is the most. Remove one first.")
        return Scenario.objects.create(team=who.team, owner=None if for_team else who.user, name=name, **values)
    if not replace_it:
        raise _taken(same, "Replace it, or choose another name.")
    return _change(same, name=name, answered_at=Now(), **values)


@transaction.atomic
def rename_scenario(who: Principal, scenario: Scenario, name: str) -> Scenario:
    """``Conflict`` if another scenario of the same owner has that name."""
    for_team = _may_change(who, scenario)
    name = _name(name)
    _lock(who)
    same = _named(_of_owner(who, for_team=for_team), name).exclude(pk=scenario.pk).first()
    if same is not None:
        raise _taken(same, "Choose another name.")
    return _change(scenario, name=name, changed_by=who.user)


def remove_scenario(who: Principal, scenario: Scenario) -> None:
    _may_change(who, scenario)
    scenario.delete()


def _may_change(who: Principal, scenario: Scenario) -> bool:
    """Whether it is the team's. Raises ``PermissionDenied`` for one that this person may not change."""
    if scenario.owner_id != who.user.pk:
        require(who, Role.EDITOR)
    return scenario.owner_id is None


def _of_owner(who: Principal, *, for_team: bool) -> QuerySet[Scenario]:
    return Scenario.objects.filter(team=who.team, owner=None if for_team else who.user)


def _named(scenarios: QuerySet[Scenario], name: str) -> QuerySet[Scenario]:
    return scenarios.alias(folded=Lower("name")).filter(folded=Lower(Value(name)))


def _lock(who: Principal) -> None:
    """Names and counts of scenarios are looked at one by one."""
    Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)


def _change(scenario: Scenario, **values: object) -> Scenario:
    for field, value in values.items():
        setattr(scenario, field, value)
    scenario.save(update_fields=list(values))
    scenario.refresh_from_db()
    return scenario


def _name(typed: str) -> str:
    name = " ".join(storable(typed).split())
    if not name:
        raise Invalid("Nothing was saved.", fields={"name": "Give it a name."})
    if len(name) > MAX_NAME_CHARS:
        raise Invalid("Nothing was saved.", fields={"name": f"At most {MAX_NAME_CHARS} characters."})
    return name


def _taken(scenario: Scenario, advice: str) -> Conflict:
    whose = "The team has" if scenario.owner_id is None else "You have"
    message = f"{whose} a scenario “{scenario.name}” already. {advice}"
    return Conflict(message, fields={"name": message})
