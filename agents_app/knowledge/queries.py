"""Reads of knowledge documents."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from agents_app.models import Document
from teams.access import Principal, visible_to


def documents(who: Principal) -> QuerySet[Document]:
    """The team's documents by collection and title, each with its ``passage_count``."""
    with_counts = visible_to(who, Document).select_related("uploaded_by").annotate(passage_count=Count("passages"))
    return with_counts.order_by("collection", "title", "pk")  # a grouped query ignores the model's own order
