"""Sends mails that are due, from rows that say to whom; tries again with growing pauses while the mail server is away.

A sender takes rows by moving their next try ahead, so that no other one sends them meanwhile. If it dies, another takes
them when that time comes; one that died between the server's answer and our note of it has sent its mail twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, models
from django.db.models.functions import Now
from psycopg.sql import Identifier

from runs.models import MailState
from runs.sql import statement
from teams.webhooks.deliveries import MAX_TRIES, PAUSES_S

log = logging.getLogger(__name__)

AT_ONCE = 20
TAKEN_S = 120


def message_id(name: str) -> str:
    """Of a mail: its name, which is the same at every try, and this installation's host, so that a mailbox can tell a
    mail that comes twice."""
    return f"<{name}@{urlsplit(settings.PUBLIC_URL).hostname}>"


@dataclass(frozen=True, slots=True)
class Mails:
    """Rows with the columns ``mail``, ``attempts``, ``next_try_at`` and ``error``, as a ``Notice`` has them.

    ``mail_of`` makes a row's message for an open server; None: it is not to be sent any more.
    """

    model: type[models.Model]
    related: Collection[str]
    mail_of: Callable[[Any, BaseEmailBackend], EmailMessage | None]

    def send_due(self) -> int:
        """Sends what is due, over one connection; returns how many. No transaction is open meanwhile."""
        with connection.cursor() as cursor:
            cursor.execute(_take(self.model._meta.db_table), [AT_ONCE, TAKEN_S])
            ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return 0
        rows = list(self.model._default_manager.filter(pk__in=ids).select_related(*self.related))
        return sum(self._send(rows))

    def _send(self, rows: Sequence[Any]) -> list[bool]:
        server = get_connection()
        if not connection.in_atomic_block:
            connection.close()  # a mail server may take its time, and connections are few
        try:
            server.open()
        except (SMTPException, OSError) as error:
            return [self._record(row, f"{type(error).__name__}: {error}") for row in rows]
        try:
            return [self._try(row, server) for row in rows]
        finally:
            server.close()

    def _try(self, row: Any, server: BaseEmailBackend) -> bool:
        """Whether it was sent."""
        try:
            message = self.mail_of(row, server)
            if not connection.in_atomic_block:
                connection.close()
            if message is None:
                self._end(row, MailState.NONE)
                return False
            message.send()
        except (
            SMTPException,
            OSError,
            ValueError,
        ) as error:  # ValueError: an address or a sender that no mail can have
            return self._record(row, f"{type(error).__name__}: {error}")
        return self._record(row, "")

    def _record(self, row: Any, error: str) -> bool:
        if not error:
            self._end(row, MailState.SENT)
            return True
        log.warning("A mail was not sent, try %d of %d: %s", row.attempts, MAX_TRIES, error[:200])
        if row.attempts >= MAX_TRIES:
            self._end(row, MailState.FAILED, error)
        else:
            pause = timedelta(seconds=PAUSES_S[row.attempts - 1])
            self._this_attempt(row).update(error=error[:1000], next_try_at=Now() + pause)
        return False

    def _end(self, row: Any, state: MailState, error: str = "") -> None:
        self._this_attempt(row).update(mail=state, error=error[:1000], next_try_at=None)

    def _this_attempt(self, row: Any) -> models.QuerySet[Any]:
        """If the mail took longer than it was taken for, another worker's attempt counts."""
        return self.model._default_manager.filter(pk=row.pk, mail=MailState.DUE, attempts=row.attempts)


def _take(table: str) -> str:
    return statement(
        """
        WITH due AS (
            SELECT id FROM {table} WHERE mail = 'due' AND next_try_at <= clock_timestamp()
            ORDER BY next_try_at LIMIT %s FOR UPDATE SKIP LOCKED)
        UPDATE {table} AS taken
        SET attempts = attempts + 1, next_try_at = clock_timestamp() + make_interval(secs => %s)
        FROM due WHERE taken.id = due.id RETURNING taken.id
        """,
        table=Identifier(table),
    )
