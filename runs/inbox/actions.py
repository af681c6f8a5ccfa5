"""What members do with their inbox: read an entry, read all, choose of what they are told."""

from __future__ import annotations

from django.db.models.functions import Now

from runs.inbox.queries import unread
from runs.models import InboxChoice, InboxEntry, InboxWish
from teams.access import Principal
from teams.refusals import Invalid


def read(who: Principal, entry: InboxEntry) -> None:
    """One's own entry is new no more, and is in no mail."""
    unread(who).filter(pk=entry.pk).update(read_at=Now(), mail_due=False)


def read_all(who: Principal) -> int:
    """All entries of one's inbox of this team; returns how many were new."""
    return unread(who).update(read_at=Now(), mail_due=False)


def choose(who: Principal, wish: InboxWish, *, by_mail: bool) -> InboxChoice:
    """From now on. What waits for the next mail is not sent if none is wanted. ``Invalid`` for a program, which has no
    inbox."""
    if who.user.is_program:
        raise Invalid("A program has no inbox.")
    choice, _ = InboxChoice.objects.update_or_create(
        team=who.team, user=who.user, defaults={"wish": wish, "by_mail": by_mail}
    )
    if not by_mail or wish == InboxWish.NONE:
        unread(who).update(mail_due=False)
    return choice
