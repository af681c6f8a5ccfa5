"""On whose share a request is counted, without a look into the database.

A person's, once a request with the same session or token was answered in this process; until then, and for strangers,
that of the address. So neither made-up cookies nor many sessions nor tokens are more than one share.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, parse_cookie

from crewsite.sessions import SessionStore
from teams.access import Principal
from teams.guessing.address import counted_address

MOST_KNOWN = 10_000
"""Sessions and tokens; those that were used longest ago are forgotten."""


class Shares:
    """For the event loop's thread alone."""

    def __init__(self) -> None:
        self._people: OrderedDict[bytes, str] = OrderedDict()  # by the hash of a session's key or a token

    def of(self, scope: dict[str, Any]) -> str:
        """``person N`` or ``address A``; "" if neither is known, as on a Unix socket."""
        credential = _credential(scope)
        if person := self._people.get(credential):
            self._people.move_to_end(credential)
            return person
        client = scope.get("client")
        address = counted_address(client[0]) if client else ""
        return f"address {address}" if address else ""

    def learn(self, scope: dict[str, Any], person: str | None) -> None:
        """What answering the request has found out about its session or token: see ``person_of``."""
        credential = _credential(scope)
        if person is None or not credential:
            return
        self._people.pop(credential, None)
        if person:
            self._people[credential] = person
            while len(self._people) > MOST_KNOWN:
                self._people.popitem(last=False)


def person_of(request: HttpRequest) -> str | None:
    """``person N``, or "" for a stranger; None if nobody asked, as for a static file."""
    principal = getattr(request, "auth", None)
    if isinstance(principal, Principal):
        return f"person {principal.user.pk}"
    session = getattr(request, "session", None)
    held = session.loaded() if isinstance(session, SessionStore) else None
    if held is None:
        return None
    return f"person {held[SESSION_KEY]}" if SESSION_KEY in held else ""


def _credential(scope: dict[str, Any]) -> bytes:
    """Its hash; empty if there is none."""
    wanted = b"authorization" if scope["path"].startswith("/api/") else b"cookie"
    text = "; ".join(value.decode("latin1") for name, value in scope["headers"] if name == wanted)
    if wanted == b"cookie":
        text = parse_cookie(text).get(settings.SESSION_COOKIE_NAME, "")
    return sha256(text.encode()).digest() if text else b""
