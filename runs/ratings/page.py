"""What the rating of a run shows: the person's form, and what others gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runs.models import Rating, Run
from runs.ratings.actions import own_rating
from runs.ratings.forms import RatingForm
from runs.ratings.queries import ratings_of
from teams.access import Principal


@dataclass(frozen=True, slots=True)
class RatingPart:
    """The mean, the person's own rating, and all ratings."""

    form: RatingForm | None  # None: the run has not ended, and nobody tried
    own: Rating | None
    ratings: Sequence[Rating]
    said: str  # what was just done, for whoever cannot see the change
    mark: str  # another one after each change of a rating


def rating_part(who: Principal, run: Run, *, refused: RatingForm | None = None, said: str = "") -> RatingPart:
    """Two queries."""
    own = own_rating(who, run)
    form = refused or RatingForm(own=own)
    ratings = ratings_of(run)
    newest = f"{ratings[0].rated_at.timestamp():.6f}" if ratings else ""
    mark = f"{run.rating_sum}-{run.rating_count}-{newest}"
    return RatingPart(form if run.ended or refused else None, own, ratings, said, mark)
