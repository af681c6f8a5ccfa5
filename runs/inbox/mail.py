"""Mails what is new in inboxes: to one person at most one mail in ten minutes, with all that came meanwhile.

A mail is a row that names its entries, made by one worker at a time; ``runs.notices.sending`` sends it.
"""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.urls import reverse
from django.utils.crypto import salted_hmac

from engine.text import counted
from runs.inbox.queries import Told, told
from runs.inbox.words import sentence
from runs.models import InboxEntry, InboxMail
from runs.notices.sending import Mails, message_id
from teams.models import Team
from teams.queries import is_active_member

PAUSE_S = 600
AT_ONCE = 50
MOST_NAMED = 30
"""Entries that one mail names; it says how many more there are."""

LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('mails of inboxes'))"

# One mail for each person who has something new and was sent none lately: of the team that waits longest.
MAKE = """
    WITH waiting AS (
        SELECT DISTINCT ON (user_id) user_id, team_id FROM runs_inboxentry AS entry
        WHERE mail_due AND NOT EXISTS (
            SELECT FROM runs_inboxmail AS last
            WHERE last.user_id = entry.user_id
              AND last.made_at > clock_timestamp() - make_interval(secs => %(pause_s)s))
        ORDER BY user_id, made_at LIMIT %(at_once)s),
    made AS (
        INSERT INTO runs_inboxmail (user_id, team_id, made_at, mail, attempts, next_try_at, error)
        SELECT user_id, team_id, clock_timestamp(), 'due', 0, clock_timestamp(), '' FROM waiting
        RETURNING id, user_id, team_id)
    UPDATE runs_inboxentry AS entry SET mail_id = made.id, mail_due = false FROM made
    WHERE entry.user_id = made.user_id AND entry.team_id = made.team_id AND entry.mail_due
"""


def send_due_inboxes() -> int:
    """Makes and sends the mails that are due; returns how many were sent."""
    make_mails()
    return _send_due()


@transaction.atomic
def make_mails() -> None:
    """Of all people to whom one is due, unless another worker is making them."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        if cursor.fetchone()[0]:
            cursor.execute(MAKE, {"pause_s": PAUSE_S, "at_once": AT_ONCE})


def mail_of(row: InboxMail, server: BaseEmailBackend | None = None) -> EmailMessage | None:
    """None to who is no active member any more, or has read all of it."""
    if not is_active_member(row.user, row.team):
        return None
    new = told(InboxEntry.objects.filter(mail=row, read_at=None).order_by("pk"))
    if not new:
        return None
    lines = [_paragraph(one) for one in new[:MOST_NAMED]]
    if len(new) > MOST_NAMED:
        lines.append(f"And {len(new) - MOST_NAMED} more.")
    lines.append(f"Your inbox, where you also choose of what you are told: {_inbox_url(row.team)}")
    name = salted_hmac("runs.inbox.mail", str(row.pk)).hexdigest()[:24]
    return EmailMessage(
        " ".join(f"[Crewsite] {row.team}: {_subject(new)}".split()),
        "\n\n".join(lines) + "\n",
        to=[row.user.email],
        connection=server,
        headers={"Auto-Submitted": "auto-generated", "Message-ID": message_id(f"inbox-{name}")},
    )


_send_due = Mails(InboxMail, ("user", "team"), mail_of).send_due


def _subject(new: list[Told]) -> str:
    return sentence(new[0]) if len(new) == 1 else f"{counted(len(new), 'thing')} for you"


def _paragraph(one: Told) -> str:
    said = " ".join(sentence(one).split())  # a name with a line's end must not look like lines of ours
    parts = [said, *([f"  {one.excerpt}"] if one.excerpt else []), f"  {settings.PUBLIC_URL}{one.address}"]
    return "\n".join(parts)


def _inbox_url(team: Team) -> str:
    return f"{settings.PUBLIC_URL}{reverse('inbox', args=[team.slug])}"
