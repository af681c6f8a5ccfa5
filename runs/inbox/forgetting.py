"""Deletes entries of inboxes that nobody will look for, and mails that were sent long ago."""

from __future__ import annotations

import time

from django.db import connection

EVERY_S = 600.0
MOST_AT_ONCE = 1_000
READ_DAYS, ALL_DAYS, MAIL_DAYS = 90, 400, 30

BOUNDS = {"most": MOST_AT_ONCE, "read_days": READ_DAYS, "all_days": ALL_DAYS, "mail_days": MAIL_DAYS}

ENTRIES = """
    DELETE FROM runs_inboxentry WHERE id IN (
        SELECT id FROM runs_inboxentry
        WHERE made_at < statement_timestamp() - make_interval(days => %(all_days)s)
           OR read_at < statement_timestamp() - make_interval(days => %(read_days)s)
        LIMIT %(most)s)
"""
# An entry that was in a mail keeps its place in the inbox.
MAILS = """
    WITH old AS (
        SELECT id FROM runs_inboxmail
        WHERE mail <> 'due' AND made_at < statement_timestamp() - make_interval(days => %(mail_days)s)
        LIMIT %(most)s),
    kept AS (UPDATE runs_inboxentry SET mail_id = NULL FROM old WHERE mail_id = old.id)
    DELETE FROM runs_inboxmail WHERE id IN (SELECT id FROM old)
"""


class _Due:
    """``at``: by this process's clock."""

    at = 0.0


def forget_now_and_then() -> None:
    """``forget``, at most once in ``EVERY_S`` seconds of this process."""
    if time.monotonic() >= _Due.at:
        _Due.at = time.monotonic() + EVERY_S
        forget()


def forget() -> None:
    """What is more than ``MOST_AT_ONCE`` rows of a kind is left for the next time."""
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, BOUNDS)
        cursor.execute(MAILS, BOUNDS)
