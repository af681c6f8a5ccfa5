"""The second step: codes of an app and recovery codes, each once; and passkeys that are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client

from teams.account.actions import set_password
from teams.models import TryCount
from teams.signin.sessions import end_all_sessions
from tests.cast import PASSWORD, Cast
from tests.pages import html
from tests.teams.signin.ways_in import SECRET, app_code, by_link, give_app, recovery_codes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_hashes")]

OWNER = "owner@example.com"
SECOND = "/signin/second/"
NO_PASSKEYS = (
    *(
        "",
        "null",
        "[]",
        "{}",
        '"x"',
        "1",
        '{"response": 1}',
        '{"response": {"userHandle": 1}}',
        "[" * 200,
        "[" * 19_000,
        "[" * 200_000,
        "9" * 5_000,
        "NaN",
        '{"id": null}',
    ),
    json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": {"userHandle": "MQ"}}),
    json.dumps(
        {
            "id": "AA",
            "rawId": "AA",
            "type": "public-key",
            "response": {"userHandle": "MQ", "clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA"},
        }
    ),
    json.dumps(
        {
            "id": "AA",
            "rawId": "AA",
            "type": "public-key",
            "response": {"attestationObject": "gYGB" * 1_500, "clientDataJSON": "W1tb" * 2_000},
        }
    ),
)


def after_password(client: Client | None = None) -> Client:
    client = client or Client()
    answer = client.post("/signin/", {"username": OWNER, "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, SECOND)
    assert who(client) is None
    return client


def who(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


def test_the_password_alone_lets_nobody_in_and_a_code_of_the_app_does_once(cast: Cast) -> None:
    give_app(cast.owner.user)
    client, code = after_password(), app_code()
    assert client.get("/account/")["Location"].startswith("/signin/")
    assert client.post(SECOND, {"code": "000000"}).status_code == 200
    assert who(client) is None
    assert client.post(SECOND, {"code": code})["Location"] == "/"
    assert who(client) == str(cast.owner.user.pk)
    cache.clear()  # as another process, which knows of no code that was used
    again = after_password()
    for spelt in (code, f"{code[:3]} {code[3:]}"):
        cache.clear()
        assert again.post(SECOND, {"code": spelt}).status_code == 200
        assert who(again) is None


def test_a_recovery_code_works_once(cast: Cast) -> None:
    give_app(cast.owner.user)
    code = recovery_codes(cast.owner.user)[0]
    client = after_password()
    assert client.post(SECOND, {"code": code})["Location"] == "/"
    again = after_password()
    assert again.post(SECOND, {"code": code}).status_code == 200
    assert who(again) is None


def test_wrong_codes_are_counted_and_a_stranger_does_not_lock_out_a_known_browser(cast: Cast) -> None:
    usual = by_link(cast.owner.user)
    usual.post("/signout/")
    give_app(cast.owner.user)
    client = after_password()
    answers = [client.post(SECOND, {"code": "000000"}).status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]
    assert client.post(SECOND, {"code": app_code()}).status_code == 429
    assert after_password(usual).post(SECOND, {"code": app_code()})["Location"] == "/"


def test_a_right_code_counts_for_nothing(cast: Cast) -> None:
    give_app(cast.owner.user)
    after_password().post(SECOND, {"code": app_code()})
    assert set(TryCount.objects.values_list("count", flat=True)) <= {0, 1}
    assert TryCount.objects.filter(count=1).count() == 1, "the code that was used, and no try"


def test_secrets_of_apps_and_recovery_codes_are_kept_encrypted(cast: Cast) -> None:
    give_app(cast.owner.user)
    codes = recovery_codes(cast.owner.user)
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert SECRET not in kept
    assert not any(code in kept for code in codes)


def test_without_a_first_step_there_is_no_second(cast: Cast) -> None:
    give_app(cast.owner.user)
    for answer in (Client().get(SECOND), Client().post(SECOND, {"code": app_code()})):
        assert answer["Location"] == "/signin/"


@pytest.mark.parametrize("credential", NO_PASSKEYS)
def test_what_is_no_passkey_lets_nobody_in_and_breaks_nothing(cast: Cast, credential: str) -> None:
    client = Client()
    options = client.get("/signin/passkey/", headers={"X-Requested-With": "XMLHttpRequest"})
    assert options.json()["request_options"]["publicKey"]["challenge"]
    answer = client.post("/signin/passkey/", {"credential": credential})
    assert (answer.status_code, answer["Location"]) == (302, "/signin/")
    assert who(client) is None
    mine = by_link(cast.owner.user)
    for path in ("/account/passkeys/add/", "/signin/again/passkey/"):
        mine.get("/account/passkeys/add/")
        assert mine.post(path, {"credential": credential, "name": "x"}).status_code in (200, 422)
    assert not Authenticator.objects.exists()
    give_app(cast.owner.user)
    assert after_password().post(SECOND, {"credential": credential}).status_code == 200


def test_a_first_step_by_a_password_that_was_changed_since_leads_no_further(cast: Cast) -> None:
    give_app(cast.owner.user)
    client, other = after_password(), after_password()
    set_password(cast.owner.user, password="another long enough one")
    answer = client.post(SECOND, {"code": app_code()})
    assert (answer.status_code, answer["Location"]) == (302, "/signin/")
    assert who(client) is None
    assert client.get(SECOND)["Location"].startswith("/signin/"), "it is begun anew"
    end_all_sessions(cast.owner.user)
    other.post(SECOND, {"code": app_code(steps=1)})
    assert who(other) is None


def test_wrong_passkeys_are_counted(cast: Cast) -> None:
    answers = [Client().post("/signin/passkey/", {"credential": '{"id": "x"}'}) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [302] * 20 + [429]


class TestAgain:
    """Who changes how they sign in proves who they are, unless they did so lately."""

    CHANGES = ("/account/password/", "/account/app/", "/account/passkeys/add/", "/account/close/")

    def test_a_session_alone_changes_nothing(self, cast: Cast) -> None:
        client = Client()
        client.force_login(cast.owner.user)  # a session without a proof
        for path in self.CHANGES:
            assert client.get(path)["Location"].startswith("/signin/again/?next=")
        answer: Any = client.post("/account/password/", {"password": "another long enough one"})
        assert answer["Location"] == "/signin/again/?next=%2Faccount%2F"
        cast.owner.user.refresh_from_db()
        assert cast.owner.user.check_password(PASSWORD)

    def test_a_password_or_a_code_proves_it(self, cast: Cast) -> None:
        for field, path in (("password", "/signin/again/"), ("code", "/signin/again/code/")):
            client = Client()
            client.force_login(cast.owner.user)
            if field == "code":
                give_app(cast.owner.user)
            assert client.post(path, {field: "wrong", "next": "/account/"}).status_code == 422
            assert client.get("/account/password/").status_code == 302
            typed = {field: PASSWORD if field == "password" else app_code(), "next": "/account/password/"}
            before = client.session.session_key
            assert client.post(path, typed)["Location"] == "/account/password/"
            assert client.session.session_key != before
            assert client.get("/account/password/").status_code == 200

    def test_it_leads_to_our_own_pages_alone(self, cast: Cast) -> None:
        client = Client()
        client.force_login(cast.owner.user)
        answer = client.post("/signin/again/", {"password": PASSWORD, "next": "https://evil.example/"})
        assert answer["Location"] == "/"

    def test_who_has_neither_is_told_what_to_do(self, cast: Cast) -> None:
        cast.owner.user.set_unusable_password()
        cast.owner.user.save()
        client = Client()
        client.force_login(cast.owner.user)
        assert "in again by a link" in html(client.get("/signin/again/"))
        assert client.post("/signin/again/", {"password": ""}).status_code == 422
        assert client.get("/account/app/").status_code == 302
