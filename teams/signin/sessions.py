"""Where somebody is signed in, and how all but one of these sessions end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.contrib.auth import update_session_auth_hash
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.http import HttpRequest

from teams.models import User

MOST_SHOWN = 100
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows")),
    *(("Mac OS", "macOS"), ("Linux", "Linux")),
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """One session, as its person sees it."""

    pk: int
    browser: str
    address: str
    since: datetime
    is_this: bool


def sessions_of(request: HttpRequest) -> list[SignedIn]:
    """Those of the request's person that have not ended, its own first, then the newest."""
    kept = UserSession.objects.filter(user=request.user).order_by("-created_at")[:MOST_SHOWN]
    lives = Session.objects.filter(session_key__in=[one.session_key for one in kept], expire_date__gt=Now())
    living = set(lives.values_list("session_key", flat=True))
    own = request.session.session_key
    shown = [
        SignedIn(one.pk, browser_of(one.user_agent), str(one.ip), one.created_at, one.session_key == own)
        for one in kept
        if one.session_key in living
    ]
    return sorted(shown, key=lambda one: not one.is_this)


def end_session(user: User, pk: int) -> bool:
    """Whether there was such a session of that person."""
    session = UserSession.objects.filter(user=user, pk=pk).first()
    if session is None:
        return False
    Session.objects.filter(session_key=session.session_key).delete()
    session.delete()
    return True


@transaction.atomic
def end_other_sessions(request: HttpRequest, user: User) -> None:
    """All but the request's own, also those that no list has. Open streams follow within seconds."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    before = request.session.session_key
    update_session_auth_hash(request, user)
    others = UserSession.objects.filter(user=user).exclude(session_key=before)
    Session.objects.filter(session_key__in=list(others.values_list("session_key", flat=True))).delete()
    others.delete()
    UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


@transaction.atomic
def renew(request: HttpRequest) -> None:
    """The same session under a new key, once its person has proved again who they are."""
    before = request.session.session_key
    request.session.cycle_key()
    UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


@transaction.atomic
def end_all_sessions(user: User) -> None:
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    kept = UserSession.objects.filter(user=user)
    Session.objects.filter(session_key__in=list(kept.values_list("session_key", flat=True))).delete()
    kept.delete()


def browser_of(user_agent: str) -> str:
    """In words: "Firefox on Linux". Of what is unknown its first word, since anybody can say anything there."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    word = re.match(r"[\w.-]{1,40}", user_agent)
    return word[0] if word else "unknown"
