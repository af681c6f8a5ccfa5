"""Times as text: moments as machines read them, and lengths of time as people say them."""

from __future__ import annotations

from datetime import datetime
from typing import overload

from engine.text import counted


@overload
def time_text(moment: datetime, *, timespec: str = ...) -> str: ...
@overload
def time_text(moment: datetime | None, *, timespec: str = ...) -> str | None: ...
def time_text(moment: datetime | None, *, timespec: str = "auto") -> str | None:
    """ISO 8601, with ``Z`` for UTC; None for None. ``timespec`` is that of ``datetime.isoformat``."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z") if moment else None


def span(seconds: int) -> str:
    """Seconds as people say them: "2 hours", "90 seconds"."""
    for name, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            return counted(seconds // length, name)
    return counted(seconds, "second")
