"""Who is in a team: roles act with the next request, a team keeps an owner, and who goes takes no right along."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from teams.actions import FIRST_CAPS, issue_token, principal_of_token
from teams.invitations.actions import invite, still_open
from teams.models import AuditEntry, Invitation, Membership, Role, Scope, Team, TryCount, User
from teams.people import actions
from teams.refusals import Conflict, Invalid
from teams.rights import right_of_token, still_held
from tests.cast import Cast, make_person
from tests.pages import HOSTILE, html, signed_in

pytestmark = pytest.mark.django_db

PEOPLE = "/t/acme/settings/people/"


def of(who: Any) -> Membership:
    return Membership.objects.get(user=who.user, team=who.team)


class TestRoles:
    def test_a_role_acts_with_the_next_request_by_page_token_and_stream(self, cast: Cast) -> None:
        token, secret = issue_token(cast.editor, scope=Scope.EDIT)
        right = right_of_token(cast.editor, token)
        page, owner = signed_in(cast.editor), signed_in(cast.owner)
        assert page.get("/t/acme/crews/new/").status_code == 200
        changed = owner.post(f"{PEOPLE}{of(cast.editor).pk}/role/", {"role": Role.VIEWER}, follow=True)
        assert "editor@example.com is viewer from now on" in html(changed)
        assert page.get("/t/acme/crews/new/").status_code == 403
        found = principal_of_token(secret)
        assert found
        assert found[0].role == Role.VIEWER
        assert still_held([right]) == set()

    def test_only_owners_change_them_and_in_their_own_team(self, cast: Cast) -> None:
        for who in (cast.editor, cast.runner, cast.viewer):
            with pytest.raises(PermissionDenied):
                actions.change_role(who, of(cast.viewer), role=Role.OWNER)
            assert signed_in(who).post(f"{PEOPLE}{of(who).pk}/role/", {"role": Role.OWNER}).status_code == 403
            assert signed_in(who).post(f"{PEOPLE}{of(who).pk}/hand-over/").status_code == 403
        theirs = f"/t/others/settings/people/{of(cast.viewer).pk}/"
        for part in ("role/", "hand-over/"):
            assert signed_in(cast.stranger).post(f"{theirs}{part}", {"role": Role.OWNER}).status_code == 404
        assert of(cast.viewer).role == Role.VIEWER
        assert signed_in(cast.owner).post(f"{PEOPLE}{of(cast.viewer).pk}/role/", {"role": 50}).status_code == 422

    def test_the_last_owner_cannot_go_and_a_closed_account_is_none(self, cast: Cast) -> None:
        asleep = make_person(cast.team, Role.OWNER, email="asleep@example.com")
        User.objects.filter(pk=asleep.user.pk).update(is_active=False)
        with pytest.raises(Conflict, match="needs an owner"):
            actions.change_role(cast.owner, of(cast.owner), role=Role.EDITOR)
        with pytest.raises(Conflict, match="needs an owner"):
            actions.remove_member(cast.owner, of(cast.owner))
        with pytest.raises(Conflict, match="closed"):
            actions.hand_over(cast.owner, of(asleep))
        refused = signed_in(cast.owner).post(f"{PEOPLE}{of(cast.owner).pk}/role/", {"role": Role.VIEWER})
        assert refused.status_code == 409
        assert "Make somebody else an owner first" in html(refused)
        assert of(cast.owner).role == Role.OWNER

    def test_handing_over_makes_another_the_owner_and_oneself_an_editor(self, cast: Cast) -> None:
        with pytest.raises(Invalid):
            actions.hand_over(cast.owner, of(cast.owner))
        signed_in(cast.owner).post(f"{PEOPLE}{of(cast.runner).pk}/hand-over/")
        assert (of(cast.runner).role, of(cast.owner).role) == (Role.OWNER, Role.EDITOR)
        logged = AuditEntry.objects.order_by("pk").values_list("action", "object", "detail")
        assert list(logged) == [
            ("team.handed_over", "runner@example.com", {"was": "runner"}),
            ("member.role_changed", "owner@example.com", {"was": "owner", "now": "editor"}),
        ]

    def test_what_changes_nothing_is_not_logged(self, cast: Cast) -> None:
        actions.change_role(cast.owner, of(cast.viewer), role=Role.VIEWER)
        actions.rename_team(cast.owner, name="Acme")
        assert not AuditEntry.objects.exists()

    def test_who_lost_their_role_while_they_waited_changes_nothing(self, cast: Cast) -> None:
        """Their principal is of before."""
        make_person(cast.team, Role.OWNER, email="second@example.com")
        Membership.objects.filter(user=cast.owner.user).update(role=Role.VIEWER)
        for verb in (
            lambda: actions.hand_over(cast.owner, of(cast.runner)),
            lambda: actions.change_role(cast.owner, of(cast.runner), role=Role.OWNER),
            lambda: actions.remove_member(cast.owner, of(cast.runner)),
            lambda: actions.rename_team(cast.owner, name="Mine"),
            lambda: invite(cast.owner, role=Role.OWNER),
            lambda: issue_token(cast.owner, scope=Scope.ADMIN),
        ):
            with pytest.raises(PermissionDenied):
                verb()
        Membership.objects.filter(user=cast.owner.user).delete()
        with pytest.raises(PermissionDenied):
            actions.hand_over(cast.owner, of(cast.runner))


class TestGoing:
    def test_who_is_taken_out_is_out_with_the_next_request_and_leaves_no_key(self, cast: Cast) -> None:
        second = make_person(cast.team, Role.OWNER, email="second@example.com")
        token, secret = issue_token(second, scope=Scope.ADMIN)
        page = signed_in(second)
        made, _ = invite(second, role=Role.OWNER)
        for_them = Invitation.objects.create(
            team=cast.team,
            secret_hash="x",
            email=second.user.email,
            role=Role.OWNER,
            created_by=cast.owner.user,
            expires_at=made.expires_at,
        )
        assert page.get("/t/acme/crews/").status_code == 200
        actions.remove_member(cast.owner, of(second))
        assert page.get("/t/acme/crews/").status_code == 404
        assert principal_of_token(secret) is None
        assert still_open(made.pk) is None
        assert still_open(for_them.pk) is None
        Membership.objects.create(team=cast.team, user=second.user, role=Role.OWNER)
        assert principal_of_token(secret) is None, "a token that ended does not come back with its person"
        token.refresh_from_db()
        assert token.revoked_at is not None

    def test_others_may_leave_and_take_nobody_out(self, cast: Cast) -> None:
        with pytest.raises(PermissionDenied):
            actions.remove_member(cast.editor, of(cast.viewer))
        gone = of(cast.editor)
        actions.remove_member(cast.editor, gone)
        with pytest.raises(Conflict):
            actions.remove_member(cast.owner, gone)


class TestTeams:
    def test_anybody_makes_a_team_and_is_in_several(self, cast: Cast) -> None:
        client = signed_in(cast.viewer)
        made = client.post("/teams/new/", {"name": "  Acme  "})
        assert made["Location"] == "/t/acme-2/settings/people/"
        team = Team.objects.get(slug="acme-2")
        assert team.name == "Acme"
        assert {name: getattr(team, name) for name in FIRST_CAPS} == FIRST_CAPS
        assert 'href="/t/acme-2/crews/">Switch to Acme' in html(client.get("/t/acme/crews/"))
        page = html(client.get("/t/acme/settings/account/"))
        assert 'href="/t/acme-2/"' in page
        assert signed_in(cast.owner).get("/t/acme-2/").status_code == 404

    def test_one_person_makes_so_many_in_a_day(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(actions, "MADE", replace(actions.MADE, most=2))
        client = signed_in(cast.viewer)
        answers = [client.post("/teams/new/", {"name": f"Team of {number}"}) for number in ("x", "y", "z")]
        assert [answer.status_code for answer in answers] == [302, 302, 429]
        assert int(answers[-1]["Retry-After"]) > 80_000
        assert "teams in a day" in html(answers[-1])
        assert signed_in(cast.runner).post("/teams/new/", {"name": "Theirs"}).status_code == 302

    def test_a_team_is_named_so_that_people_can_read_it_and_no_one_has_too_many(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("", " \n ", "x" * 121, "a\x00b", "a\u202eb", HOSTILE):
            with pytest.raises(Invalid):
                actions.make_team(cast.viewer.user, name=name)
            with pytest.raises(Invalid):
                actions.rename_team(cast.owner, name=name)
        assert actions.make_team(cast.viewer.user, name="Example 7").slug == "team-example-7"
        made = [actions.make_team(cast.viewer.user, name="Example").slug for _ in range(3)]
        TryCount.objects.all().delete()
        assert made == ["example", "team-example-2", "team-example-3"], "example-2 is the made-up team of person 2"
        assert actions.make_team(cast.viewer.user, name="客户支持").slug == "ke-hu-zhi-chi"
        monkeypatch.setattr(actions, "MAX_TEAMS_OWNED", 2)
        answer = signed_in(cast.viewer).post("/teams/new/", {"name": "One more"})
        assert answer.status_code == 409
        assert 'value="One more"' in html(answer)

    def test_a_team_is_renamed_and_its_address_stays(self, cast: Cast) -> None:
        assert signed_in(cast.editor).post(f"{PEOPLE}name/", {"name": "Ours"}).status_code == 403
        signed_in(cast.owner).post(f"{PEOPLE}name/", {"name": "<b>Ours</b>"})
        page = html(signed_in(cast.viewer).get(PEOPLE))
        assert "People of &lt;b&gt;Ours&lt;/b&gt;" in page
        assert signed_in(cast.owner).post(f"{PEOPLE}name/", {"name": "a\u202eb"}).status_code == 422

    def test_people_name_themselves(self, cast: Cast) -> None:
        client = signed_in(cast.viewer)
        client.post("/t/acme/settings/account/", {"name": "Vera"})
        assert "Vera" in html(signed_in(cast.owner).get(PEOPLE))
        assert client.post("/t/acme/settings/account/", {"name": "a\u202eb"}).status_code == 422
        client.post("/t/acme/settings/account/", {"name": ""})
        assert str(User.objects.get(pk=cast.viewer.user.pk)) == "viewer@example.com"


class TestApi:
    def ask(self, who: Any, method: str, path: str, body: Any = None, *, scope: str = Scope.ADMIN) -> Any:
        secret = issue_token(who, scope=scope)[1]
        client = Client(headers={"Authorization": f"Bearer {secret}"})
        data = "" if body is None else json.dumps(body)
        return client.generic(method, f"/api/v1{path}", data, content_type="application/json")

    def test_it_does_what_the_pages_do(self, cast: Cast) -> None:
        assert self.ask(cast.owner, "PATCH", "/team", {"name": "Ours"}).json() == {
            "slug": "acme",
            "name": "Ours",
            "role": "owner",
            "wants_second_step": False,
        }
        members = self.ask(cast.viewer, "GET", "/members", scope=Scope.READ).json()["items"]
        assert [one["role"] for one in members] == ["owner", "editor", "runner", "viewer"]
        viewer, stays = of(cast.viewer).pk, {"cancel_runs": False}
        changed = self.ask(cast.owner, "PUT", f"/members/{viewer}/role", {"role": "runner"}).json()
        assert (changed["email"], changed["role"]) == ("viewer@example.com", "runner")
        assert self.ask(cast.owner, "PUT", f"/members/{viewer}/role", {"role": "king"}).status_code == 422
        asked = {"email": "new@example.com", "role": "editor", "days": 2}
        made = self.ask(cast.owner, "POST", "/invitations", asked).json()
        assert made["link"].rsplit("/join/", 1)[1]
        assert made["mailed"] is None
        (listed,) = self.ask(cast.owner, "GET", "/invitations").json()["items"]
        assert listed == {name: made[name] for name in listed}
        assert self.ask(cast.owner, "DELETE", f"/invitations/{made['id']}").status_code == 204
        assert still_open(made["id"]) is None
        assert self.ask(cast.owner, "POST", f"/members/{viewer}/remove", stays).status_code == 204
        assert not Membership.objects.filter(pk=viewer).exists()
        assert self.ask(cast.owner, "POST", f"/members/{of(cast.owner).pk}/remove", stays).status_code == 409
        assert self.ask(cast.owner, "POST", f"/members/{of(cast.editor).pk}/hand-over").status_code == 204
        assert of(cast.editor).role == Role.OWNER

    def test_it_is_for_owners_of_that_team(self, cast: Cast) -> None:
        invitation, _ = invite(cast.owner, role=Role.VIEWER)
        viewer = of(cast.viewer).pk
        asked = [
            ("PATCH", "/team", {"name": "x"}),
            ("PUT", f"/members/{viewer}/role", {"role": "owner"}),
            ("POST", f"/members/{viewer}/hand-over", None),
            ("POST", f"/members/{viewer}/remove", {"cancel_runs": False}),
            ("GET", "/invitations", None),
            ("POST", "/invitations", {}),
            ("DELETE", f"/invitations/{invitation.pk}", None),
        ]
        for method, path, body in asked:
            assert self.ask(cast.editor, method, path, body, scope=Scope.EDIT).status_code == 403, path
            assert self.ask(cast.owner, method, path, body, scope=Scope.EDIT).status_code == 403, path
            if any(letter.isdigit() for letter in path):
                assert self.ask(cast.stranger, method, path, body).status_code == 404, path
        assert (of(cast.viewer).role, still_open(invitation.pk)) == (Role.VIEWER, invitation)
