"""What the API takes and answers about inboxes. Docstrings of schemas are shown to users of the API."""

from __future__ import annotations

from django.conf import settings
from ninja import Schema
from pydantic import Field, StrictBool

from runs.inbox.queries import Told
from runs.inbox.words import sentence
from runs.models import InboxChoice, InboxKind, InboxWish
from teams.api.request_body import Strict
from teams.texts.times import time_text


class ToldOut(Schema):
    """One thing that the token's person is told."""

    id: int
    kind: InboxKind
    text: str = Field(description="what happened, in words")
    person: str | None = Field(description="who wrote the comment; null where there is none or they are gone")
    excerpt: str | None = Field(description="how the comment begins; null where there is none")
    url: str = Field(description="the page of what it is about")
    made_at: str
    new: bool

    @staticmethod
    def of(one: Told) -> ToldOut:
        return ToldOut(
            id=one.pk,
            kind=one.kind,
            text=sentence(one),
            person=one.person or None,
            excerpt=one.excerpt or None,
            url=f"{settings.PUBLIC_URL}{one.address}",
            made_at=time_text(one.made_at),
            new=one.is_new,
        )


class ToldList(Schema):
    items: list[ToldOut] = Field(description="the newest first")
    next: int | None
    unread: int = Field(description="of the whole inbox")


class UnreadOut(Schema):
    unread: int


class ReadOut(Schema):
    read: int = Field(description="how many were new")


class InboxChoiceIn(Strict):
    wish: InboxWish = Field(description="`mine` is what names one, waits for one or is about something of one's own")
    by_mail: StrictBool = Field(description="at most one mail in ten minutes, with all that is new")


class InboxChoiceOut(Schema):
    wish: InboxWish
    by_mail: bool

    @staticmethod
    def of(choice: InboxChoice) -> InboxChoiceOut:
        return InboxChoiceOut(wish=InboxWish(choice.wish), by_mail=choice.by_mail)
