"""Mails an invitation's link, at once: its secret is kept nowhere, so that it could not be sent later."""

from __future__ import annotations

import logging
import re
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from teams.access import Principal
from teams.invitations.actions import not_mailed
from teams.models import Invitation

log = logging.getLogger(__name__)


def link_of(secret: str) -> str:
    """The full address."""
    return f"{settings.PUBLIC_URL}{reverse('join_link', kwargs={'secret': secret})}"


def delivered(who: Principal, invitation: Invitation, secret: str, *, by_mail: bool) -> tuple[str | None, bool | None]:
    """The link, for whoever made it to pass on, and whether it was mailed: then nobody is shown it. None: not asked."""
    if not by_mail:
        return link_of(secret), None
    if send(invitation, secret):
        return None, True
    not_mailed(who, invitation)
    return link_of(secret), False


def send(invitation: Invitation, secret: str) -> bool:
    """Whether the mail server took it. Waits for it ``EMAIL_TIMEOUT`` seconds at most for each of its answers."""
    if not settings.EMAIL_READY:
        return False
    team, inviter = _no_address(invitation.team.name), invitation.created_by
    by = "Somebody" if inviter is None else inviter.email
    lines = [
        f"{by} invites you to the team {team} on Crewsite, as {invitation.get_role_display()}.",
        f"This link works once, until {invitation.expires_at:%Y-%m-%d %H:%M} UTC:\n{link_of(secret)}",
        "If you do not know them, do nothing.",
    ]
    message = EmailMessage(f"[Crewsite] An invitation to {team}", "\n\n".join(lines) + "\n", to=[invitation.email])
    message.extra_headers["Auto-Submitted"] = "auto-generated"
    try:
        return message.send() == 1
    except (SMTPException, OSError, ValueError) as error:
        log.warning("An invitation could not be mailed (%s)", type(error).__name__)
        return False


def _no_address(name: str) -> str:
    """A name that people chose, in which no mail program finds an address to click on."""
    return " ".join(re.sub(r"[.:/@]", " ", name).split())
