"""Whether a request comes from somebody who is signed in, asked before its body is read."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest

from crewsite.sessions import SessionStore, may_be_key
from teams.actions import principal_of_token

_threads = ThreadPoolExecutor(2, thread_name_prefix="caller")
"""Of their own, so that a crowd of large requests takes neither the threads nor the connections of all others."""


async def is_signed_in(scope: dict[str, Any]) -> bool:
    """By session, or under ``/api/`` by token. Costs a look into the database, if what was sent may be one at all.

    Raises ``django.db.Error`` if the database does not answer.
    """
    try:
        request = ASGIRequest(scope, BytesIO())
    except UnicodeDecodeError:  # in the query; Django answers that
        return False
    if request.path.startswith("/api/"):
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return kind.lower() == "bearer" and await _asked(_has_token, token.strip())
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    return may_be_key(key) and await _asked(_has_session, key)


async def _asked(question: Callable[[str], bool], credential: str) -> bool:
    return await sync_to_async(_with_connection, thread_sensitive=False, executor=_threads)(question, credential)


def _with_connection(question: Callable[[str], bool], credential: str) -> bool:
    try:
        return question(credential)
    finally:
        connection.close()


def _has_token(token: str) -> bool:
    return principal_of_token(token) is not None


def _has_session(key: str) -> bool:
    request = HttpRequest()
    request.session = SessionStore(key)
    return get_user(request).is_authenticated
