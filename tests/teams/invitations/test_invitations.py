"""Invitations: a link that works once, for whom it is meant, until it ends, is withdrawn, or its maker goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from teams import leftovers
from teams.guessing.hashing import BoundedHasher
from teams.invitations import actions
from teams.invitations.mail import send
from teams.models import Invitation, Membership, Role, Team, User
from teams.people.actions import change_role, remove_member
from teams.queries import open_invitations
from teams.refusals import Conflict, Invalid
from teams.secrets import digest
from tests.cast import Cast, make_person
from tests.pages import html, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_hashes")]

PEOPLE = "/t/acme/settings/people/"
ADDRESS = "new@example.com"
TYPED = {"name": "New One", "password": "a long enough one"}


@pytest.fixture(autouse=True)
def mail_is_set_up(settings: Any) -> None:
    settings.EMAIL_READY = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def opened(secret: str, client: Client | None = None) -> Client:
    """A browser in which the link was opened."""
    client = client or Client()
    answer = client.get(f"/join/{secret}/")
    assert (answer.status_code, answer["Location"]) == (302, "/join/")
    return client


def offered(client: Client) -> dict[str, str]:
    """What the page's form sends beside what is typed."""
    return {"invitation": str(client.get("/join/").context["invitation"].pk)}


def membership_of(user: User, team: Team) -> Membership | None:
    return Membership.objects.filter(user=user, team=team).first()


