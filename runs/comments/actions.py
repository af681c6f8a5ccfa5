"""What people say about what is in a team: comment, edit a comment, remove one.

Whoever sees a run, a crew, a version or a bill may comment it: that costs nothing and changes nothing of it, and
readers of an output are often the ones who know whether it was good.
"""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from engine.text import storable
from runs.comments.queries import locked
from runs.models import ClockTimestamp, Comment
from runs.telling.entries import tell_of_comment
from runs.telling.subjects import RELATED, Subject, subject_of
from teams.access import Principal
from teams.audit.record import record
from teams.guessing.tries import Limit, Tally, TooManyTries, count
from teams.models import ApiToken
from teams.refusals import Conflict, Invalid, TooMany

MAX_COMMENT_CHARS = 4_000
MAX_COMMENTS = 100
"""Of one run, crew, version or bill."""
COMMENTS_AN_HOUR = 60
"""Written or changed by one person in one team, their tokens' included, and those too that they removed: each may have
told people."""
WRITTEN = Limit("comments of one person in one team", COMMENTS_AN_HOUR, timedelta(hours=1))
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


def comment(who: Principal, subject: Subject, text: str, *, token: ApiToken | None = None) -> Comment:
    """Adds a comment, and tells those whom it names or concerns. ``Conflict`` where there is no room for one more,
    ``TooMany`` if the person wrote too many."""
    text = _comment_text(text)
    with transaction.atomic():
        _take_turn(who)
        with connection.cursor() as cursor:
            cursor.execute(LOCK, [subject.lock_name])
        if subject.comments.count() >= MAX_COMMENTS:
            raise Conflict(
                f"There are {MAX_COMMENTS} comments here, and no room for more. Edit or remove one of yours."
            )
        written = Comment.objects.create(**subject.key, author=who.user, token=token, text=text)
        tell_of_comment(written, subject)
        record(who, "comment.written", written, name=subject.title)
    return written


def edit_comment(who: Principal, written: Comment, text: str) -> Comment:
    """Changes one's own comment. Members whom it names now and did not name before are told. ``TooMany`` if the person
    wrote and changed too many."""
    if written.author_id != who.user.pk:
        raise PermissionDenied("Only its author may edit a comment.")
    text = _comment_text(text)
    if text != written.text:
        with transaction.atomic():
            written = locked(written)
            _take_turn(who)
            Comment.objects.filter(pk=written.pk).update(text=text, edited_at=ClockTimestamp())
            written.refresh_from_db()
            subject = _subject(written)
            tell_of_comment(written, subject, mentions_alone=True)
            record(who, "comment.edited", written, name=subject.title)
    return written


def remove_comment(who: Principal, written: Comment) -> None:
    """Removes one's own comment; owners remove any. Nobody is told of it any more."""
    if written.author_id != who.user.pk and not who.can_own:
        raise PermissionDenied("Only its author or an owner of the team may remove a comment.")
    with transaction.atomic():
        written = locked(written)
        record(who, "comment.removed", written, name=_subject(written).title)
        written.delete()


def _subject(written: Comment) -> Subject:
    return subject_of(Comment.objects.select_related(*RELATED).get(pk=written.pk))


def _comment_text(text: str) -> str:
    text = storable(text).replace("\r\n", "\n").strip()
    if not text:
        raise Invalid("Nothing was saved.", fields={"text": "Write something."})
    if len(text) > MAX_COMMENT_CHARS:
        raise Invalid("Nothing was saved.", fields={"text": f"At most {MAX_COMMENT_CHARS:,} characters."})
    return text


def _take_turn(who: Principal) -> None:
    """To be called in the comment's transaction: until it ends, the person's other comments wait here. Whoever locks a
    comment's row as well does so first."""
    try:
        count(Tally(WRITTEN, f"{who.team.pk}\n{who.user.pk}"))
    except TooManyTries as refusal:
        raise TooMany(
            f"You have written or changed {COMMENTS_AN_HOUR} comments in the last hour. Nothing was saved; try later.",
            retry_after_s=refusal.retry_after_s,
        ) from None
