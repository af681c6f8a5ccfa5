"""Mails an invitation's link, at once: its secret is kept nowhere, so that it could not be sent later."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from teams.models import Invitation

log = logging.getLogger(__name__)


def link_of(secret: str) -> str:
    """The full address."""
    return f"{settings.PUBLIC_URL}{reverse('join_link', kwargs={'secret': secret})}"


def send(invitation: Invitation, secret: str) -> bool:
    """Whether the mail server took it. Waits for it ``EMAIL_TIMEOUT`` seconds at most for each of its answers."""
    team = " ".join(str(invitation.team).split())
    lines = [
        f"{invitation.created_by} invites you to the team {team} on Crewsite, as {invitation.get_role_display()}.",
        f"This link works once, until {invitation.expires_at:%Y-%m-%d %H:%M} UTC:\n{link_of(secret)}",
        "If you do not know them, do nothing.",
    ]
    message = EmailMessage(f"[Crewsite] An invitation to {team}", "\n\n".join(lines) + "\n", to=[invitation.email])
    message.extra_headers["Auto-Submitted"] = "auto-generated"
    try:
        return message.send() == 1
    except (SMTPException, OSError) as error:
        log.warning("An invitation could not be mailed (%s)", type(error).__name__)
        return False
