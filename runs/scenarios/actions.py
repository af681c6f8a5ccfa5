"""What people do with scenarios. Everybody keeps their own; editors keep the team's. Nothing is spent by any of it."""

from __future__ import annotations

from dataclasses import replace

from django.db.models.functions import Now

from runs.models import Scenario
from runs.named import actions as named
from runs.scenarios.answer import answer
from runs.scenarios.asked import Asked
from teams.access import Principal
from teams.refusals import Invalid


def save_scenario(who: Principal, name: str, asked: Asked, *, for_team: bool, replace_it: bool = False) -> Scenario:
    """Keeps a question under a name, with what is answered now. A scenario of the same name and owner is a
    ``Conflict``, or is taken over if ``replace_it``. ``Invalid`` for what cannot be reckoned, and for one too many."""
    name = named.name_for(who, name, for_team=for_team)
    if not asked.changes:
        raise Invalid("Nothing is changed yet. Choose a model, a price list or a cache first.")
    found = answer(who, asked)
    return named.keep(
        Scenario,
        who,
        name,
        for_team=for_team,
        replace_it=replace_it,
        asked=replace(found.asked, simulated=found.simulated).as_json(),
        calls=found.total.calls,
        compared_calls=found.total.compared_calls,
        real_nusd=found.total.compared_nusd,
        changed_nusd=found.total.new_nusd,
        answered_at=Now(),
    )


def rename_scenario(who: Principal, scenario: Scenario, name: str) -> Scenario:
    """``Conflict`` if another scenario of the same owner has that name."""
    return named.rename(who, scenario, name)


def remove_scenario(who: Principal, scenario: Scenario) -> None:
    named.remove(who, scenario)
