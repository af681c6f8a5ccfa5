"""Removes a made-up team with all of its rows and nothing else, in transactions of bounded size.

Which tables there are is read from the models: every row that leads to the team by keys is removed, so a new table
needs no word here. Rows that only mention a row of the team, by a key that may become null, are none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from django.apps import apps
from django.db import models, transaction

from runs.models import Call, Run
from runs.models.fields import keeping_the_id
from teams.models import Membership, Team, User

OWN_APPS = ("teams", "agents_app", "runs")
RUNS_APP = "runs"
BATCH_RUNS = 2000
BATCH_ROWS = 50_000
MAX_PATH = 5


@transaction.atomic
def remove_some_runs(team: Team) -> int:
    """Removes the oldest runs with all that belongs to them; returns how many, 0 if there are none left."""
    oldest = list(Run.objects.filter(team=team).order_by("id").values_list("pk", flat=True)[:BATCH_RUNS])
    if oldest:
        for model, path in leading_to(Run):
            _delete(model.objects.filter(**{f"{path}__in": oldest}))  # type: ignore[attr-defined]
        _delete(Run.objects.filter(pk__in=oldest))
    return len(oldest)


@transaction.atomic
def remove_some_sums(team: Team) -> int:
    """Removes rows of the team in tables of runs that no other table needs, such as rollups; returns how many, 0 if
    there are none left. A long history has as many of them as would make one transaction too long."""
    removed = 0
    for model, path in leading_to(Team):
        if model._meta.app_label == RUNS_APP and not _is_needed(model):
            rows: models.QuerySet[Any] = model.objects.filter(**{path: team})  # type: ignore[attr-defined]
            some = rows.order_by("pk").values("pk")[: BATCH_ROWS - removed]
            removed += _delete(model.objects.filter(pk__in=some))  # type: ignore[attr-defined]
        if removed >= BATCH_ROWS:
            break
    return removed


def remove_team(team: Team) -> None:
    """Removes the team and what is left of its rows, and the people who were made for it. In the caller's transaction,
    in which the team's row is locked."""
    people = list(made_people(team).values_list("pk", flat=True))
    for model, path in leading_to(Team):
        _delete(model.objects.filter(**{path: team}))  # type: ignore[attr-defined]
    _delete(Team.objects.filter(pk=team.pk))
    for model, path in leading_to(User):
        _delete(model.objects.filter(**{f"{path}__in": people}))  # type: ignore[attr-defined]
    _delete(User.objects.filter(pk__in=people))


def made_people(team: Team) -> models.QuerySet[User]:
    """Members who cannot sign in and are in no other team."""
    elsewhere = Membership.objects.exclude(team=team).values("user")
    return User.objects.filter(memberships__team=team, is_active=False, last_login=None).exclude(pk__in=elsewhere)


def holds_real(team: Team) -> bool:
    """Whether anything real was ever recorded in the team; that is never removed."""
    return (
        Run.objects.filter(team=team, simulated=False).exists()
        or Call.objects.filter(team=team, simulated=False).exists()
    )


@cache
def leading_to(goal: type[models.Model]) -> list[tuple[type[models.Model], str]]:
    """The models whose rows cannot be without a row of ``goal``, and the paths of keys to it; each before those that
    its keys point to."""
    found = [(model, path) for model in _own_models() if model is not goal for path in _paths(model, goal)]
    return sorted(found, key=lambda item: -_depth(item[0]))


def _own_models() -> Iterator[type[models.Model]]:
    return (model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in OWN_APPS)


@cache
def _depth(model: type[models.Model]) -> int:
    """The length of the longest chain of keys from here."""
    return 1 + max((_depth(key.related_model) for key in _needed_keys(model)), default=0)


def _paths(model: type[models.Model], goal: type[models.Model]) -> list[str]:
    """The shortest chain of keys from a model to the goal that every row has; without one all chains, since one row may
    have this and another that."""
    chains: list[tuple[str, Any, bool]] = [("", model, True)]
    found: list[str] = []
    for _ in range(MAX_PATH):
        chains = [
            (f"{path}__{key.name}" if path else key.name, key.related_model, all_have and not key.null)
            for path, at, all_have in chains
            for key in _needed_keys(at)
        ]
        for path, reached, all_have in chains:
            if reached is goal and all_have:
                return [path]
            if reached is goal:
                found.append(path)
    return found


def _needed_keys(model: type[models.Model]) -> list[Any]:
    """The keys whose rows this model's rows go with. The others become null when theirs go."""
    keys: list[Any] = [field for field in model._meta.concrete_fields if field.is_relation]
    return [key for key in keys if key.remote_field.on_delete not in (models.SET_NULL, keeping_the_id)]


def _is_needed(model: type[models.Model]) -> bool:
    return any(key.related_model is model for other in _own_models() for key in _needed_keys(other))


def _delete(rows: models.QuerySet[Any]) -> int:
    """One DELETE; returns how many rows went. Keys are checked when the transaction ends, so a row that something else
    still needs undoes it."""
    return rows._raw_delete(rows.db)


def each_batch(team: Team, progress: Callable[[int], None]) -> None:
    while count := remove_some_runs(team):
        progress(count)
    while remove_some_sums(team):
        pass
