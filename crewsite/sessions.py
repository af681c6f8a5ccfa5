"""Sessions in the database. A key that Django cannot have made is none, and the database is not asked for it."""

from __future__ import annotations

import re

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

_KEY = re.compile(r"[a-z0-9]{32}")


def may_be_key(text: str) -> bool:
    """Whether Django may have made it. PostgreSQL has no text with a NUL, which a cookie may well bring."""
    return _KEY.fullmatch(text) is not None


class SessionStore(DatabaseStore):
    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key) and may_be_key(key or "")
