"""What people do about reports: choose which ones they get by mail, and stop them by the link in a mail."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models.functions import Now

from runs.models import MailState, ReportKind, ReportMail, ReportWish
from runs.reports.links import Stop
from teams.access import Principal
from teams.audit.record import record

SINCE = {ReportKind.WEEK: "week_since", ReportKind.MONTH: "month_since"}
"""The wish's field of each kind."""


@transaction.atomic
def choose(who: Principal, kinds: Collection[ReportKind]) -> None:
    """From now on this person gets these reports of the team by mail, and no others. What they had keeps its date."""
    ReportWish.objects.get_or_create(team=who.team, user=who.user)
    wish = ReportWish.objects.select_for_update().get(team=who.team, user=who.user)
    for kind, name in SINCE.items():
        if kind not in kinds:
            stop(Stop(who.team.pk, who.user.pk, kind))
        elif getattr(wish, name) is None:
            ReportWish.objects.filter(pk=wish.pk).update(**{name: Now()})
    had = [kind for kind, name in SINCE.items() if getattr(wish, name) is not None]
    was, now = (", ".join(kind for kind in SINCE if kind in some) or "none" for some in (had, kinds))
    if was != now:
        record(who, "reports.chosen", wish, name=who.user.email, was=was, now=now)


@transaction.atomic
def stop(asked: Stop) -> None:
    """No more reports of this kind to this person, and none of those that wait to be sent. Stopping twice is stopping.

    What is being sent at this moment still comes.
    """
    ReportWish.objects.filter(team=asked.team_id, user=asked.user_id).update(**{SINCE[asked.kind]: None})
    waiting = ReportMail.objects.filter(user=asked.user_id, mail=MailState.DUE)
    waiting.filter(report__team=asked.team_id, report__kind=asked.kind).update(mail=MailState.NONE, next_try_at=None)
