"""What nobody can use any more is deleted, and what somebody still can is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from teams import leftovers
from teams.models import IdempotentAnswer, SignInLink
from tests.cast import Cast

HOUR = timedelta(hours=1)


@pytest.mark.django_db
def test_answers_links_and_sessions_go_in_time(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "MOST_AT_ONCE", 2)
    now = timezone.now()
    for number, age in enumerate((23, 25, 26, 27)):
        IdempotentAnswer.objects.create(
            team=cast.team, key=str(number), request_hash="x", answer={}, created_at=now - age * HOUR
        )
    links = {
        "open": (now + HOUR, None),
        "just used": (now + HOUR, now - HOUR),
        "used": (now + HOUR, now - 25 * HOUR),
        "expired": (now - 25 * HOUR, None),
    }
    for name, (expires_at, used_at) in links.items():
        SignInLink.objects.create(user=cast.owner.user, secret_hash=name, expires_at=expires_at, used_at=used_at)
    for key, left in (("a", HOUR), ("b", -HOUR)):
        Session.objects.create(session_key=key * 32, session_data="", expire_date=now + left)
    assert leftovers.forget() == 6
    assert list(IdempotentAnswer.objects.values_list("key", flat=True)) == ["0"]
    assert set(SignInLink.objects.values_list("secret_hash", flat=True)) == {"open", "just used"}
    assert list(Session.objects.values_list("session_key", flat=True)) == ["a" * 32]


@pytest.mark.django_db
def test_it_is_done_now_and_then_alone(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers._Due, "at", 0.0)
    for left in (1, 0):
        Session.objects.create(session_key="b" * 32, session_data="", expire_date=timezone.now() - HOUR)
        leftovers.forget_now_and_then()
        assert Session.objects.count() == 1 - left
