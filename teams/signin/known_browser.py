"""A browser in which somebody signed in before keeps a cookie that says so.

Tries from it are counted by themselves. So a stranger who uses up the tries of an account, or of an address, does not
lock its owner out. Whoever steals the cookie gets no more tries at that account by it, and none at others.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from teams.models import User

COOKIE = "crewsite_known_browser"
LIFE = timedelta(days=365)


def known_browser(request: HttpRequest, email: str) -> str:
    """The browser's own random name, if that person signed in in it; else ""."""
    try:
        return _signer(email).unsign(request.COOKIES.get(COOKIE, ""), max_age=LIFE)
    except BadSignature:
        return ""


def remember(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """Marks the browser as one in which this person signed in. It keeps its name, so that its tries stay counted."""
    name = known_browser(request, user.email) or secrets.token_urlsafe(16)
    response.set_cookie(
        COOKIE,
        _signer(user.email).sign(name),
        max_age=LIFE,
        path=reverse("signin"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _signer(email: str) -> TimestampSigner:
    return TimestampSigner(salt=f"known browser of {email}")
