"""How moments are written for machines: in the API's answers, in webhooks and in log lines."""

from __future__ import annotations

from datetime import datetime
from typing import overload


@overload
def time_text(moment: datetime, *, timespec: str = ...) -> str: ...
@overload
def time_text(moment: datetime | None, *, timespec: str = ...) -> str | None: ...
def time_text(moment: datetime | None, *, timespec: str = "auto") -> str | None:
    """ISO 8601, with ``Z`` for UTC; None for None. ``timespec`` is that of ``datetime.isoformat``."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z") if moment else None
