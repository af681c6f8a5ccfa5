"""Mails alerts to the people they concern, once each."""

from __future__ import annotations

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from runs.addresses import limits_url
from runs.models import Alert, Notice
from runs.notices.alerts import words_of
from runs.notices.sending import Mails
from teams.queries import is_active_member


def mail_of(notice: Notice, server: BaseEmailBackend | None = None) -> EmailMessage | None:
    """The message to one person: figures alone, and where budgets can be changed. None to who is no active member any
    more."""
    alert = notice.alert
    if not is_active_member(notice.user, alert.team):
        return None
    lines = [
        words_of(alert),
        f"What is spent, and by whom: {limits_url(alert.team)}",
        f"You get this because you {_why(alert, notice)}.",
    ]
    return EmailMessage(_subject(alert), "\n\n".join(lines) + "\n", to=[notice.user.email], connection=server)


send_due_mails = Mails(Notice, ("user", "alert__team", "alert__user"), mail_of).send_due
"""Sends the alerts that are due; returns how many."""


def _subject(alert: Alert) -> str:
    whose = "the team" if alert.user is None else str(alert.user)
    return " ".join(f"[Crewsite] {alert.team}: {alert.threshold} % of the budget of {whose}".split())


def _why(alert: Alert, notice: Notice) -> str:
    return "spend from it" if notice.user_id == alert.user_id else f"are an owner of {alert.team}"
