"""An answer that may wait for something without a thread: what it says now, and how to learn that it says more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from django.http import JsonResponse


@dataclass(frozen=True, slots=True)
class Outcome:
    """What takes the place of the first answer: its status and its JSON."""

    status: int
    content: str


class Later(JsonResponse):
    """Answered as it is at once, unless the server waits: then it awaits ``outcome``, and a None leaves it as it is.

    Our web server waits where it has a place for that and while the client is there. Other servers know nothing of it.
    """

    def __init__(self, data: Any, *, status: int, outcome: Callable[[], Awaitable[Outcome | None]]) -> None:
        super().__init__(data, status=status, content_type="application/json; charset=utf-8")
        self.outcome = outcome
