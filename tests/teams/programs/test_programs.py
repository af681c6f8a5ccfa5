"""A program is a member that is no person: it acts by its own tokens, stays when people go, and never signs in."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client

from runs.leaving.actions import leave
from runs.limits.actions import limits_of, set_limits
from runs.models import Run
from teams.access import principal
from teams.actions import issue_signin_link, issue_token, principal_of_token, use_signin_link
from teams.models import ApiToken, AuditEntry, Membership, Role, Scope, Team, User
from teams.people.actions import change_role, hand_over, remove_member, rename_person
from teams.programs import actions
from teams.programs.actions import make_program
from teams.queries import is_active_member
from teams.refusals import Conflict, Invalid
from tests.cast import Cast, make_crew, make_person
from tests.pages import html, just_proven, signed_in

pytestmark = pytest.mark.django_db

PAGE = "/t/acme/settings/programs/"


def program(cast: Cast, role: Role = Role.RUNNER) -> Membership:
    return make_program(cast.owner, name="Nightly", role=role)


def by_token(secret: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {secret}"})


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(f"/api/v1{path}", json.dumps(body), content_type="application/json")


def test_it_launches_as_what_it_is_and_goes_on_without_whoever_made_it(cast: Cast) -> None:
    second = make_person(cast.team, Role.OWNER, email="second@example.com")
    made = program(cast)
    token, secret = issue_token(cast.owner, program=made, life=timedelta(days=30))
    assert (token.user_id, token.expires_at is not None) == (made.user_id, True)
    remove_member(second, Membership.objects.get(user=cast.owner.user, team=cast.team))
    make_crew(cast.editor)
    client = by_token(secret)
    assert post(client, "/crews/company-brief/runs", {"inputs": {"company": "Acme"}}).status_code == 202
    run = Run.objects.get()
    assert (run.created_by, run.api_token, str(run.created_by)) == (made.user, token, "Nightly (program)")
    assert client.put("/api/v1/limits", "{}", content_type="application/json").status_code == 403
    assert Membership.objects.filter(pk=made.pk).exists()


def test_it_never_signs_in_and_is_told_nothing_by_mail(cast: Cast) -> None:
    user = program(cast).user
    assert not user.has_usable_password()
    assert use_signin_link(issue_signin_link(user)) is None
    with pytest.raises(Http404):
        principal(user, "acme")
    client = Client()
    client.force_login(user)
    assert client.get("/t/acme/").status_code == 404
    assert not is_active_member(user, cast.team)
    assert user.email.endswith("@programs.invalid")


def test_its_role_and_scope_are_bounded_and_people_own_teams(cast: Cast) -> None:
    made = program(cast)
    for scope in (Scope.EDIT, Scope.ADMIN):
        with pytest.raises(Invalid):
            issue_token(cast.owner, scope=scope, program=made)
    for act in (
        lambda: make_program(cast.owner, name="Other", role=Role.OWNER),
        lambda: change_role(cast.owner, made, role=Role.OWNER),
        lambda: hand_over(cast.owner, made),
        lambda: rename_person(cast.editor.user, name="Nightly (program)"),
    ):
        with pytest.raises(Invalid):
            act()
    with pytest.raises(Conflict):
        make_program(cast.owner, name="nightly", role=Role.VIEWER)
    _, secret = issue_token(cast.owner, program=made)
    change_role(cast.owner, made, role=Role.VIEWER)
    found = principal_of_token(secret)
    assert found is not None
    assert found[0].role == Role.VIEWER, "the smaller of role and scope, with the next request"
    for who in (cast.editor, cast.stranger):
        with pytest.raises((PermissionDenied, Conflict)):
            issue_token(who, scope=Scope.READ, program=made)
    Team.objects.filter(pk=cast.team.pk).update(is_demo=True)
    cast.owner.team.is_demo = True
    with pytest.raises(Invalid):
        make_program(cast.owner, name="Another", role=Role.VIEWER)


def test_removed_it_is_gone_for_good_and_what_it_did_stays(cast: Cast) -> None:
    made = program(cast)
    _, secret = issue_token(cast.owner, program=made)
    leave(cast.owner, made)
    assert principal_of_token(secret) is None
    user = User.objects.get(pk=made.user_id)
    assert (user.is_active, ApiToken.objects.get().revoked_at is not None) == (False, True)
    with pytest.raises(Conflict):
        issue_token(cast.owner, program=made)
    told = list(AuditEntry.objects.order_by("pk").values_list("action", "object", "kind"))
    assert [one[0] for one in told] == ["program.made", "token.issued", "program.removed"]
    assert told[0][1:] == (user.email, "program")
    assert program(cast).user.email != user.email, "its name is free again, its address is not"


def test_it_has_a_budget_of_its_own(cast: Cast) -> None:
    made = program(cast)
    page = html(signed_in(cast.owner).get("/t/acme/limits/"))
    assert "Nightly (program)" in page
    limits = limits_of(cast.team)
    set_limits(cast.owner, type(limits)(**{**_fields(limits), "members": {made.user_id: Decimal(3)}}))
    assert Membership.objects.get(pk=made.pk).budget_nusd == 3_000_000_000


def _fields(limits: Any) -> dict[str, Any]:
    return {name: getattr(limits, name) for name in type(limits).__dataclass_fields__}


def test_the_page_makes_it_its_tokens_and_another_role(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    client = just_proven(cast.owner)
    assert "No program yet" in html(client.get(PAGE))
    page = html(client.post(PAGE, {"name": "<b>Night</b>", "role": Role.RUNNER}, follow=True))
    made = Membership.objects.get(user__is_program=True)
    assert "&lt;b&gt;Night&lt;/b&gt; (program)" in page
    shown = html(client.post(f"{PAGE}{made.pk}/token/", {"scope": "run", "days": "30", "name": "ci"}))
    token = ApiToken.objects.get()
    assert (token.user, token.prefix in shown, "never again" in shown) == (made.user, True, True)
    assert token.prefix in html(client.get("/t/acme/settings/tokens/"))
    assert "(program)" not in html(client.get("/t/acme/settings/people/"))
    refused = client.post(f"{PAGE}{made.pk}/token/", {"scope": "admin"})
    assert (refused.status_code, ApiToken.objects.count()) == (422, 1)
    client.post(f"{PAGE}{made.pk}/role/", {"role": Role.EDITOR})
    assert Membership.objects.get(pk=made.pk).role == Role.EDITOR
    assert client.post(f"{PAGE}{made.pk}/role/", {"role": Role.OWNER}).status_code == 422
    person = Membership.objects.get(user=cast.viewer.user)
    assert client.post(f"{PAGE}{person.pk}/token/", {"scope": "read"}).status_code == 404
    assert client.post(PAGE, {"name": "x", "role": Role.OWNER}).status_code == 422
    monkeypatch.setattr(actions, "MOST_PROGRAMS", 1)
    assert client.post(PAGE, {"name": "One more", "role": Role.VIEWER}).status_code == 409
    gone = client.post(f"/t/acme/settings/people/{made.pk}/remove/", {"runs": "go_on"})
    assert gone.headers["Location"] == PAGE
    for who in (cast.editor, cast.viewer):
        assert signed_in(who).get(PAGE).status_code == 403


def test_the_api_makes_it_and_its_tokens(cast: Cast) -> None:
    client = by_token(issue_token(cast.owner, scope=Scope.ADMIN)[1])
    made = post(client, "/programs", {"name": "CI", "role": "editor"}).json()
    assert (made["name"], made["role"], made["tokens"]) == ("CI (program)", "editor", 0)
    token = post(client, f"/programs/{made['id']}/tokens", {"scope": "edit", "days": 7}).json()
    assert by_token(token["token"]).get("/api/v1/team").json()["role"] == "editor"
    assert post(client, f"/programs/{made['id']}/tokens", {"scope": "admin"}).status_code == 422
    assert client.get("/api/v1/programs").json()["items"] == [made | {"tokens": 1}]
    assert made["id"] not in [one["id"] for one in client.get("/api/v1/members").json()["items"]]
    assert post(by_token(token["token"]), "/programs", {"name": "x"}).status_code == 403
    assert post(client, f"/members/{made['id']}/remove", {"cancel_runs": False}).status_code == 204
    assert by_token(token["token"]).get("/api/v1/team").status_code == 401
