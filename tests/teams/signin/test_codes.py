"""Codes by e-mail, through a real mail server: to sign in, and for a new password. Strangers learn nothing by them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from teams.models import User
from teams.signin import mail
from teams.signin.adapter import having
from teams.signin.sessions import end_all_sessions
from tests.cast import Cast
from tests.pages import html
from tests.receiver import MailServer
from tests.teams.signin.ways_in import by_link, give_app, mailed_code

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_hashes")]

ASK, ENTER = "/signin/code/", "/signin/code/enter/"
FORGOT, FORGOT_CODE, FORGOT_PASSWORD = "/signin/forgot/", "/signin/forgot/code/", "/signin/forgot/password/"
OWNER, NOBODY = "owner@example.com", "nobody@example.com"
NEW = "another long enough one"


def who(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


def test_a_mailed_code_signs_in_once_and_leads_where_one_was_going(cast: Cast, server: MailServer) -> None:
    client = Client()
    asked = client.post(ASK, {"email": " Owner@Example.com ", "next": "/teams/new/"})
    assert asked["Location"] == f"{ENTER}?next=%2Fteams%2Fnew%2F"
    code = mailed_code(server)
    assert server.mails[-1][0] == [OWNER]
    assert "wrong" not in html(client.get(asked["Location"])).lower().split("three wrong")[0]
    answer = client.post(asked["Location"], {"code": code.lower()})
    assert (answer.status_code, answer["Location"]) == (302, "/teams/new/")
    assert who(client) == str(cast.owner.user.pk)
    other = Client()
    other.post(ASK, {"email": OWNER})
    mailed_code(server)
    other.post(ENTER, {"code": code})
    assert who(other) is None


def test_nobody_learns_by_a_code_whether_an_account_exists(cast: Cast, server: MailServer) -> None:
    cast.editor.user.is_active = False
    cast.editor.user.save()
    for path, then in ((ASK, ENTER), (FORGOT, FORGOT_CODE)):
        pages = []
        for email in (OWNER, NOBODY, "editor@example.com"):
            client = Client()
            asked = client.post(path, {"email": email})
            assert (asked.status_code, asked["Location"]) == (302, then)
            shown = [html(client.get(then)), html(client.post(then, {"code": "BCDF-GHJK"}))]
            pages.append(
                [line for page in shown for line in page.replace(email, "x").splitlines() if "csrf" not in line]
            )
        assert pages[0] == pages[1] == pages[2]
    mail.all_sent()
    assert [to for to, _ in server.mails] == [[OWNER], [OWNER]]


def test_three_wrong_codes_and_another_has_to_be_asked_for(cast: Cast, server: MailServer) -> None:
    client = Client()
    client.post(ASK, {"email": OWNER})
    code = mailed_code(server)
    for _ in range(3):
        client.post(ENTER, {"code": "WRONG"})
    assert client.post(ENTER, {"code": code})["Location"] == ASK
    assert who(client) is None


def test_codes_are_bounded_for_an_account_also_where_many_requests_bring_one_session(
    cast: Cast, server: MailServer
) -> None:
    """A session that is brought as it was before the wrong codes has had none; the count has."""
    client = Client()
    client.post(ASK, {"email": OWNER})
    kept = Session.objects.get(session_key=client.session.session_key)
    answers = []
    for _ in range(11):
        answers.append(client.post(ENTER, {"code": "WRONG"}).status_code)
        kept.save()
    assert answers == [200] * 10 + [429]


def test_so_many_codes_are_mailed_to_an_address(cast: Cast, server: MailServer) -> None:
    for email in (OWNER, NOBODY):
        answers = [Client().post(ASK, {"email": email}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [302] * 3 + [429]
        assert 0 < int(answers[-1]["Retry-After"]) <= 900
        assert "Too many tries" in html(answers[-1])
    mail.all_sent()
    assert len(server.mails) == 3


def test_a_code_ends_with_the_address_that_it_was_mailed_to(cast: Cast, server: MailServer) -> None:
    for path, then in ((ASK, ENTER), (FORGOT, FORGOT_CODE)):
        client = Client()
        client.post(path, {"email": "viewer@example.com"})
        code = mailed_code(server)
        User.objects.filter(pk=cast.viewer.user.pk).update(email="elsewhere@example.com")
        assert client.post(then, {"code": code}).status_code == 200
        assert who(client) is None
        User.objects.filter(pk=cast.viewer.user.pk).update(email="viewer@example.com")


def test_a_forgotten_password_is_replaced_and_ends_all_sessions(cast: Cast, server: MailServer) -> None:
    elsewhere, client = by_link(cast.owner.user), Client()
    assert elsewhere.get("/account/").status_code == 200
    client.post(FORGOT, {"email": OWNER})
    entered = client.post(FORGOT_CODE, {"code": mailed_code(server)})
    assert entered["Location"] == FORGOT_PASSWORD
    weak = client.post(FORGOT_PASSWORD, {"password1": "short"})
    assert "too short" in html(weak)
    done = client.post(FORGOT_PASSWORD, {"password1": NEW})
    assert done["Location"] == "/signin/"
    assert who(client) is None
    assert elsewhere.get("/account/").status_code == 302
    assert client.post("/signin/", {"username": OWNER, "password": NEW})["Location"] == "/"
    mail.all_sent()
    assert "Your password was changed" in server.mails[-1][1]
    assert client.post(FORGOT_PASSWORD, {"password1": f"{NEW}2"})["Location"] != "/signin/"


def test_a_code_is_a_first_step_where_the_account_has_a_second(cast: Cast, server: MailServer) -> None:
    give_app(cast.owner.user)
    client = Client()
    client.post(ASK, {"email": OWNER})
    assert client.post(ENTER, {"code": mailed_code(server)})["Location"] == "/signin/second/"
    assert who(client) is None


def test_a_mailed_code_proves_who_has_nothing_else(cast: Cast, server: MailServer) -> None:
    client, path = Client(), "/signin/again/mail/"
    client.force_login(cast.owner.user)
    client.post(path, {"next": "/account/password/"})
    mail.all_sent()
    assert server.mails == [], "they have a password, which is more"
    cast.owner.user.set_unusable_password()
    cast.owner.user.save()
    client.force_login(cast.owner.user)
    assert "E-mail me a code" in html(client.get("/signin/again/"))
    assert 'name="code"' in html(client.post(path, {"next": "/account/password/"}))
    code = mailed_code(server)
    assert client.post(path, {"code": "WRONG"}).status_code == 422
    assert client.get("/account/password/").status_code == 302
    assert client.post(path, {"code": code, "next": "/account/password/"})["Location"] == "/account/password/"
    assert client.get("/account/password/").status_code == 200
    for _ in range(3):
        client.post(path, {"code": code})
    other = Client()
    other.force_login(cast.owner.user)
    assert other.post(path, {"code": code}).status_code == 200
    assert other.get("/account/password/").status_code == 302


def test_without_mail_there_are_no_such_pages(cast: Cast) -> None:
    for path in (ASK, ENTER, FORGOT, FORGOT_CODE, FORGOT_PASSWORD):
        assert Client().get(path).status_code == 404
    page = html(Client().get("/signin/"))
    assert "E-mail me a code" not in page
    assert "Forgot" not in page


def test_a_mail_server_that_is_away_shows_nothing(cast: Cast, settings: Any) -> None:
    settings.EMAIL_READY = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert Client().post(ASK, {"email": OWNER}).status_code == 302
    mail.all_sent()


def test_what_was_mailed_before_all_sessions_were_ended_lets_nobody_in(cast: Cast, server: MailServer) -> None:
    asked, forgot, entered = Client(), Client(), Client()
    asked.post(ASK, {"email": OWNER})
    code = mailed_code(server)
    entered.post(FORGOT, {"email": OWNER})
    assert entered.post(FORGOT_CODE, {"code": mailed_code(server)})["Location"] == FORGOT_PASSWORD
    forgot.post(FORGOT, {"email": OWNER})
    forgot_code = mailed_code(server)
    end_all_sessions(cast.owner.user)
    assert asked.post(ENTER, {"code": code}).status_code == 200
    assert forgot.post(FORGOT_CODE, {"code": forgot_code}).status_code == 200
    assert entered.post(FORGOT_PASSWORD, {"password1": NEW})["Location"] == FORGOT
    assert who(asked) is None
    cast.owner.user.refresh_from_db()
    assert not cast.owner.user.check_password(NEW)


def test_an_address_is_one_spelling_alone() -> None:
    """Databases of other locales find "boss" for a long s, and allauth takes both for the same."""
    boss = User(email="boss@example.com")
    assert having([boss], "Boss@example.com") == [boss]
    assert having([boss], "bo\u017fs@example.com") == []
