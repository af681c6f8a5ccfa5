"""Which of what has a name a person sees."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import F, Q, QuerySet

from runs.models import SavedView, Scenario
from teams.access import Principal, visible_to

T = TypeVar("T", SavedView, Scenario)


def seen_by(who: Principal, model: type[T]) -> QuerySet[T]:
    """The team's, and the person's own in this team."""
    ours = visible_to(who, model).filter(Q(owner=None) | Q(owner=who.user))
    return ours.order_by(F("owner").asc(nulls_first=True), "name")
