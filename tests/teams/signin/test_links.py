"""Opening somebody else's sign-in link: nobody becomes another person without having said so."""

from __future__ import annotations

import pytest
from django.test import Client

from teams.actions import issue_signin_link
from teams.models import SignInLink, User
from tests.cast import Cast
from tests.pages import html, signed_in

pytestmark = pytest.mark.django_db


def person_of(client: Client) -> str:
    return str(client.session.get("_auth_user_id"))


def test_who_opens_anothers_link_stays_who_they_are_and_is_asked(cast: Cast) -> None:
    client, path = signed_in(cast.owner), f"/signin/{issue_signin_link(cast.stranger.user)}/"
    answer = client.get(path)
    assert answer.status_code == 200
    assert "owner@example.com" in html(answer)
    assert "stranger@example.com" in html(answer)
    assert person_of(client) == str(cast.owner.user.pk)
    assert SignInLink.objects.get().used_at is None


def test_who_agrees_becomes_the_other_in_a_new_session(cast: Cast) -> None:
    client, path = signed_in(cast.owner), f"/signin/{issue_signin_link(cast.stranger.user)}/"
    before = client.session.session_key
    assert client.post(path)["Location"] == "/"
    assert person_of(client) == str(cast.stranger.user.pk)
    assert client.session.session_key != before
    assert client.post(path)["Location"] == "/"  # used up, and nothing changes
    assert person_of(client) == str(cast.stranger.user.pk)


def test_agreeing_cannot_be_forged_from_elsewhere(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.owner.user)
    assert client.post(f"/signin/{issue_signin_link(cast.stranger.user)}/").status_code == 403
    assert person_of(client) == str(cast.owner.user.pk)


def test_ones_own_link_is_one_click_signed_in_or_out(cast: Cast) -> None:
    for client in (signed_in(cast.owner), Client()):
        assert client.get(f"/signin/{issue_signin_link(cast.owner.user)}/")["Location"] == "/"
        assert person_of(client) == str(cast.owner.user.pk)
    assert not SignInLink.objects.filter(used_at=None).exists()


@pytest.mark.parametrize("state", [{"is_active": False}, {"is_program": True}], ids=["closed", "a program's"])
def test_the_link_of_who_may_not_sign_in_asks_nothing_and_does_nothing(cast: Cast, state: dict[str, bool]) -> None:
    path = f"/signin/{issue_signin_link(cast.stranger.user)}/"
    User.objects.filter(pk=cast.stranger.user.pk).update(**state)
    client = signed_in(cast.owner)
    for answer in (client.get(path), client.post(path)):
        assert answer["Location"] == "/"
    assert person_of(client) == str(cast.owner.user.pk)
