"""What a list of comments shows: forms, and what others said, each with who may change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runs.comments.actions import MAX_COMMENTS
from runs.comments.forms import CommentForm
from runs.comments.queries import comments_of
from runs.models import Comment
from runs.telling.subjects import Subject
from teams.access import Principal


@dataclass(frozen=True, slots=True)
class CommentLine:
    """A comment. ``form`` is there for its author, and open if it was refused."""

    comment: Comment
    address: str
    form: CommentForm | None
    may_remove: bool


@dataclass(frozen=True, slots=True)
class CommentsPart:
    subject: Subject
    lines: Sequence[CommentLine]
    form: CommentForm | None  # None: there is no room for more
    said: str


def comments_part(
    who: Principal, subject: Subject, *, refused: CommentForm | None = None, of: Comment | None = None, said: str = ""
) -> CommentsPart:
    """Two queries. ``refused`` is a form that was sent: a new comment's, or that of the comment ``of``."""
    comments = comments_of(subject)
    new = refused if refused is not None and of is None else CommentForm(who.team.slug)
    is_full = len(comments) >= MAX_COMMENTS and not new.is_bound
    lines = [_line(who, subject, one, refused, of) for one in comments]
    return CommentsPart(subject, lines, None if is_full else new, said)


def _line(
    who: Principal, subject: Subject, comment: Comment, refused: CommentForm | None, of: Comment | None
) -> CommentLine:
    is_own = comment.author_id == who.user.pk
    form = refused if of == comment else CommentForm(who.team.slug, comment=comment.pk, text=comment.text)
    return CommentLine(comment, subject.address_of(comment), form if is_own else None, is_own or who.can_own)
