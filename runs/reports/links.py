"""The link in each mail that stops its reports: signed, so that it works without signing in and cannot be made up.

It is opaque and names the member and the kind of report (RFC 8058, 3.1). It works for as long as ``SECRET_KEY`` stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from runs.models import ReportKind

MOST_CHARS = 200
_SALT = "runs.reports.links"


@dataclass(frozen=True, slots=True)
class Stop:
    """Whose reports of which kind end."""

    team_id: int
    user_id: int
    kind: ReportKind


def stop_url(stop: Stop) -> str:
    """The full address."""
    return f"{settings.PUBLIC_URL}{reverse('stop_report', kwargs={'secret': stop_secret(stop)})}"


def stop_secret(stop: Stop) -> str:
    return Signer(salt=_SALT).sign_object([stop.team_id, stop.user_id, stop.kind.value])


def stop_of(secret: str) -> Stop | None:
    """None if it is not one of ours."""
    if len(secret) > MOST_CHARS:
        return None
    try:
        team_id, user_id, kind = Signer(salt=_SALT).unsign_object(secret)
    except (BadSignature, ValueError):
        return None
    return Stop(team_id, user_id, ReportKind(kind))
