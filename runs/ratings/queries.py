"""Reads of a run's ratings and comments."""

from __future__ import annotations

from runs.models import Comment, Rating, Run

SHOWN_RATINGS = 100


def ratings_of(run: Run) -> list[Rating]:
    """The newest, with who gave them."""
    given = Rating.objects.filter(run=run).select_related("person", "token")
    return list(given.order_by("-rated_at", "-pk")[:SHOWN_RATINGS])


def comments_of(run: Run) -> list[Comment]:
    """All of them, the oldest first; ``actions.MAX_COMMENTS`` bounds them."""
    return list(Comment.objects.filter(run=run).select_related("author", "token").order_by("pk"))
