"""Moments as the API and webhooks write them."""

from __future__ import annotations

from datetime import datetime


def time_text(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC."""
    return moment.isoformat().replace("+00:00", "Z") if moment else None
