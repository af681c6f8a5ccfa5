"""What the API takes and answers about ratings. Docstrings of schemas are shown to users of the API."""

from __future__ import annotations

from ninja import Schema
from pydantic import Field, StrictInt

from runs.api_fields import AuthorOut, TextOrNull, TimeText
from runs.models import LEAST_STARS, MOST_STARS, Rating
from runs.ratings.actions import MAX_WORD_CHARS
from teams.api.request_body import Strict


class RatingMean(Schema):
    """Of all ratings, each counted once."""

    mean: float = Field(description="from 1 to 5, rounded to four decimals")
    count: int

    @staticmethod
    def of(rating_sum: int, rating_count: int) -> RatingMean | None:
        """None without ratings."""
        if not rating_count:
            return None
        return RatingMean(mean=round(rating_sum / rating_count, 4), count=rating_count)


class RatingIn(Strict):
    stars: StrictInt = Field(ge=LEAST_STARS, le=MOST_STARS, description="1 poor, 2 weak, 3 fair, 4 good, 5 excellent")
    comment: str = Field("", max_length=MAX_WORD_CHARS, description="why, in a word; longer texts are comments")


class RatingOut(Schema):
    stars: int
    comment: TextOrNull = Field(validation_alias="word")
    by: AuthorOut
    rated_at: TimeText

    @staticmethod
    def resolve_by(rating: Rating) -> AuthorOut:
        return AuthorOut.of(rating.person, rating.token)


class RatingsOut(Schema):
    rating: RatingMean | None = Field(description="null without ratings")
    revision: str = Field(description="differs as soon as one of the ratings does")
    items: list[RatingOut] = Field(description="the newest first, at most 100")
