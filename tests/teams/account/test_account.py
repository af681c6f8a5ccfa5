"""One's own account: a new password or address ends other sessions, sessions are listed and ended, accounts closed."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client

from teams.account.actions import close_account, leaving
from teams.actions import issue_signin_link, issue_token
from teams.leftovers import forget
from teams.models import ApiToken, AuditEntry, Membership, Role, Team, User
from teams.people.actions import change_role
from teams.programs.actions import make_program
from teams.refusals import Conflict
from teams.signin import mail
from teams.signin.sessions import browser_of
from tests.cast import PASSWORD, Cast, make_person
from tests.pages import html
from tests.receiver import MailServer
from tests.teams.signin.ways_in import SECRET, app_code, by_link, give_app, mailed_code, recovery_codes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_hashes")]

PAGE = "/account/"
NEW_PASSWORD = "another long enough one"
NEW_ADDRESS = "new@example.com"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def command(*arguments: str) -> str:
    said = StringIO()
    call_command("account", *arguments, stdout=said)
    return said.getvalue()


def is_in(client: Client) -> bool:
    return client.get(PAGE).status_code == 200


def test_another_password_ends_all_other_sessions_those_that_no_list_has_too(cast: Cast, server: MailServer) -> None:
    mine, elsewhere, unlisted = by_link(cast.owner.user), by_link(cast.owner.user), Client()
    unlisted.force_login(cast.owner.user)
    weak = mine.post("/account/password/", {"password": "short"})
    assert weak.status_code == 422
    assert is_in(elsewhere)
    assert mine.post("/account/password/", {"password": NEW_PASSWORD})["Location"] == PAGE
    assert (is_in(mine), is_in(elsewhere), is_in(unlisted)) == (True, False, False)
    assert Client().post("/signin/", {"username": "owner@example.com", "password": PASSWORD}).status_code == 200
    assert Client().post("/signin/", {"username": "owner@example.com", "password": NEW_PASSWORD})["Location"] == "/"
    mail.all_sent()
    assert "Your password was changed" in server.mails[-1][1]


def test_another_address_is_confirmed_by_a_code_and_ends_all_other_sessions(cast: Cast, server: MailServer) -> None:
    mine, elsewhere = by_link(cast.owner.user), by_link(cast.owner.user)
    asked = mine.post("/account/email/", {"email": f" {NEW_ADDRESS.title()}"})
    assert asked["Location"] == "/account/email/code/"
    code = mailed_code(server)
    assert server.mails[-1][0] == [NEW_ADDRESS]
    assert User.objects.get(pk=cast.owner.user.pk).email == "owner@example.com"
    assert mine.post("/account/email/code/", {"code": "WRONG"}).status_code == 200
    assert is_in(elsewhere)
    assert mine.post("/account/email/code/", {"code": code})["Location"] == PAGE
    person = User.objects.get(pk=cast.owner.user.pk)
    assert person.email == NEW_ADDRESS
    assert list(EmailAddress.objects.filter(user=person).values_list("email", "verified", "primary")) == [
        (NEW_ADDRESS, True, True)
    ]
    assert (is_in(mine), is_in(elsewhere)) == (True, False)
    assert Client().post("/signin/", {"username": NEW_ADDRESS, "password": PASSWORD})["Location"] == "/"
    mail.all_sent()
    assert "owner@example.com" in [to for (to,), _ in server.mails], "the old address is told"


def test_nobody_learns_whose_address_is_taken_and_nobody_takes_it(cast: Cast, server: MailServer) -> None:
    mine = by_link(cast.owner.user)
    pages = []
    for email in ("viewer@example.com", "nobody@example.com"):
        assert mine.post("/account/email/", {"email": email})["Location"] == "/account/email/code/"
        shown = [mine.get("/account/email/code/"), mine.post("/account/email/code/", {"code": "WRONG"})]
        pages.append([html(page).replace(email, "x") for page in shown])
    without_tokens = [[line for page in each for line in page.splitlines() if "csrf" not in line] for each in pages]
    assert without_tokens[0] == without_tokens[1]
    mail.all_sent()
    assert "An account has it already" in server.mails[0][1]
    assert "Your code is" not in server.mails[0][1]


def test_an_address_is_not_taken_twice_by_two_who_ask_at_once(cast: Cast, server: MailServer) -> None:
    one, other = by_link(cast.owner.user), by_link(cast.editor.user)
    one.post("/account/email/", {"email": NEW_ADDRESS})
    code = mailed_code(server)
    other.post("/account/email/", {"email": NEW_ADDRESS})
    assert other.post("/account/email/code/", {"code": mailed_code(server)})["Location"] == PAGE
    assert one.post("/account/email/code/", {"code": code}).status_code in (200, 302)
    assert User.objects.get(email=NEW_ADDRESS).pk == cast.editor.user.pk
    assert User.objects.get(pk=cast.owner.user.pk).email == "owner@example.com"


def test_sessions_are_listed_and_ended_and_nobody_ends_anothers(cast: Cast) -> None:
    mine = by_link(cast.owner.user, headers={"User-Agent": FIREFOX})
    elsewhere = by_link(cast.owner.user, headers={"User-Agent": "<script>curl"}, REMOTE_ADDR="2001:db8::5")
    page = html(mine.get(PAGE))
    assert "Firefox on Linux" in page
    assert "(this one)" in page
    assert "2001:db8::" in page
    assert "<script>curl" not in page
    other = UserSession.objects.get(session_key=elsewhere.session.session_key)
    theirs = by_link(cast.viewer.user)
    assert theirs.post(f"/account/sessions/{other.pk}/end/").status_code == 404
    assert is_in(elsewhere)
    assert mine.post(f"/account/sessions/{other.pk}/end/")["Location"] == PAGE
    assert (is_in(mine), is_in(elsewhere)) == (True, False)
    unlisted, another = Client(), by_link(cast.owner.user)
    unlisted.force_login(cast.owner.user)
    mine.post("/account/sessions/end/")
    assert [is_in(client) for client in (mine, another, unlisted, theirs)] == [True, False, False, True]
    assert UserSession.objects.filter(user=cast.owner.user).count() == 1


def test_what_is_listed_of_ended_sessions_goes(cast: Cast) -> None:
    client = by_link(cast.owner.user)
    UserSession.objects.update(created_at="2026-01-01T00:00Z")
    forget()
    assert UserSession.objects.count() == 1
    Session.objects.filter(session_key=client.session.session_key).delete()
    forget()
    assert not UserSession.objects.exists()


def test_browsers_are_named() -> None:
    chrome = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0 Safari/537.36"
    assert browser_of(chrome) == "Chrome on Windows"
    assert browser_of(f"{chrome} Edg/149.0") == "Edge on Windows"
    assert browser_of("curl/8.0") == "curl"
    assert browser_of("") == browser_of("\u202e") == "unknown"


def test_an_app_is_added_with_recovery_codes_and_removed(
    cast: Cast, server: MailServer, django_capture_on_commit_callbacks: Any
) -> None:
    mine = by_link(cast.owner.user)
    page = html(mine.get("/account/app/"))
    secret = mine.session["mfa.totp.secret"]
    assert secret in page
    assert mine.post("/account/app/", {"code": "000000"}).status_code == 200
    assert mine.session["mfa.totp.secret"] == secret
    with django_capture_on_commit_callbacks(execute=True):
        assert mine.post("/account/app/", {"code": app_code(secret)})["Location"] == "/account/codes/"
    shown = html(mine.get("/account/codes/"))
    codes = Authenticator.objects.get(user=cast.owner.user, type="recovery_codes").wrap().get_unused_codes()
    assert all(code in shown for code in codes)
    assert "10 codes left" in html(mine.get(PAGE))
    mine.post("/account/codes/new/")
    assert codes[0] not in html(mine.get("/account/codes/"))
    assert mine.post("/account/app/remove/")["Location"] == PAGE
    assert not Authenticator.objects.exists()
    mail.all_sent()
    assert ["app was added" in text for _, text in server.mails].count(True) == 1


def test_nobody_sees_or_removes_anothers(cast: Cast) -> None:
    give_app(cast.owner.user)
    codes = recovery_codes(cast.owner.user)
    key = Authenticator.objects.create(user=cast.owner.user, type="webauthn", data={"name": "Key", "credential": {}})
    theirs = by_link(cast.viewer.user)
    assert theirs.get("/account/codes/").status_code == 404
    assert codes[0] not in html(theirs.get(PAGE))
    assert SECRET not in html(theirs.get("/account/app/"))
    assert theirs.post(f"/account/passkeys/{key.pk}/remove/").status_code == 404
    assert theirs.post("/account/app/remove/").status_code == 404
    assert Authenticator.objects.filter(user=cast.owner.user).count() == 3


class TestClosing:
    def test_it_lets_nobody_in_and_leaves_teams_to_others(self, cast: Cast, server: MailServer) -> None:
        user = cast.editor.user
        give_app(user)
        token, secret = issue_token(cast.editor)
        mine, elsewhere, link = by_link(user), by_link(user), f"/signin/{issue_signin_link(user)}/"
        assert "Acme, as editor" in html(mine.get("/account/close/"))
        assert mine.post("/account/close/")["Location"] == "/signin/"
        assert (is_in(mine), is_in(elsewhere)) == (False, False)
        assert Client().get(link).status_code == 410
        assert Client().post("/signin/", {"username": user.email, "password": PASSWORD}).status_code == 200
        assert Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/runs").status_code == 401
        assert ApiToken.objects.get(pk=token.pk).revoked_at is not None
        assert not Authenticator.objects.filter(user=user).exists()
        assert not Membership.objects.filter(user=user).exists()
        assert AuditEntry.objects.filter(team=cast.team, action="member.left").get().detail["account"] == "closed"
        mail.all_sent()
        assert server.mails[-1][0] == ["editor@example.com"]

    def test_the_only_owner_of_a_team_with_others_hands_it_over_first(self, cast: Cast) -> None:
        mine = by_link(cast.owner.user)
        assert "only owner" in html(mine.get("/account/close/"))
        assert mine.post("/account/close/").status_code == 409
        with pytest.raises(Conflict):
            close_account(cast.owner.user)
        assert is_in(mine)
        change_role(cast.owner, Membership.objects.get(user=cast.editor.user), role=Role.OWNER)
        assert mine.post("/account/close/")["Location"] == "/signin/"

    def test_a_team_with_nobody_else_stays_theirs(self, cast: Cast) -> None:
        found = leaving(cast.stranger.user)
        assert [one.team.slug for one in found.left_alone] == ["others"]
        close_account(cast.stranger.user)
        assert Membership.objects.filter(user=cast.stranger.user).exists()

    def test_an_operator_ends_sessions_closes_and_opens(self, cast: Cast) -> None:
        email, client = cast.editor.user.email, by_link(cast.editor.user)
        assert "were ended" in command("--email", email, "--end-sessions")
        assert not is_in(client)
        again = by_link(cast.editor.user)
        assert "is closed" in command("--email", email, "--close")
        assert not is_in(again)
        assert "is open" in command("--email", email, "--open")
        assert is_in(by_link(cast.editor.user))
        for wrong in (("--email", "nobody@example.com", "--open"), ("--email", "owner@example.com", "--close")):
            with pytest.raises(CommandError):
                command(*wrong)

    def test_a_program_holds_nobody_in_a_team(self) -> None:
        team = Team.objects.create(slug="alone", name="Alone")
        owner = make_person(team, Role.OWNER, email="alone@example.com")
        make_program(owner, name="Nightly", role=Role.EDITOR)
        assert [one.team for one in leaving(owner.user).left_alone] == [team]
        close_account(owner.user)
        assert not User.objects.get(pk=owner.user.pk).is_active

    def test_of_two_owners_who_close_at_once_one_stays(self, cast: Cast) -> None:
        """Both looked before either closed; the second finds the team locked, and looks again."""
        team = Team.objects.create(slug="two", name="Two")
        one, other, third = (
            make_person(team, role, email=f"{name}@example.com")
            for role, name in ((Role.OWNER, "one"), (Role.OWNER, "other"), (Role.VIEWER, "third"))
        )
        assert not leaving(one.user).in_the_way
        assert not leaving(other.user).in_the_way
        close_account(one.user)
        with pytest.raises(Conflict):
            close_account(other.user)
        assert Membership.objects.filter(team=team, user=third.user).exists()


def test_an_address_may_hold_braces(cast: Cast, server: MailServer) -> None:
    mine = by_link(cast.owner.user)
    assert mine.post("/account/email/", {"email": "a{code}{b}@example.com"})["Location"] == "/account/email/code/"
    assert mine.post("/account/email/code/", {"code": mailed_code(server)})["Location"] == PAGE
    assert "the account a{code}{b}@example.com on" in server.mails[0][1].replace("=\n", "")
