"""What the section of a run's rating and comments shows: forms, and what others said, each with who may change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runs.models import Comment, Rating, Run
from runs.ratings.actions import MAX_COMMENTS, own_rating
from runs.ratings.forms import CommentForm, RatingForm
from runs.ratings.queries import comments_of, ratings_of
from teams.access import Principal


@dataclass(frozen=True, slots=True)
class RatingPart:
    """The mean, the person's own rating, and all ratings."""

    form: RatingForm | None  # None: the run has not ended, and nobody tried
    own: Rating | None
    ratings: Sequence[Rating]
    said: str  # what was just done, for whoever cannot see the change


@dataclass(frozen=True, slots=True)
class CommentLine:
    """A comment. ``form`` is there for its author, and open if it was refused."""

    comment: Comment
    form: CommentForm | None
    may_remove: bool


@dataclass(frozen=True, slots=True)
class CommentsPart:
    lines: Sequence[CommentLine]
    form: CommentForm | None  # None: there is no room for more
    said: str


def rating_part(who: Principal, run: Run, *, refused: RatingForm | None = None, said: str = "") -> RatingPart:
    """Two queries."""
    own = own_rating(who, run)
    form = refused or RatingForm(own=own)
    return RatingPart(form if run.ended or refused else None, own, ratings_of(run), said)


def comments_part(
    who: Principal, run: Run, *, refused: CommentForm | None = None, of: Comment | None = None, said: str = ""
) -> CommentsPart:
    """One query. ``refused`` is a form that was sent: a new comment's, or that of the comment ``of``."""
    comments = comments_of(run)
    new = refused if refused is not None and of is None else CommentForm()
    is_full = len(comments) >= MAX_COMMENTS and not new.is_bound
    return CommentsPart([_line(who, one, refused, of) for one in comments], None if is_full else new, said)


def _line(who: Principal, comment: Comment, refused: CommentForm | None, of: Comment | None) -> CommentLine:
    is_own = comment.author_id == who.user.pk
    form = refused if of == comment else CommentForm(comment=comment.pk, text=comment.text)
    return CommentLine(comment, form if is_own else None, is_own or who.can_own)
