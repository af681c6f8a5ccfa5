"""Sessions in the database. A key that Django cannot have made is none, and the database is not asked for it."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import connection

NOBODYS_S = 900

_KEY = re.compile(r"[a-z0-9]{32}")
_READ = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > statement_timestamp()"


def may_be_key(text: str) -> bool:
    """Whether Django may have made it. PostgreSQL has no text with a NUL, which a cookie may well bring."""
    return _KEY.fullmatch(text) is not None


class SessionStore(DatabaseStore):
    def load(self) -> dict[str, Any]:
        """What the session holds; {} if there is no such session or it has expired, and then it has no key either.

        In SQL, because each page reads one: Django's own way builds the query anew and a model of the row.
        """
        with connection.cursor() as cursor:
            cursor.execute(_READ, [self.session_key])
            row = cursor.fetchone()
        if row is None:
            self._session_key = None
            return {}
        data: dict[str, Any] = self.decode(row[0])
        return data

    def get_session_cookie_age(self) -> int:
        """Seconds. Of somebody who is on the way to sign in it is as long as that may take: strangers make such
        sessions, and they are swept once they are over."""
        return settings.SESSION_COOKIE_AGE if SESSION_KEY in (self.loaded() or {}) else NOBODYS_S

    def loaded(self) -> dict[str, Any] | None:
        """What it holds, if that was asked for before; else None. Never asks the database."""
        data: dict[str, Any] | None = getattr(self, "_session_cache", None)
        return data

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key) and may_be_key(key or "")
