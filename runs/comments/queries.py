"""Reads of comments."""

from __future__ import annotations

from django.db.models import Prefetch
from django.http import Http404

from runs.models import Comment, InboxEntry, InboxKind
from runs.telling.subjects import Subject


def comments_of(subject: Subject) -> list[Comment]:
    """All of them, the oldest first, each with who was told because it names them as ``named``;
    ``actions.MAX_COMMENTS`` bounds them. Two queries."""
    mentions = InboxEntry.objects.filter(kind=InboxKind.MENTION).select_related("user").order_by("pk")
    named = Prefetch("told", mentions, to_attr="named")
    return list(subject.comments.select_related("author", "token").prefetch_related(named).order_by("pk"))


def locked(comment: Comment) -> Comment:
    """As it is now, locked. ``Http404`` if somebody was first and removed it."""
    found = Comment.objects.select_for_update().filter(pk=comment.pk).first()
    if found is None:
        raise Http404("No such comment.")
    return found