class TestMaking:
    def test_only_the_hash_is_kept_and_the_link_is_shown_once(self, cast: Cast) -> None:
        client = signed_in(cast.owner)
        shown = client.post(f"{PEOPLE}invite/", {"email": " New@Example.com ", "role": Role.EDITOR, "days": 1})
        link = shown.context["new_link"]
        secret = link.rstrip("/").rsplit("/", 1)[1]
        kept = Invitation.objects.get()
        assert link in html(shown)
        assert (kept.email, kept.role, kept.secret_hash) == (ADDRESS, Role.EDITOR, digest(secret))
        assert timedelta(hours=23) < kept.expires_at - timezone.now() <= timedelta(days=1)
        later = html(client.get(PEOPLE))
        assert ADDRESS in later
        assert secret not in later

    def test_only_owners_make_see_and_withdraw_them(self, cast: Cast) -> None:
        invitation, _ = actions.invite(cast.owner, role=Role.RUNNER, email=ADDRESS)
        for who in (cast.editor, cast.runner, cast.viewer):
            with pytest.raises(PermissionDenied):
                actions.invite(who, role=Role.VIEWER)
            client = signed_in(who)
            assert ADDRESS not in html(client.get(PEOPLE))
            assert client.post(f"{PEOPLE}invite/", {"role": Role.VIEWER, "days": 1}).status_code == 403
            withdrawal = f"/t/acme/settings/invitations/{invitation.pk}/withdraw/"
            assert client.post(withdrawal).status_code == 403
        theirs = f"/t/others/settings/invitations/{invitation.pk}/withdraw/"
        assert signed_in(cast.stranger).post(theirs).status_code == 404
        assert actions.still_open(invitation.pk)

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ({"email": "no address"}, "email"),
            ({"email": "a\x00@example.com"}, "email"),
            ({"email": f"{'a' * 300}@example.com"}, "email"),
            ({"email": "a@\ue000x.com"}, "email"),
            ({"email": "VIEWER@example.com"}, "email"),
            ({"days": 0}, "days"),
            ({"days": 31}, "days"),
            ({"role": 50}, "role"),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field(self, cast: Cast, asked: dict[str, Any], field: str) -> None:
        with pytest.raises(Invalid) as refused:
            actions.invite(cast.owner, **({"role": Role.RUNNER} | asked))
        assert list(refused.value.fields) == [field]
        assert not Invitation.objects.exists()

    def test_they_are_bounded_and_made_up_teams_have_none(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(actions, "MAX_OPEN", 1)
        first, _ = actions.invite(cast.owner, role=Role.RUNNER)
        with pytest.raises(Conflict):
            actions.invite(cast.owner, role=Role.RUNNER)
        actions.withdraw(cast.owner, first)
        monkeypatch.setattr(actions, "MAX_AN_HOUR", 1)
        with pytest.raises(actions.TooMany):
            actions.invite(cast.owner, role=Role.RUNNER)
        cast.owner.team.is_demo = True
        with pytest.raises(Invalid):
            actions.invite(cast.owner, role=Role.RUNNER)

    def test_a_mailed_link_is_shown_to_nobody_and_one_that_could_not_be_makes_no_account(
        self, cast: Cast, settings: Any
    ) -> None:
        client = signed_in(cast.owner)
        typed = {"email": ADDRESS, "role": Role.RUNNER, "days": 7, "mail": "on"}
        refused = client.post(f"{PEOPLE}invite/", typed | {"email": ""})
        assert list(refused.context["invite_form"].errors) == ["mail"]
        User.objects.filter(pk=cast.owner.user.pk).update(name="Your account ends: https://evil.example")
        Team.objects.filter(pk=cast.team.pk).update(name="Acme https://evil.example/x")
        shown = client.post(f"{PEOPLE}invite/", typed)
        (message,) = mail.outbox
        assert message.to == [ADDRESS]
        assert "owner@example.com invites you to the team Acme https evil example x" in message.body
        link = next(line for line in message.body.splitlines() if "/join/" in line)
        assert link not in html(shown)
        assert "shown to nobody else" in html(shown)
        assert Invitation.objects.get().makes_account
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
        failed = client.post(f"{PEOPLE}invite/", typed | {"email": "other@example.com"})
        assert "could not be mailed: copy it" in html(failed)
        assert "for people who have an account" in html(failed)
        assert not Invitation.objects.get(email="other@example.com").makes_account

    def test_without_mail_none_is_said_to_be_mailed(self, cast: Cast, settings: Any) -> None:
        settings.EMAIL_READY = False
        with pytest.raises(Invalid) as refused:
            actions.invite(cast.owner, role=Role.RUNNER, email=ADDRESS, by_mail=True)
        assert list(refused.value.fields) == ["mail"]
        invitation, secret = actions.invite(cast.owner, role=Role.RUNNER, email=ADDRESS)
        assert not send(invitation, secret)

    def test_an_address_is_mailed_a_few_times_a_day(self, cast: Cast) -> None:
        for _ in range(actions.MAX_MAILS_A_DAY):
            actions.invite(cast.owner, role=Role.RUNNER, email=ADDRESS, by_mail=True)
        with pytest.raises(actions.TooMany):
            actions.invite(cast.stranger, role=Role.RUNNER, email=ADDRESS, by_mail=True)


class TestAccepting:
    def test_who_has_an_account_joins_once_and_looking_changes_nothing(self, cast: Cast) -> None:
        invitation, secret = actions.invite(cast.owner, role=Role.RUNNER)
        client = opened(secret, signed_in(cast.stranger))
        client.head(f"/join/{secret}/")
        assert "Join Acme" in html(client.get("/join/"))
        assert membership_of(cast.stranger.user, cast.team) is None
        joined = client.post("/join/", offered(client))
        assert (joined.status_code, joined["Location"]) == (302, "/t/acme/")
        found = membership_of(cast.stranger.user, cast.team)
        assert found is not None
        assert found.role == Role.RUNNER
        invitation.refresh_from_db()
        assert invitation.used_by == cast.stranger.user
        assert client.post("/join/").status_code == 410
        assert Client().get(f"/join/{secret}/").status_code == 410

    def test_a_new_account_has_the_invitations_own_address(self, cast: Cast) -> None:
        _, secret = actions.invite(cast.owner, role=Role.RUNNER, email=ADDRESS, by_mail=True)
        client = opened(secret)
        page, typed = html(client.get("/join/")), TYPED | offered(client)
        assert f'value="{ADDRESS}"' in page
        for weak in ("short", "password123", "new@example.com"):
            assert client.post("/join/", typed | {"password": weak}).status_code == 422, weak
        assert not User.objects.filter(email=ADDRESS).exists()
        joined = client.post("/join/", typed | {"email": "owner@example.com"})
        assert joined["Location"] == "/t/acme/"
        user = User.objects.get(email=ADDRESS)
        assert (user.name, user.check_password(TYPED["password"]), user.is_staff) == ("New One", True, False)
        assert client.get("/t/acme/crews/").status_code == 200
        assert client.get("/t/acme/crews/new/").status_code == 403

    @pytest.mark.parametrize("email", ["", ADDRESS])
    def test_nobody_makes_an_account_by_a_link_that_its_maker_has_seen(self, cast: Cast, email: str) -> None:
        """They could choose the password of somebody else's account."""
        _, secret = actions.invite(cast.owner, role=Role.RUNNER, email=email)
        client = opened(secret)
        assert 'name="password"' not in html(client.get("/join/"))
        assert client.post("/join/", TYPED | offered(client)).status_code == 422
        assert not User.objects.filter(name="New One").exists()

    def test_an_operators_link_makes_an_account_without_mail(self, cast: Cast) -> None:
        User.objects.filter(pk=cast.owner.user.pk).update(is_staff=True)
        cast.owner.user.refresh_from_db()
        _, secret = actions.invite(cast.owner, role=Role.RUNNER, email=ADDRESS)
        client = opened(secret)
        assert client.post("/join/", TYPED | offered(client)).status_code == 302

    def test_what_was_shown_is_accepted_and_not_what_was_opened_later(self, cast: Cast) -> None:
        shown, first = actions.invite(cast.owner, role=Role.RUNNER)
        other, second = actions.invite(cast.owner, role=Role.VIEWER)
        client = opened(first, signed_in(cast.stranger))
        asked = offered(client)
        opened(second, client)
        refused = client.post("/join/", asked)
        assert refused.status_code == 409
        assert "Another invitation was opened" in html(refused)
        assert actions.still_open(shown.pk)
        assert actions.still_open(other.pk)

    def test_an_account_that_there_is_stays_as_it_is_and_costs_one_hash_too(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, secret = actions.invite(cast.owner, role=Role.RUNNER, email="stranger@example.com", by_mail=True)
        client, hashed = opened(secret), []
        typed = TYPED | offered(client)
        encode = BoundedHasher.encode
        monkeypatch.setattr(BoundedHasher, "encode", lambda *given: hashed.append(1) or encode(*given))
        weak = client.post("/join/", typed | {"password": "short"})
        assert (weak.status_code, hashed) == (422, [])
        refused = client.post("/join/", typed)
        assert (refused.status_code, hashed) == (409, [1])
        assert "If you have one with this address, sign in" in html(refused)
        cast.stranger.user.refresh_from_db()
        assert (cast.stranger.user.name, hashers.is_password_usable(cast.stranger.user.password)) == ("", True)
        assert "_auth_user_id" not in client.session
        assert membership_of(cast.stranger.user, cast.team) is None
        assert signed_in(cast.stranger).get("/join/").status_code == 410
        again = opened(secret, signed_in(cast.stranger))
        assert again.post("/join/", offered(again)).status_code == 302

    def test_tries_at_an_invitation_are_counted_from_wherever(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(actions, "ACCOUNTS_TRIED", replace(actions.ACCOUNTS_TRIED, most=3))
        _, secret = actions.invite(cast.owner, role=Role.RUNNER, email="stranger@example.com", by_mail=True)
        answers = []
        for number in range(4):
            client = opened(secret, Client(REMOTE_ADDR=f"198.51.100.{number}"))
            answers.append(client.post("/join/", TYPED | offered(client)))
        assert [answer.status_code for answer in answers] == [409] * 3 + [429]
        assert int(answers[-1]["Retry-After"]) > 0
        _, another = actions.invite(cast.owner, role=Role.RUNNER, email=ADDRESS, by_mail=True)
        for password, status in (("short", 422), ("short", 422), (TYPED["password"], 302)):
            client = opened(another)
            assert client.post("/join/", TYPED | offered(client) | {"password": password}).status_code == status

    def test_anothers_address_and_a_members_second_go_use_nothing_up(self, cast: Cast) -> None:
        bound, for_new = actions.invite(cast.owner, role=Role.RUNNER, email=ADDRESS)
        client = opened(for_new, signed_in(cast.stranger))
        assert "Sign out, and open the link again" in html(client.get("/join/"))
        assert client.post("/join/", offered(client)).status_code == 422
        free, for_all = actions.invite(cast.owner, role=Role.OWNER)
        second = opened(for_all, signed_in(cast.viewer))
        assert second.post("/join/", offered(second)).status_code == 409
        cast_viewer = membership_of(cast.viewer.user, cast.team)
        assert cast_viewer is not None
        assert cast_viewer.role == Role.VIEWER
        assert actions.still_open(bound.pk)
        assert actions.still_open(free.pk)

    def test_a_full_team_takes_nobody(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(actions, "MAX_MEMBERS", 4)
        invitation, _ = actions.invite(cast.owner, role=Role.RUNNER)
        with pytest.raises(Conflict):
            actions.accept(cast.stranger.user, invitation)
        assert actions.still_open(invitation.pk)


class TestEnding:
    def test_withdrawn_and_over_ones_are_dead_at_once_also_where_they_are_open(self, cast: Cast) -> None:
        withdrawn, first = actions.invite(cast.owner, role=Role.RUNNER)
        over, second = actions.invite(cast.owner, role=Role.RUNNER)
        browsers = [opened(secret, signed_in(cast.stranger)) for secret in (first, second)]
        actions.withdraw(cast.owner, withdrawn)
        Invitation.objects.filter(pk=over.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        for browser, secret in zip(browsers, (first, second), strict=True):
            assert browser.post("/join/").status_code == 410
            assert Client().get(f"/join/{secret}/").status_code == 410
        assert membership_of(cast.stranger.user, cast.team) is None

    def test_one_whose_maker_owns_the_team_no_more_does_not_work(self, cast: Cast) -> None:
        other = make_person(cast.team, Role.OWNER, email="second@example.com")
        for ending in ("role", "gone", "closed"):
            invitation, _ = actions.invite(other, role=Role.OWNER)
            membership = Membership.objects.get(user=other.user)
            if ending == "role":
                change_role(cast.owner, membership, role=Role.EDITOR)
                change_role(cast.owner, membership, role=Role.OWNER)
            elif ending == "gone":
                remove_member(cast.owner, membership)
                Membership.objects.create(team=cast.team, user=other.user, role=Role.OWNER)
            else:
                User.objects.filter(pk=other.user.pk).update(is_active=False)
            assert actions.still_open(invitation.pk) is None, ending
            assert not open_invitations(cast.owner).exists(), "nor is it said to be open"

    def test_wrong_links_are_counted_and_a_right_one_works_all_the_same(self, cast: Cast) -> None:
        _, secret = actions.invite(cast.owner, role=Role.RUNNER)
        answers = [Client().get(f"/join/{number}/").status_code for number in range(21)]
        assert answers == [410] * 20 + [429]
        opened(secret)

    def test_old_ones_are_deleted(self, cast: Cast) -> None:
        kept, _ = actions.invite(cast.owner, role=Role.RUNNER)
        old, _ = actions.invite(cast.owner, role=Role.RUNNER)
        Invitation.objects.filter(pk=old.pk).update(withdrawn_at=timezone.now() - timedelta(days=31))
        assert leftovers.forget() == 1
        assert list(Invitation.objects.all()) == [kept]
