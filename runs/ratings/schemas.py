"""What the API takes and answers about ratings and comments. Docstrings of schemas are shown to users of the API."""

from __future__ import annotations

from typing import Any

from ninja import Schema
from pydantic import Field, StrictInt

from runs.api_fields import TextOrNull, TimeText, TimeTextOrNull
from runs.models import LEAST_STARS, MOST_STARS, Comment, Rating
from runs.ratings.actions import MAX_COMMENT_CHARS, MAX_WORD_CHARS
from teams.api.if_match import digest
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


class AuthorOut(Schema):
    """Who said it. Of a token also its name, since a program that judges is not the person whose token it has."""

    person: str | None = Field(description="null for somebody who is gone")
    token: str | None = Field(description="null for what was said on a page")

    @staticmethod
    def of(person: Any, token: Any) -> AuthorOut:
        return AuthorOut(person=person and str(person), token=token and (token.name or str(token)))


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


class CommentIn(Strict):
    text: str = Field(min_length=1, max_length=MAX_COMMENT_CHARS)


class CommentOut(Schema):
    id: int
    revision: str = Field(description="of the text")
    text: str
    by: AuthorOut
    written_at: TimeText
    edited_at: TimeTextOrNull

    @staticmethod
    def resolve_revision(comment: Comment) -> str:
        return digest(comment.text)

    @staticmethod
    def resolve_by(comment: Comment) -> AuthorOut:
        return AuthorOut.of(comment.author, comment.token)


class CommentList(Schema):
    items: list[CommentOut] = Field(description="the oldest first")
