"""Reads of one member's inbox of a team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse

from runs.models import InboxChoice, InboxEntry, InboxKind
from runs.notices.alerts import words_of
from runs.telling.schedules import words_of as words_of_time
from runs.telling.subjects import RELATED, page_of, subject_of
from teams.access import Principal, visible_to

SHOWN = 100
EXCERPT_CHARS = 240


@dataclass(frozen=True, slots=True)
class Told:
    """One entry as it is shown and mailed. ``person`` wrote the comment; empty: nobody did, or they are gone."""

    pk: int
    kind: InboxKind
    person: str
    what: str
    excerpt: str
    address: str
    made_at: datetime
    is_new: bool


def inbox(who: Principal) -> list[Told]:
    """The newest entries."""
    return told(_own(who).order_by("-pk")[:SHOWN])


def page_of_inbox(who: Principal, *, only_new: bool, before: int | None) -> tuple[list[Told], int | None]:
    """``SHOWN`` entries older than the one of that id, the newest first, and the id behind which the next page begins,
    if there is one."""
    found = (unread(who) if only_new else _own(who)).order_by("-pk")
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = told(found[: SHOWN + 1])
    return rows[:SHOWN], rows[SHOWN - 1].pk if len(rows) > SHOWN else None


def choice_of(who: Principal) -> InboxChoice:
    """What the member chose, or what holds without a choice."""
    return InboxChoice.objects.filter(team=who.team, user=who.user).first() or InboxChoice()


def entry(who: Principal, pk: int) -> InboxEntry | None:
    return _read(_own(who)).filter(pk=pk).first()


def told(entries: QuerySet[InboxEntry]) -> list[Told]:
    """These entries, in their order. One query."""
    return [told_of(one) for one in _read(entries)]


def told_of(one: InboxEntry) -> Told:
    """Of an entry that was read by ``entry`` or ``told``."""
    person, excerpt = "", ""
    if one.comment is not None:
        person, what = str(one.comment.author or ""), subject_of(one.comment).title
        excerpt, address = _excerpt(one.comment.text), page_of(one.comment)
    elif one.run is not None:
        what, address = f"a run of {one.run.crew.name}", reverse("run", args=[one.team.slug, one.run.pk])
    elif one.schedule_time is not None:
        schedule = one.schedule_time.schedule
        what, address = words_of_time(one.schedule_time), reverse("schedule", args=[one.team.slug, schedule.pk])
    else:
        assert one.alert is not None
        what, address = words_of(one.alert), reverse("limits", args=[one.team.slug])
    return Told(one.pk, InboxKind(one.kind), person, what, excerpt, address, one.made_at, one.read_at is None)


def unread(who: Principal) -> QuerySet[InboxEntry]:
    return _own(who).filter(read_at=None)


def _own(who: Principal) -> QuerySet[InboxEntry]:
    return visible_to(who, InboxEntry).filter(user=who.user)


def _read(entries: QuerySet[InboxEntry]) -> QuerySet[InboxEntry]:
    comments: Sequence[str] = [f"comment__{name}" for name in RELATED]
    return entries.select_related(
        *("team", "user", "comment__author", *comments, "run__crew", "alert__team", "alert__user"),
        "schedule_time__schedule",
    )


def _excerpt(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= EXCERPT_CHARS else f"{text[: EXCERPT_CHARS - 1]}…"
