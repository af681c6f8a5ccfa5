"""What the API takes and answers about comments. Docstrings of schemas are shown to users of the API."""

from __future__ import annotations

from ninja import Schema
from pydantic import Field

from runs.api_fields import AuthorOut, TimeText, TimeTextOrNull
from runs.comments.actions import MAX_COMMENT_CHARS
from runs.models import Comment
from teams.api.if_match import digest
from teams.api.request_body import Strict


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
