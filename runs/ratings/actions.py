"""What people say about a run: rate it, take the rating back, comment, edit a comment, remove one.

Whoever sees a run may rate and comment it: that costs nothing, changes nothing of the run, and readers of its output
are often the ones who know whether it was good.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from math import ceil

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import ExpressionWrapper, F, QuerySet, fields
from django.db.models.functions import Now

from engine.text import storable
from runs.ledger.rollups import rated_anew
from runs.models import LEAST_STARS, MOST_STARS, ClockTimestamp, Comment, Rating, Run
from teams.access import Principal
from teams.models import ApiToken, Membership
from teams.refusals import Conflict, Invalid, TooMany

MAX_WORD_CHARS = 200
MAX_COMMENT_CHARS = 4_000
MAX_COMMENTS = 100
"""Of one run."""
COMMENTS_AN_HOUR = 60
"""Of one person in one team, their tokens' included."""
AN_HOUR = timedelta(hours=1)


def rate(who: Principal, run: Run, *, stars: int, word: str = "", token: ApiToken | None = None) -> Run:
    """Rates an ended run, or changes the rating: the person's own, or that of the token by which a program asks.

    ``word`` says why, on one line. ``Conflict`` if the run has not ended.
    """
    word = " ".join(storable(word).split())
    if faults := _rating_faults(stars, word):
        raise Invalid("The rating was not saved.", fields=faults)
    with transaction.atomic(), _kept_figures(run):
        own = own_rating(who, run, token)
        if own is None:
            Rating.objects.create(run=run, person=who.user, token=token, stars=stars, word=word)
        else:
            Rating.objects.filter(pk=own.pk).update(stars=stars, word=word, rated_at=ClockTimestamp())
    return run


def take_back(who: Principal, run: Run, *, token: ApiToken | None = None) -> Run:
    """Removes the rating that ``rate`` of the same caller made, if there is one."""
    with transaction.atomic(), _kept_figures(run):
        own = own_rating(who, run, token)
        if own is not None:
            own.delete()
    return run


def own_rating(who: Principal, run: Run, token: ApiToken | None = None) -> Rating | None:
    """The rating that this person, or this token, gave the run."""
    given = Rating.objects.filter(run=run, token=token)
    return (given.filter(person=who.user) if token is None else given).first()


def comment(who: Principal, run: Run, text: str, *, token: ApiToken | None = None) -> Comment:
    """Adds a comment. ``Conflict`` where the run has no room for one more, ``TooMany`` if the person wrote too many."""
    text = _comment_text(text)
    with transaction.atomic():
        _take_turn(who)
        Run.objects.select_for_update().get(pk=run.pk)
        if Comment.objects.filter(run=run).count() >= MAX_COMMENTS:
            raise Conflict(f"This run has {MAX_COMMENTS} comments, and takes no more. Edit or remove one of yours.")
        return Comment.objects.create(run=run, author=who.user, token=token, text=text)


def edit_comment(who: Principal, written: Comment, text: str) -> Comment:
    """Changes one's own comment."""
    if written.author_id != who.user.pk:
        raise PermissionDenied("Only its author may edit a comment.")
    text = _comment_text(text)
    if text != written.text:
        Comment.objects.filter(pk=written.pk).update(text=text, edited_at=ClockTimestamp())
        written.refresh_from_db()
    return written


def remove_comment(who: Principal, written: Comment) -> None:
    """Removes one's own comment; owners remove any."""
    if written.author_id != who.user.pk and not who.can_own:
        raise PermissionDenied("Only its author or an owner of the team may remove a comment.")
    written.delete()


def _rating_faults(stars: int, word: str) -> dict[str, str]:
    faults = {}
    if not LEAST_STARS <= stars <= MOST_STARS:
        faults["stars"] = f"Choose a number from {LEAST_STARS} to {MOST_STARS}."
    if len(word) > MAX_WORD_CHARS:
        faults["word"] = f"At most {MAX_WORD_CHARS} characters; write a comment for more."
    return faults


@contextmanager
def _kept_figures(run: Run) -> Iterator[None]:
    """Locks the run, and writes its figures of ratings and its hour's anew from the ratings as they are afterwards."""
    locked = Run.objects.select_for_update().get(pk=run.pk)
    if not locked.ended:
        raise Conflict("This run has not ended yet. Rate it once it has.")
    before = locked.rating_sum, locked.rating_count
    yield
    stars = list(Rating.objects.filter(run=run).values_list("stars", flat=True))
    run.rating_sum, run.rating_count = sum(stars), len(stars)
    if (run.rating_sum, run.rating_count) != before:
        with rated_anew(run.pk):
            Run.objects.filter(pk=run.pk).update(rating_sum=run.rating_sum, rating_count=run.rating_count)


def _comment_text(text: str) -> str:
    text = storable(text).replace("\r\n", "\n").strip()
    if not text:
        raise Invalid("Nothing was saved.", fields={"text": "Write something."})
    if len(text) > MAX_COMMENT_CHARS:
        raise Invalid("Nothing was saved.", fields={"text": f"At most {MAX_COMMENT_CHARS:,} characters."})
    return text


def _take_turn(who: Principal) -> None:
    """To be called in the comment's transaction: until it ends, the person's other comments wait here."""
    Membership.objects.select_for_update().filter(team=who.team, user=who.user).first()
    recent = Comment.objects.filter(author=who.user, run__team=who.team, written_at__gt=Now() - AN_HOUR)
    if recent.count() >= COMMENTS_AN_HOUR:
        raise TooMany(
            f"You have written {COMMENTS_AN_HOUR} comments in the last hour. Nothing was saved; try again later.",
            retry_after_s=_room_in_s(recent),
        )


def _room_in_s(recent: QuerySet[Comment]) -> int:
    """When the hour holds one comment less."""
    left = ExpressionWrapper(F("written_at") + AN_HOUR - ClockTimestamp(), output_field=fields.DurationField())
    leaving = recent.order_by("-written_at").values_list(left, flat=True)[COMMENTS_AN_HOUR - 1]
    return max(1, ceil(leaving.total_seconds()))
