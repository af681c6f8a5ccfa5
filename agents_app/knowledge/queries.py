"""Reads of knowledge documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from agents_app.models import Document, Passage
from teams.access import Principal, visible_to
from teams.refusals import Invalid

PARTS_A_PAGE = 50
MAX_DIGITS = 9
"""Of a part's number in a cursor."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A page of a document's text. ``next`` is the cursor of the following one."""

    items: Sequence[Passage]
    next: str | None


def documents(who: Principal) -> QuerySet[Document]:
    """The team's documents by collection and title, each with its ``passage_count``."""
    with_counts = visible_to(who, Document).select_related("uploaded_by").annotate(passage_count=Count("passages"))
    return with_counts.order_by("collection", "title", "pk")  # a grouped query ignores the model's own order


def parts_of(document: Document, *, cursor: str = "", limit: int = PARTS_A_PAGE) -> Parts:
    """Behind the part whose number is the cursor. ``Invalid`` for one that is no number."""
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= MAX_DIGITS):
        raise Invalid("The cursor is not one of ours.", fields={"cursor": "Start from the first page."})
    behind = document.passages.defer("search").filter(position__gt=int(cursor or 0)).order_by("position")
    found = list(behind[: limit + 1])
    items = found[:limit]
    return Parts(items, str(items[-1].position) if len(found) > limit else None)
