"""A team that demands a second step of its members shows nothing to who has none, and who has one proves by it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from teams.access import SecondStepWanted, principal
from teams.actions import issue_token
from teams.models import ApiToken, AuditEntry, Membership, Role, Scope, Team, User
from teams.people.actions import demand_second_step
from teams.programs.actions import make_program
from teams.refusals import Conflict
from teams.rights import Right, right_of_token, still_held
from tests.cast import PASSWORD, Cast
from tests.pages import html, just_proven, signed_in
from tests.teams.signin.ways_in import app_code, by_link, give_app

pytestmark = pytest.mark.django_db

PEOPLE = "/t/acme/settings/people/"
SWITCH = f"{PEOPLE}second-step/"
WANTED = "/account/second-step/acme/"
TOKENS, PROGRAMS = "/t/acme/settings/tokens/", "/t/acme/settings/programs/"
AGAIN = "/signin/again/?next="


def give_passkey(user: User, name: str = "Old key") -> Authenticator:
    kept: Authenticator = Authenticator.objects.create(user=user, type="webauthn", data={"name": name})
    return kept


def demanded(cast: Cast) -> None:
    """By SQL alone, as somebody who has one did it before."""
    Team.objects.filter(pk=cast.team.pk).update(wants_second_step=True)


def test_nothing_of_the_team_is_shown_to_who_has_none_but_what_to_do(cast: Cast) -> None:
    demanded(cast)
    page = signed_in(cast.viewer)
    for path in ("/t/acme/", "/t/acme/runs/", PEOPLE, "/t/acme/settings/log/"):
        assert page.get(path)["Location"] == WANTED
    assert page.post("/t/acme/settings/account/", {"name": "x"})["Location"] == WANTED
    shown = html(page.get(WANTED))
    assert "Acme asks for a second step" in shown.replace("<bdi>", "").replace("</bdi>", "")
    for address in ("/account/passkeys/add/", "/account/app/"):
        assert f'href="{address}"' in shown
    assert "owner@example.com" not in shown
    assert "You have one" not in html(page.get("/account/"))
    for give in (give_app, give_passkey):
        give(cast.viewer.user)
        assert page.get(PEOPLE).status_code == 200
        assert page.get(WANTED)["Location"] == "/t/acme/"
        assert 'href="/t/acme/"' in html(page.get("/account/"))
        Authenticator.objects.all().delete()
    Authenticator.objects.create(user=cast.viewer.user, type="recovery_codes", data={})
    assert page.get(PEOPLE)["Location"] == WANTED, "recovery codes are no second step"


def test_strangers_and_members_of_other_teams_learn_nothing(cast: Cast) -> None:
    demanded(cast)
    stranger = signed_in(cast.stranger)
    assert stranger.get(WANTED).status_code == stranger.get("/account/second-step/none/").status_code == 404
    assert stranger.get(PEOPLE).status_code == 404
    assert Client().get(WANTED)["Location"].startswith("/signin/")
    assert "asks" not in html(stranger.get("/account/"))
    assert stranger.get("/account/second-step/others/")["Location"] == "/t/others/"


def test_tokens_and_programs_go_on_and_streams_of_pages_end(cast: Cast) -> None:
    token, secret = issue_token(cast.runner, scope=Scope.RUN)
    page = signed_in(cast.runner)
    by_token = right_of_token(cast.runner, token)
    by_page = Right(cast.runner.user.pk, cast.team.pk, Role.RUNNER, session_key=page.session.session_key or "")
    assert still_held([by_token, by_page]) == {by_token, by_page}
    demanded(cast)
    assert still_held([by_token, by_page]) == {by_token}
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client(headers=headers).get("/api/v1/runs").status_code == 200
    give_app(cast.runner.user)
    assert still_held([by_token, by_page]) == {by_token, by_page}


def test_a_template_is_not_given_to_a_team_that_is_closed_to_oneself(cast: Cast) -> None:
    demanded(cast)
    with pytest.raises(SecondStepWanted):
        principal(cast.owner.user, "acme")


def test_an_owner_who_has_one_switches_it_and_the_log_says_so(cast: Cast) -> None:
    owner = just_proven(cast.owner)
    refused = owner.post(SWITCH, {"wanted": "1"})
    assert refused.status_code == 409
    assert "to your own account first" in html(refused)
    with pytest.raises(Conflict):
        demand_second_step(cast.owner, is_wanted=True)
    give_app(cast.owner.user)
    for wanted in ("1", "1", "0"):
        assert owner.post(SWITCH, {"wanted": wanted})["Location"] == PEOPLE
    logged = AuditEntry.objects.order_by("pk").values_list("action", "object")
    assert list(logged) == [("team.second_step_wanted", "Acme"), ("team.second_step_left", "Acme")]
    assert "no longer demands a second step in" in html(owner.get("/t/acme/settings/log/"))
    assert just_proven(cast.editor).post(SWITCH, {"wanted": "1"}).status_code == 403
    assert just_proven(cast.stranger).post(SWITCH, {"wanted": "1"}).status_code == 404


def test_owners_see_who_has_one_and_others_do_not(cast: Cast) -> None:
    give_passkey(cast.editor.user)
    make_program(cast.owner, name="Nightly", role=Role.RUNNER)
    people = html(signed_in(cast.owner).get(PEOPLE))
    assert people.count('data-label="Second step">yes') == 1
    assert people.count('data-label="Second step"') == 4
    assert "Second step" not in html(signed_in(cast.editor).get(PEOPLE))
    found = {}
    for who, scope in ((cast.owner, Scope.ADMIN), (cast.editor, Scope.EDIT)):
        client = Client(headers={"Authorization": f"Bearer {issue_token(who, scope=scope)[1]}"})
        listed = client.get("/api/v1/members").json()["items"]
        found[who.role] = {one["email"]: one["second_step"] for one in listed}
        assert client.get("/api/v1/team").json()["wants_second_step"] is False
        if scope == Scope.ADMIN:
            pk = Membership.objects.get(user=cast.editor.user).pk
            path, body = f"/api/v1/members/{pk}/role", json.dumps({"role": "editor"})
            assert client.put(path, body, content_type="application/json").json()["second_step"] is True
    assert found[Role.OWNER] == {
        f"{name}@example.com": name == "editor" for name in ("owner", "editor", "runner", "viewer")
    }
    assert set(found[Role.EDITOR].values()) == {None}


def test_the_first_second_step_ends_all_other_sessions(cast: Cast) -> None:
    mine, elsewhere = by_link(cast.owner.user), signed_in(cast.owner)
    secret = mine.get("/account/app/").context["form"].secret
    added = mine.post("/account/app/", {"code": app_code(secret)})
    assert added["Location"] == "/account/codes/"
    assert "Recovery codes" in html(mine.get("/account/codes/"))
    assert elsewhere.get("/account/")["Location"].startswith("/signin/")


def test_a_passkey_is_renamed_by_its_person_alone(cast: Cast) -> None:
    passkey = give_passkey(cast.owner.user)
    path = f"/account/passkeys/{passkey.pk}/name/"
    mine = just_proven(cast.owner)
    assert 'value="Old key"' in html(mine.get(path))
    for name, status in (("", 200), ("x" * 61, 200), ("a\x00b", 200), ("<b>Laptop</b>", 302)):
        assert mine.post(path, {"name": name}).status_code == status
    passkey.refresh_from_db()
    assert passkey.wrap().name == "<b>Laptop</b>"
    page = html(mine.get("/account/"))
    assert "&lt;b&gt;Laptop&lt;/b&gt;" in page
    assert "<b>Laptop" not in page
    assert just_proven(cast.editor).post(path, {"name": "Mine"}).status_code == 404
    assert signed_in(cast.owner).get(path)["Location"].startswith(AGAIN), "it wants a proof"


class TestProof:
    """Who makes what outlasts the session proves who they are, by the strongest that they have."""

    def posts(self, cast: Cast) -> dict[str, tuple[str, dict[str, Any]]]:
        program = make_program(cast.owner, name="Nightly", role=Role.RUNNER)
        return {
            "tokens": (TOKENS, {"scope": "run"}),
            "programs": (f"{PROGRAMS}{program.pk}/token/", {"scope": "run"}),
            "people": (SWITCH, {"wanted": "1"}),
        }

    def test_tokens_and_the_switch_want_one(self, cast: Cast) -> None:
        give_app(cast.owner.user)
        client = signed_in(cast.owner)
        posts = self.posts(cast)
        for page, (path, sent) in posts.items():
            back = f"/t/acme/settings/{page}/"
            assert client.post(path, sent)["Location"] == f"{AGAIN}{back.replace('/', '%2F')}"
            shown = html(client.get(back))
            assert f'href="{AGAIN}{back.replace("/", "%2F")}"' in shown
            assert f'action="{path}"' not in shown
        assert not ApiToken.objects.exists()
        assert not Team.objects.filter(wants_second_step=True).exists()
        assert client.post("/signin/again/", {"password": PASSWORD}).status_code == 200, "the password alone is less"
        assert 'name="password"' not in html(client.get("/signin/again/"))
        assert client.post(TOKENS, {"scope": "run"}).status_code == 302
        client.post("/signin/again/code/", {"code": app_code(), "next": TOKENS})
        for page, (path, sent) in posts.items():
            assert f'action="{path}"' in html(client.get(f"/t/acme/settings/{page}/"))
            assert client.post(path, sent).status_code in (200, 302)
        assert ApiToken.objects.count() == 2
        assert Team.objects.filter(wants_second_step=True).exists()

    def test_by_a_token_none_is_asked_for(self, cast: Cast) -> None:
        program = make_program(cast.owner, name="Nightly", role=Role.RUNNER)
        client = Client(headers={"Authorization": f"Bearer {issue_token(cast.owner, scope=Scope.ADMIN)[1]}"})
        made = client.post(f"/api/v1/programs/{program.pk}/tokens", "{}", content_type="application/json")
        assert made.status_code == 201

    def test_under_make_up_who_has_nothing_to_prove_it_by_is_believed(self, cast: Cast, settings: Any) -> None:
        cast.owner.user.set_unusable_password()
        cast.owner.user.save()
        client = signed_in(cast.owner)
        settings.LOCAL = False
        assert client.post(TOKENS, {"scope": "run"})["Location"].startswith(AGAIN)
        settings.LOCAL = True
        assert client.post(TOKENS, {"scope": "run"}).context["new_token"]
        give_passkey(cast.owner.user)
        assert client.post(TOKENS, {"scope": "run"})["Location"].startswith(AGAIN)
        assert client.get("/account/password/")["Location"].startswith(AGAIN), "of the account itself it is asked for"
