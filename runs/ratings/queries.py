"""Reads of a run's ratings."""

from __future__ import annotations

from runs.models import Rating, Run

SHOWN_RATINGS = 100


def ratings_of(run: Run) -> list[Rating]:
    """The newest, with who gave them."""
    given = Rating.objects.filter(run=run).select_related("person", "token")
    return list(given.order_by("-rated_at", "-pk")[:SHOWN_RATINGS])
