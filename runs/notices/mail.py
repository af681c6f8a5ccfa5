"""Mails alerts to the people they concern, once each; tries again with growing pauses while the mail server is away."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from smtplib import SMTPException

from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.db.models.functions import Now

from runs.addresses import limits_url
from runs.models import Alert, MailState, Notice
from runs.notices.alerts import words_of
from teams.webhooks.deliveries import MAX_TRIES, PAUSES_S

log = logging.getLogger(__name__)

AT_ONCE = 20
TAKEN_S = 120

# Takes notices that are due by moving their next try ahead, so that no other worker sends them meanwhile.
TAKE = """
    WITH due AS (
        SELECT id FROM runs_notice WHERE mail = 'due' AND next_try_at <= clock_timestamp()
        ORDER BY next_try_at LIMIT %s FOR UPDATE SKIP LOCKED)
    UPDATE runs_notice SET attempts = attempts + 1, next_try_at = clock_timestamp() + make_interval(secs => %s)
    FROM due WHERE runs_notice.id = due.id RETURNING runs_notice.id
"""


def send_due_mails() -> int:
    """Sends the mails that are due, over one connection; returns how many. No transaction is open meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [AT_ONCE, TAKEN_S])
        notice_ids = [row[0] for row in cursor.fetchall()]
    if not notice_ids:
        return 0
    notices = list(Notice.objects.filter(pk__in=notice_ids).select_related("user", "alert__team", "alert__user"))
    if not connection.in_atomic_block:
        connection.close()  # a mail server may take its time, and connections are few
    return sum(_send(notices))


def _send(notices: Sequence[Notice]) -> list[bool]:
    server = get_connection()
    try:
        server.open()
    except (SMTPException, OSError) as error:
        return [_record(notice, f"{type(error).__name__}: {error}") for notice in notices]
    try:
        return [_record(notice, _complaint(notice, server)) for notice in notices]
    finally:
        server.close()


def _complaint(notice: Notice, server: BaseEmailBackend) -> str:
    try:
        mail_of(notice, server).send()
    except (SMTPException, OSError, ValueError) as error:  # ValueError: an address or a sender that no mail can have
        return f"{type(error).__name__}: {error}"
    return ""


def mail_of(notice: Notice, server: BaseEmailBackend | None = None) -> EmailMessage:
    """The message to one person: figures alone, and where budgets can be changed."""
    alert = notice.alert
    lines = [
        words_of(alert),
        f"What is spent, and by whom: {limits_url(alert.team)}",
        f"You get this because you {_why(alert, notice)}.",
    ]
    return EmailMessage(_subject(alert), "\n\n".join(lines) + "\n", to=[notice.user.email], connection=server)


def _subject(alert: Alert) -> str:
    whose = "the team" if alert.user is None else str(alert.user)
    return " ".join(f"[Crewsite] {alert.team}: {alert.threshold} % of the budget of {whose}".split())


def _why(alert: Alert, notice: Notice) -> str:
    return "spend from it" if notice.user_id == alert.user_id else f"are an owner of {alert.team}"


def _record(notice: Notice, error: str) -> bool:
    again = bool(error) and notice.attempts < MAX_TRIES
    if error:
        log.warning("An alert was not mailed, try %d of %d: %s", notice.attempts, MAX_TRIES, error[:200])
    state = MailState.DUE if again else MailState.FAILED if error else MailState.SENT
    pause = timedelta(seconds=PAUSES_S[notice.attempts - 1]) if again else None
    # If the mail took longer than it was taken for, another worker's attempt counts.
    this_attempt = Notice.objects.filter(pk=notice.pk, mail=MailState.DUE, attempts=notice.attempts)
    this_attempt.update(mail=state, error=error[:1000], next_try_at=Now() + pause if pause else None)
    return not error
