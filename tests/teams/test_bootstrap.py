"""The first owner: made by name on a team server, by itself under ``make up``, and never without a word."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from teams.models import Membership, Role, Team, User
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def bootstrap(**options: Any) -> str:
    said = StringIO()
    call_command("bootstrap", stdout=said, **options)
    return said.getvalue()


def roles() -> set[tuple[str, str, int]]:
    return set(Membership.objects.values_list("user__email", "team__slug", "role"))


def test_a_named_owner_is_made_also_where_there_are_teams(cast: Cast, settings: Any) -> None:
    settings.LOCAL = False
    assert "you@example.com owns the team New (new)" in bootstrap(email="You@Example.com", team="New")
    assert ("you@example.com", "new", Role.OWNER) in roles()
    before = roles()
    assert "signin_link --email you@example.com" in bootstrap(email="you@example.com", team="New")
    assert roles() == before


def test_who_has_a_smaller_role_is_told_so(cast: Cast) -> None:
    before = roles()
    with pytest.raises(CommandError, match="as viewer"):
        bootstrap(email=cast.viewer.user.email, team="Acme")
    assert roles() == before


def test_nobody_is_put_beside_the_owners_of_a_team_that_others_made(cast: Cast, settings: Any) -> None:
    """Whoever makes a team called Acme first would own it together with its rightful owner."""
    settings.LOCAL = False
    before = roles()
    with pytest.raises(CommandError, match=r"acme already, which owner@example\.com owns"):
        bootstrap(email="cfo@example.com", team="Acme")
    assert roles() == before
    assert "cfo@example.com owns the team Acme" in bootstrap(email="cfo@example.com", team="Acme", existing=True)


def test_a_team_server_asks_for_a_name(settings: Any) -> None:
    settings.LOCAL = False
    with pytest.raises(CommandError, match="bootstrap --email"):
        bootstrap()
    assert not Team.objects.exists()


def test_make_up_makes_one_by_itself_once() -> None:
    assert "owns the team My team (my-team)" in bootstrap()
    assert User.objects.get().is_staff
    assert "nothing was made" in bootstrap()
    assert Team.objects.count() == 1


def test_preparing_a_team_server_makes_nobodys_team_and_says_so(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from runs.management.commands import prepare

    asked: list[str] = []
    monkeypatch.setattr(prepare, "call_command", lambda name, **options: asked.append(name))
    settings.LOCAL = False
    said = StringIO()
    call_command("prepare", stdout=said)
    assert "bootstrap" not in asked
    assert "manage.py bootstrap --email" in said.getvalue()
