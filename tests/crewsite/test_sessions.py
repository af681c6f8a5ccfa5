"""Sessions end when they expire or are taken away, with the next request."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from crewsite.sessions import SessionStore
from teams.models import Membership, Role
from tests.cast import Cast
from tests.pages import RUNS, signed_in

pytestmark = pytest.mark.django_db


def test_an_expired_or_deleted_session_is_nobodys(cast: Cast) -> None:
    client = signed_in(cast.viewer)
    assert client.get(RUNS).status_code == 200
    kept = Session.objects.filter(session_key=client.session.session_key)
    kept.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert client.get(RUNS).status_code == 302
    again = signed_in(cast.viewer)
    Session.objects.filter(session_key=again.session.session_key).delete()
    assert again.get(RUNS).status_code == 302


def test_a_session_that_is_not_there_holds_nothing_and_has_no_key() -> None:
    store = SessionStore("a" * 32)
    assert store.load() == {}
    assert store.session_key is None


def test_roles_and_accounts_act_with_the_next_request(cast: Cast) -> None:
    client = signed_in(cast.owner)
    settings = "/t/acme/crews/new/"
    assert client.get(settings).status_code == 200
    membership = Membership.objects.filter(user=cast.owner.user, team=cast.team)
    membership.update(role=Role.VIEWER)
    assert client.get(settings).status_code == 403
    membership.delete()
    assert client.get(settings).status_code == 404
    type(cast.owner.user).objects.filter(pk=cast.owner.user.pk).update(is_active=False)
    assert client.get(settings).status_code == 302
