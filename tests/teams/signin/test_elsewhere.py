"""Signing in by an OpenID Connect issuer: whom it lets in, and that nobody makes an account unasked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.github.views import GitHubOAuth2Adapter
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from crewsite import env, sign_in_providers
from teams import bounded_http
from teams.actions import issue_signin_link
from teams.guessing.tries import Limit
from teams.invitations.actions import invite
from teams.models import Role, User
from teams.signin import elsewhere, factor_views
from teams.signin.adapter import keep_address
from tests.cast import PASSWORD, Cast
from tests.openid_server import OpenIDServer
from tests.pages import html
from tests.teams.signin.ways_in import app_code, by_link, give_app

pytestmark = pytest.mark.django_db

GO = "/signin/elsewhere/sso/"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenIDServer]:
    with OpenIDServer() as server:
        yield server


@pytest.fixture
def issuer(server: OpenIDServer, settings: Any) -> OpenIDServer:
    settings.SOCIALACCOUNT_PROVIDERS = server.apps
    server.claims = {"sub": "42", "email": "Owner@example.com", "email_verified": True}
    server.audience = "crewsite"
    return server


def forget_proofs(client: Client) -> None:
    session = client.session
    del session["account_authentication_methods"]
    session.save()


def comes_back(
    issuer: OpenIDServer, client: Client, path: str = GO, *, meanwhile: Callable[[Client], None] = lambda client: None
) -> Any:
    """Goes to the issuer, agrees there, and comes back."""
    leaving = client.post(path)
    assert leaving.status_code == 200
    address = re.search(r'content="0; url=([^"]+)"', html(leaving))
    assert address
    there = issuer.consent(unescape(address[1]))
    meanwhile(client)
    return client.get(f"{urlsplit(there).path}?{urlsplit(there).query}")


def who(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


def test_an_address_that_the_issuer_confirmed_signs_its_account_in(cast: Cast, issuer: OpenIDServer) -> None:
    client = Client()
    assert "Sign in with Our sign-on" in html(client.get("/signin/"))
    assert comes_back(issuer, client, f"{GO}?next=/teams/new/")["Location"] == "/teams/new/"
    assert who(client) == str(cast.owner.user.pk)
    assert "Our sign-on: owner@example.com" in html(client.get("/account/"))
    cast.owner.user.refresh_from_db()
    assert cast.owner.user.check_password(PASSWORD), "it is one more way in, and takes none away"
    issuer.claims["email"] = "renamed@example.com"  # by then it is known by its number there
    again = Client()
    comes_back(issuer, again)
    assert who(again) == str(cast.owner.user.pk)


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email": "stranger-to-us@example.com"},
        {"email": None},
        {"email": ["owner@example.com"]},
        {"email": "editor@example.com"},
        {"email": "runner@example.com"},
    ],
)
def test_nobody_else_gets_in_and_no_account_is_made(cast: Cast, issuer: OpenIDServer, claims: dict[str, Any]) -> None:
    User.objects.filter(pk=cast.editor.user.pk).update(is_active=False)
    User.objects.filter(pk=cast.runner.user.pk).update(is_program=True)
    issuer.claims |= claims
    people, client = User.objects.count(), Client()
    answer = comes_back(issuer, client)
    assert answer.status_code in (302, 403)
    assert who(client) is None
    assert User.objects.count() == people
    assert not SocialAccount.objects.exists()


def test_a_token_for_another_client_is_refused(cast: Cast, issuer: OpenIDServer) -> None:
    issuer.audience = "somebody-else"
    client = Client()
    assert comes_back(issuer, client).status_code == 403
    assert who(client) is None


def test_an_answer_that_was_not_asked_for_is_refused(cast: Cast, issuer: OpenIDServer) -> None:
    asked = Client().post(GO)
    address = re.search(r'content="0; url=([^"]+)"', html(asked))
    assert address
    there = issuer.consent(unescape(address[1]))
    other = Client()
    for query in (urlsplit(there).query, "code=x&state=y", "error=access_denied", ""):
        answer = other.get(f"{GO}back/?{query}")
        assert answer.status_code in (302, 403)
        assert who(other) is None


def test_who_is_invited_gets_an_account_without_a_password(cast: Cast, issuer: OpenIDServer) -> None:
    invitation, _ = invite(cast.owner, role=Role.RUNNER, email="new@example.com")
    issuer.claims |= {"email": "new@example.com", "name": "New One", "sub": "43"}
    client = Client()
    assert comes_back(issuer, client).status_code == 302
    person = User.objects.get(email="new@example.com")
    assert who(client) == str(person.pk)
    assert (person.name, person.has_usable_password(), person.is_staff) == ("New One", False, False)
    invitation.refresh_from_db()
    assert invitation.used_at is None, "an invitation is accepted by its link"


def test_the_second_step_is_asked_for_here_too(cast: Cast, issuer: OpenIDServer) -> None:
    give_app(cast.owner.user)
    client = Client()
    assert comes_back(issuer, client)["Location"] == "/signin/second/"
    assert who(client) is None


def test_an_account_is_connected_and_disconnected(cast: Cast, issuer: OpenIDServer) -> None:
    issuer.claims |= {"email": "private@example.org", "sub": "44"}
    stolen = Client()
    stolen.force_login(cast.owner.user)  # a session without a proof
    for answer in (stolen.post(f"{GO}?process=connect"), stolen.post(GO, {"process": "connect"})):
        assert answer["Location"].startswith("/signin/again/")
    late = by_link(cast.owner.user)
    assert comes_back(issuer, late, f"{GO}?process=connect", meanwhile=forget_proofs)["Location"].startswith(
        "/signin/ag"
    )
    assert not SocialAccount.objects.exists()
    mine = by_link(cast.owner.user)
    assert comes_back(issuer, mine, f"{GO}?process=connect")["Location"] == "/account/"
    kept = SocialAccount.objects.get()
    assert kept.user == cast.owner.user
    assert by_link(cast.viewer.user).post(f"/account/elsewhere/{kept.pk}/disconnect/").status_code == 404
    assert mine.post(f"/account/elsewhere/{kept.pk}/disconnect/")["Location"] == "/account/"
    client = Client()
    assert comes_back(issuer, client).status_code == 403
    assert who(client) is None


def test_github_says_which_of_several_addresses_are_confirmed(
    cast: Cast, issuer: OpenIDServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = {"name": "GitHub", "client_id": "crewsite", "secret": "the client's secret"}
    settings.SOCIALACCOUNT_PROVIDERS = {"github": {"APPS": [app], "SCOPE": ["user:email"]}}
    for name, path in (
        ("access_token", "token"),
        ("authorize", "authorize"),
        ("profile", "user"),
        ("emails", "emails"),
    ):
        monkeypatch.setattr(GitHubOAuth2Adapter, f"{name}_url", f"{issuer.url}/github/{path}")
    path = "/signin/elsewhere/github/"
    said = {"primary": False, "visibility": None}
    issuer.emails = [said | {"email": "owner@example.com", "verified": False}]
    client = Client()
    assert "Sign in with GitHub" in html(client.get("/signin/"))
    assert comes_back(issuer, client, path).status_code == 403
    issuer.emails.append(said | {"email": "first@example.org", "verified": True})
    issuer.emails.append(said | {"email": "viewer@example.com", "verified": True})
    assert comes_back(issuer, client, path).status_code == 302
    assert who(client) == str(cast.viewer.user.pk)
    SocialAccount.objects.all().delete()
    invite(cast.owner, role=Role.RUNNER, email="invited@example.com")
    issuer.emails[-1] = said | {"email": "invited@example.com", "verified": True}
    invited = Client()
    comes_back(issuer, invited, path)
    assert who(invited) == str(User.objects.get(email="invited@example.com").pk)


def test_strangers_begin_so_much_from_an_address_and_leave_nothing_that_lasts(
    cast: Cast, issuer: OpenIDServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (elsewhere, factor_views):
        monkeypatch.setattr(module, "BEGUN", Limit("begun", 2, timedelta(minutes=5)))
    options = {"path": "/signin/passkey/", "headers": {"X-Requested-With": "XMLHttpRequest"}}
    answers = [Client().get(**options), Client().post(GO), Client().get(**options), Client().post(GO)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    kept = Session.objects.all()
    assert len(kept) == 2
    assert all(one.expire_date <= timezone.now() + timedelta(minutes=15) for one in kept)
    by_link(cast.owner.user)
    assert Session.objects.filter(expire_date__gt=timezone.now() + timedelta(days=29)).count() == 1


def test_an_unknown_issuer_is_not_there(cast: Cast, issuer: OpenIDServer) -> None:
    assert Client().post("/signin/elsewhere/other/").status_code == 404
    assert Client().get("/signin/elsewhere/other/back/").status_code == 404
    assert Client().get(GO).status_code == 405


def test_operators_name_issuers_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sign_in_providers.from_environment() == {}
    for name, value in {
        "OIDC_ISSUER": "https://id.example.com/realm",
        "OIDC_CLIENT_ID": "a",
        "OIDC_CLIENT_SECRET": "b",
        "OIDC_NAME": "Our sign-on",
        "GOOGLE_CLIENT_ID": "c",
        "GOOGLE_CLIENT_SECRET": "d",
        "GITHUB_CLIENT_ID": "e",
        "GITHUB_CLIENT_SECRET": "f",
    }.items():
        monkeypatch.setenv(name, value)
    found = sign_in_providers.from_environment()
    assert [app["name"] for app in found["openid_connect"]["APPS"]] == ["Our sign-on", "Google"]
    assert found["openid_connect"]["APPS"][0]["settings"]["server_url"] == "https://id.example.com/realm"
    assert found["github"]["APPS"][0]["client_id"] == "e"
    for name, value in (("OIDC_CLIENT_ID", ""), ("GITHUB_CLIENT_SECRET", ""), ("OIDC_ISSUER", "http://id.example.com")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with pytest.raises(env.BadEnvironment):
                sign_in_providers.from_environment()


@pytest.mark.parametrize("email", ["owner@example.com", "new@example.com"])
def test_what_an_issuer_says_of_a_person_may_be_anything(cast: Cast, issuer: OpenIDServer, email: str) -> None:
    invite(cast.owner, email="new@example.com", role=Role.VIEWER)
    kept = issuer.claims | {"email": email}
    no_number: tuple[Any, ...] = (None, "", {"a": 1}, [], True, "a\x00", "4" * 300)
    odd = [{"email": 5}, {"email": {"a": 1}}, {"email": "o\x00@example.com"}]
    for claims in (*({"sub": number} for number in no_number), *odd):
        issuer.claims = kept | claims
        client = Client()
        assert comes_back(issuer, client).status_code == 403, claims
        assert who(client) is None
    assert not SocialAccount.objects.exists()
    for claims in (
        {"name": "a\x00b\ud800"},
        {"more": "\x00"},
        {"more": float("nan")},
        {"name": "x" * 10_000},
        {"name": {}},
    ):
        issuer.claims = kept | claims
        client = Client()
        comes_back(issuer, client)
        assert who(client) is not None, claims
    assert SocialAccount.objects.get().extra_data == {"email": email}


def test_what_an_issuer_answers_may_be_anything(
    cast: Cast, issuer: OpenIDServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, config, person = "/token", "/.well-known/openid-configuration", "/userinfo"
    answers: list[tuple[str, Any]] = [
        *((person, found) for found in ([], None, 5, {}, {"sub": "43"}, [[[]]])),
        *((token, found) for found in ([], 7, {"access_token": "a", "expires_in": "x"})),
        *((token, {"access_token": "a", **more}) for more in ({}, {"expires_in": 10**30}, {"id_token": 5})),
        *((config, found) for found in ([], {"a": 1}, None)),
    ]
    for path, found in answers:
        client = Client()
        with monkeypatch.context() as patch:
            if path == config:
                patch.setitem(issuer.instead, path, found)
                assert client.post(GO).status_code == 403, found
            else:
                comes_back(
                    issuer, client, meanwhile=lambda _, at=path, is_=found: patch.setitem(issuer.instead, at, is_)
                )
        gets_in = (path == person and not found) or found == {"access_token": "a"}  # the other of the two says it
        assert (who(client) is not None) == gets_in, (path, found)


def test_what_an_issuer_answers_is_bounded_in_bytes_and_in_time(
    cast: Cast, issuer: OpenIDServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, person = "/.well-known/openid-configuration", "/userinfo"
    client = Client()
    with monkeypatch.context() as patch:
        patch.setitem(issuer.instead, config, {"x": "x" * 1_000_000})
        assert client.post(GO).status_code == 403
        patch.setitem(issuer.instead, config, {"x": "x" * 900_000})
        patch.setattr(bounded_http, "BODY_S", -1.0)
        assert client.post(GO).status_code == 403
    with monkeypatch.context() as patch:
        patch.setattr(issuer, "encoding", "gzip")
        assert client.post(GO).status_code == 403
    large = {person: {"sub": "42", "more": "x" * 1_000_000}}
    assert comes_back(issuer, client, meanwhile=lambda _: issuer.instead.update(large)).status_code == 403
    issuer.instead.clear()
    assert who(client) is None
    comes_back(issuer, client)
    assert who(client) == str(cast.owner.user.pk)


def test_the_first_step_alone_adds_no_way_in(cast: Cast, issuer: OpenIDServer) -> None:
    give_app(cast.owner.user)
    client = Client()
    assert comes_back(issuer, client)["Location"].startswith("/signin/second/")
    assert not SocialAccount.objects.exists()
    client.post("/signin/second/", {"code": app_code()})
    assert who(client) == str(cast.owner.user.pk)


@pytest.mark.parametrize("way", ["//[", "http://[", "https://evil.example/", "//evil.example", "/\\evil.example"])
def test_the_way_back_is_a_page_of_ours_or_home(cast: Cast, issuer: OpenIDServer, way: str) -> None:
    typed = {"username": "owner@example.com", "password": PASSWORD, "next": way}
    assert Client().post("/signin/", typed)["Location"] == "/"
    assert comes_back(issuer, Client(), f"{GO}?{urlencode({'next': way})}")["Location"] == "/"


def test_who_signs_in_twice_at_once_gets_in_twice(cast: Cast) -> None:
    EmailAddress.objects.create(user=cast.owner.user, email="owner@example.com", verified=True)  # by the other
    keep_address(cast.owner.user)
    assert EmailAddress.objects.filter(user=cast.owner.user).count() == 1


def test_a_header_with_a_nul_is_refused(cast: Cast) -> None:
    assert (
        Client(headers={"user-agent": "a\x00b"}).get(f"/signin/{issue_signin_link(cast.owner.user)}/").status_code
        == 400
    )
