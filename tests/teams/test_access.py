"""The gate: members reach their team's rows with their role, strangers find nothing, and no view is without a
policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import URLPattern, URLResolver, get_resolver

from agents_app.models import Crew
from crewsite.api import api
from teams.access import Principal, fetch, principal, visible_to
from teams.api.bearer import Bearer
from teams.models import Role, Team, User
from tests.cast import Cast, make_crew

pytestmark = pytest.mark.django_db

OWN_APPS = ("teams", "agents_app", "runs")
NO_TEAM = {
    "teams.User",
    "teams.Team",
    "teams.SignInLink",
    "teams.IdempotentAnswer",
    "teams.TryCount",
    "runs.WorkerSeen",
    "runs.InvariantCheck",
}
"""Models that are not reached through the gate: the gate itself stands on them, no view shows them, or they are
the installation's own."""

OPEN_BY_NATURE = {"api:api-root", "api:openapi-json", "api:openapi-view"}
"""The API's own description. It holds no rows."""


@pytest.mark.parametrize("name", ["owner", "editor", "runner", "viewer"])
def test_members_reach_their_teams_rows(cast: Cast, name: str) -> None:
    crew = make_crew(cast.owner)
    assert fetch(Crew, getattr(cast, name), slug=crew.slug) == crew


def test_person_and_team_of_a_request_are_whole(cast: Cast) -> None:
    """They are read by SQL of our own, column by column."""
    Team.objects.filter(pk=cast.owner.team.pk).update(
        name="Acme & Co", runs_at_once=7, fallback_model="m", is_demo=True
    )
    person, others = User.objects.get(pk=str(cast.owner.user.pk)), User.objects.exclude(pk=cast.owner.user.pk)
    team = principal(person, cast.owner.team.slug).team
    for read, model in ((person, User), (team, Team)):
        kept = model.objects.filter(pk=read.pk).values().get()
        assert {name: getattr(read, name) for name in kept} == kept
        assert not read._state.adding
        read.save()
    with pytest.raises(User.DoesNotExist):
        User.objects.get(pk=0)
    with pytest.raises(User.DoesNotExist):
        others.get(pk=person.pk)


def test_a_stranger_finds_nothing(cast: Cast) -> None:
    crew = make_crew(cast.owner)
    assert not visible_to(cast.stranger, Crew).exists()
    with pytest.raises(Http404):
        fetch(Crew, cast.stranger, pk=crew.pk)


def test_a_stranger_is_told_404_and_not_403_also_for_a_role_they_lack(cast: Cast) -> None:
    crew = make_crew(cast.owner)
    stranger = Principal(cast.stranger.user, cast.stranger.team, Role.VIEWER)
    with pytest.raises(Http404):
        fetch(Crew, stranger, Role.OWNER, pk=crew.pk)


@pytest.mark.parametrize(
    ("name", "role", "allowed"),
    [
        ("viewer", Role.VIEWER, True),
        ("viewer", Role.RUNNER, False),
        ("runner", Role.RUNNER, True),
        ("runner", Role.EDITOR, False),
        ("editor", Role.EDITOR, True),
        ("editor", Role.OWNER, False),
        ("owner", Role.OWNER, True),
    ],
)
def test_each_role_may_what_a_smaller_one_may_and_no_more(cast: Cast, name: str, role: Role, allowed: bool) -> None:
    crew = make_crew(cast.owner)
    if allowed:
        assert fetch(Crew, getattr(cast, name), role, pk=crew.pk) == crew
    else:
        with pytest.raises(PermissionDenied):
            fetch(Crew, getattr(cast, name), role, pk=crew.pk)


def test_nobody_acts_in_a_team_that_is_not_theirs(cast: Cast) -> None:
    with pytest.raises(Http404):
        principal(cast.stranger.user, "acme")


def test_a_deactivated_member_acts_nowhere(cast: Cast) -> None:
    cast.owner.user.is_active = False
    cast.owner.user.save()
    with pytest.raises(Http404):
        principal(cast.owner.user, "acme")


def test_every_model_says_how_its_rows_lead_to_a_team() -> None:
    models = [model for model in apps.get_models() if model._meta.app_label in OWN_APPS]
    silent = {model._meta.label for model in models if not hasattr(model, "TEAM_PATH")}
    assert silent == NO_TEAM


def test_every_view_declares_its_policy() -> None:
    undeclared = [name for name, view in views(get_resolver()) if not policy_of(name, view)]
    assert undeclared == []


def test_every_api_operation_needs_a_token_with_a_role() -> None:
    operations = list(api_operations())
    assert len(operations) > 10
    open_ones = [name for name, callbacks in operations if not any(isinstance(one, Bearer) for one in callbacks)]
    assert open_ones == []


def policy_of(name: str, view: Any) -> str:
    if name in OPEN_BY_NATURE:
        return "open by nature"
    if name.startswith("api:"):
        return "checked by operation"
    return str(getattr(view, "policy", ""))


def views(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from views(entry, f"{namespace}{entry.namespace}:" if entry.namespace else namespace)
        elif isinstance(entry, URLPattern):
            yield f"{namespace}{entry.name or entry.pattern}", entry.callback


def api_operations() -> Iterator[tuple[str, list[Any]]]:
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                yield f"{operation.methods} {prefix}{path}", list(operation.auth_callbacks)
