"""What the page of reports shows: what this person has chosen, and what would be sent now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from runs.models import Report, ReportKind, ReportMail, ReportWish
from runs.reports.figures import figures_from, figures_of
from runs.reports.making import EVENTS
from runs.reports.periods import Period, ended_by
from runs.reports.texts import Told, told
from teams.access import Principal, visible_to
from teams.actions import LOCAL_OWNER_EMAIL
from teams.models import Team, Webhook

SHOWN_MAILS = 12


@dataclass(frozen=True, slots=True)
class Preview:
    """A period that is over, and its report as it was sent, or as it would be now; None: nothing ran in it."""

    period: Period
    told: Told | None
    was_made: bool

    @property
    def title(self) -> str:
        words = self.period.in_words
        return words[0].upper() + words[1:]


@dataclass(frozen=True, slots=True)
class ReportsPage:
    wish: ReportWish | None
    address: str  # where mails go; "": they cannot
    mail_is_set_up: bool
    previews: Sequence[Preview]
    mails: Sequence[ReportMail]  # the newest of this person
    webhooks: Sequence[Webhook]  # that are told of reports; for owners


def reports_page(who: Principal) -> ReportsPage:
    """In a fixed number of queries."""
    hooks = visible_to(who, Webhook).filter(active=True, events__overlap=list(EVENTS.values())) if who.can_own else ()
    mails = visible_to(who, ReportMail).filter(user=who.user).select_related("report").order_by("-pk")
    return ReportsPage(
        wish=visible_to(who, ReportWish).filter(user=who.user).first(),
        address="" if who.user.email == LOCAL_OWNER_EMAIL else who.user.email,
        mail_is_set_up=settings.EMAIL_READY,
        previews=[_preview(who.team, kind) for kind in ReportKind],
        mails=list(mails[:SHOWN_MAILS]),
        webhooks=list(hooks),
    )


def _preview(team: Team, kind: ReportKind) -> Preview:
    now = timezone.now()
    period = ended_by(kind, now)
    made = Report.objects.filter(team=team, kind=kind, begins=period.begins).first()
    if made is not None:
        kept = None if made.figures is None else told(team, figures_from(made.figures), made.made_at)
        return Preview(period, kept, was_made=True)
    figures = figures_of(team, period, now)
    return Preview(period, None if figures is None else told(team, figures, now), was_made=False)
