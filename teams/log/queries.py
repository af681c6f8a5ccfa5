"""Reads a team's log, the newest entry first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import QuerySet

from teams.access import Principal, visible_to
from teams.models import AuditEntry, Way

PAGE_ROWS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for; what is empty is not asked about. Days are in UTC, both included."""

    person: str = ""  # a part of an e-mail address
    action: str = ""  # "member.removed", or "member" for all that was done to members
    thing: str = ""  # a part of what it was done to
    way: str = ""
    since: date | None = None
    until: date | None = None


def entries(who: Principal, asked: Asked) -> QuerySet[AuditEntry]:
    """All that fit, the newest first."""
    found = visible_to(who, AuditEntry).order_by("-id")
    if asked.person:
        found = found.filter(person__icontains=asked.person)
    if asked.action:
        found = found.filter(**{"action" if "." in asked.action else "kind": asked.action})
    if asked.thing:
        found = found.filter(object__icontains=asked.thing)
    if asked.way in Way.values:
        found = found.filter(way=asked.way)
    if asked.since:
        found = found.filter(at__gte=_midnight(asked.since))
    if asked.until and asked.until < date.max:
        found = found.filter(at__lt=_midnight(asked.until + timedelta(days=1)))
    return found


def page_of(found: QuerySet[AuditEntry], *, before: int | None) -> tuple[list[AuditEntry], int | None]:
    """``PAGE_ROWS`` entries older than the one of that id, and the id behind which the next page begins, if any."""
    rows = list((found if before is None else found.filter(pk__lt=before))[: PAGE_ROWS + 1])
    return rows[:PAGE_ROWS], rows[PAGE_ROWS - 1].pk if len(rows) > PAGE_ROWS else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
