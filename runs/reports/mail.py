"""Mails reports: one message for each person, as text and as HTML, with a way out of it (RFC 8058)."""

from __future__ import annotations

from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string

from runs.models import ReportKind, ReportMail
from runs.notices.sending import Mails, message_id
from runs.reports.figures import figures_from
from runs.reports.links import Stop, stop_url
from runs.reports.texts import plain, told
from teams.queries import is_active_member


def mail_of(row: ReportMail, server: BaseEmailBackend | None = None) -> EmailMultiAlternatives | None:
    """None to who is no active member any more."""
    report, team = row.report, row.report.team
    if not is_active_member(row.user, team):
        return None
    words = told(team, figures_from(report.figures), report.made_at)
    stop = stop_url(Stop(team.pk, row.user_id, ReportKind(report.kind)))
    message = EmailMultiAlternatives(
        words.subject,
        plain(words, stop=stop),
        to=[row.user.email],
        connection=server,
        headers={
            "Message-ID": message_id(f"report-{report.kind}-{report.begins}-{team.pk}-{row.user_id}"),
            "Auto-Submitted": "auto-generated",
            **_way_out(stop),
        },
    )
    message.attach_alternative(render_to_string("runs/reports/mail.html", {"told": words, "stop": stop}), "text/html")
    return message


def _way_out(stop: str) -> dict[str, str]:
    """One click is for addresses by https alone (RFC 8058, 3.1)."""
    one_click = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} if stop.startswith("https:") else {}
    return {"List-Unsubscribe": f"<{stop}>", **one_click}


send_due_reports = Mails(ReportMail, ("user", "report__team"), mail_of).send_due
"""Sends the reports that are due; returns how many."""
