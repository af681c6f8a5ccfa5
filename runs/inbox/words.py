"""Entries of inboxes in words, as pages and mails say them."""

from __future__ import annotations

from runs.inbox.queries import Told
from runs.models import InboxKind

GONE = "Somebody who has left"


def sentence(one: Told) -> str:
    """What happened, without the excerpt."""
    match one.kind:
        case InboxKind.MENTION:
            return f"{one.person or GONE} named you in a comment on {one.what}"
        case InboxKind.COMMENT:
            return f"{one.person or GONE} commented {one.what}"
        case InboxKind.WAITS:
            return f"{one.what[:1].upper()}{one.what[1:]} waits for a person"
        case InboxKind.ALERT | InboxKind.SCHEDULE:
            return one.what
