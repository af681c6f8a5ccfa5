"""Deletes what nobody can use any more: answers under idempotency keys, sign-in links, invitations, sessions; and
entries of the log after thirteen months.
"""

from __future__ import annotations

import time

from django.db import connection

EVERY_S = 300.0
MOST_AT_ONCE = 1_000
"""Rows of a statement, so that none takes long."""
MOST_STATEMENTS = 50

ANSWERS = """
    DELETE FROM teams_idempotentanswer WHERE id IN (
        SELECT id FROM teams_idempotentanswer WHERE created_at < statement_timestamp() - interval '1 day' LIMIT %s)
"""
# A day longer than they work, so that whoever looks into it finds when they were used.
LINKS = """
    DELETE FROM teams_signinlink WHERE id IN (
        SELECT id FROM teams_signinlink
        WHERE least(expires_at, used_at) < statement_timestamp() - interval '1 day' LIMIT %s)
"""
INVITATIONS = """
    DELETE FROM teams_invitation WHERE id IN (
        SELECT id FROM teams_invitation
        WHERE least(expires_at, used_at, withdrawn_at) < statement_timestamp() - interval '30 days' LIMIT %s)
"""
# The database lets none go that is younger.
ENTRIES = """
    DELETE FROM teams_auditentry WHERE id IN (
        SELECT id FROM teams_auditentry WHERE at < statement_timestamp() - interval '13 months' LIMIT %s)
"""
SESSIONS = """
    DELETE FROM django_session WHERE session_key IN (
        SELECT session_key FROM django_session WHERE expire_date < statement_timestamp() LIMIT %s)
"""
# What allauth lists of sessions that have ended.
LISTED = """
    DELETE FROM usersessions_usersession WHERE id IN (
        SELECT id FROM usersessions_usersession AS listed
        WHERE listed.created_at < statement_timestamp() - interval '1 hour'
          AND NOT EXISTS (SELECT FROM django_session WHERE session_key = listed.session_key) LIMIT %s)
"""


class _Due:
    """``at``: by this process's clock."""

    at = 0.0


def forget_now_and_then() -> None:
    """``forget``, at most once in ``EVERY_S`` seconds of this process: it reads whole tables."""
    if time.monotonic() >= _Due.at:
        _Due.at = time.monotonic() + EVERY_S
        forget()


def forget() -> int:
    """How many rows were deleted. What is more than can be deleted soon is left for the next time."""
    return sum(_delete(statement) for statement in (ANSWERS, LINKS, INVITATIONS, ENTRIES, SESSIONS, LISTED))


def _delete(statement: str) -> int:
    deleted = 0
    with connection.cursor() as cursor:
        for _ in range(MOST_STATEMENTS):
            cursor.execute(statement, [MOST_AT_ONCE])
            deleted += cursor.rowcount
            if cursor.rowcount < MOST_AT_ONCE:
                break
    return deleted
