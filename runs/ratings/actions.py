"""What people say about how good a run is: rate it, take the rating back.

Whoever sees a run may rate it: that costs nothing, changes nothing of the run, and readers of its output are often the
ones who know whether it was good.

A rating says itself whose it is and of when; what changes or removes one is in the team's log.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from engine.text import storable
from runs.ledger.rollups import rated_anew
from runs.models import LEAST_STARS, MOST_STARS, ClockTimestamp, Rating, Run
from teams.access import Principal
from teams.audit.record import record
from teams.models import ApiToken
from teams.refusals import Conflict, Invalid

MAX_WORD_CHARS = 200


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
            if stars != own.stars:
                record(who, "run.rated_anew", run, name=run.called, was=own.stars, now=stars)
    return run


def take_back(who: Principal, run: Run, *, token: ApiToken | None = None) -> Run:
    """Removes the rating that ``rate`` of the same caller made, if there is one."""
    with transaction.atomic(), _kept_figures(run):
        own = own_rating(who, run, token)
        if own is not None:
            record(who, "run.rating_removed", run, name=run.called, was=own.stars)
            own.delete()
    return run


def own_rating(who: Principal, run: Run, token: ApiToken | None = None) -> Rating | None:
    """The rating that this person, or this token, gave the run."""
    given = Rating.objects.filter(run=run, token=token)
    return (given.filter(person=who.user) if token is None else given).first()


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
