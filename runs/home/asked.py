"""What the address of a page of figures asks for: a period, and real or simulated runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from runs.figures.scope import Period, last_hours
from runs.figures.sums import Grain
from runs.months import midnight

SPANS = {"24h": 24, "7d": 7 * 24, "30d": 30 * 24}
"""The usual periods in hours. They end with the present hour."""
USUAL = "7d"
MAX_DAYS = 366
DRAWN_BY_DAY = timedelta(days=62)
"""A longer period has a bar for each week: more days could not be told apart."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A period, with what was wrong with the one that was typed."""

    period: Period
    span: str  # one of ``SPANS``; "" for a period of one's own
    since: str  # as typed
    until: str
    error: str = ""
    spans = tuple(SPANS)

    @property
    def in_words(self) -> str:
        words = {"24h": "the last 24 hours", "7d": "the last 7 days", "30d": "the last 30 days"}
        return words.get(self.span) or f"{self.period.since:%-d %b %Y} to {_last_day(self.period):%-d %b %Y}"

    @property
    def query(self) -> str:
        """The address's part that asks for this period."""
        return f"span={self.span}" if self.span else urlencode({"since": self.since, "until": self.until})

    @property
    def grain(self) -> Grain:
        """What a picture of it has a bar for."""
        length = self.period.until - self.period.since
        if length <= timedelta(hours=48):
            return "hour"
        return "day" if length <= DRAWN_BY_DAY else "week"


def asked(query: Mapping[str, str], now: datetime) -> Asked:
    """A period of one's own is from the first to the last day that were typed, both within it, in UTC."""
    since, until = query.get("since", "").strip(), query.get("until", "").strip()
    span = query.get("span", USUAL)
    usual = Asked(last_hours(SPANS.get(span, SPANS[USUAL]), now), span if span in SPANS else USUAL, since, until)
    if not since and not until:
        return usual
    try:
        first = date.fromisoformat(since) if since else date.fromisoformat(until)
        last = date.fromisoformat(until) if until else now.astimezone(UTC).date()
    except ValueError:
        return _wrong(usual, "Write both days as 2026-11-30.")
    if last < first:
        return _wrong(usual, "The last day is before the first.")
    if (last - first).days >= MAX_DAYS or first.year < 2000 or last.year > 9000:
        return _wrong(usual, f"A period has at most {MAX_DAYS} days.")
    return Asked(Period(midnight(first), midnight(last + timedelta(days=1))), "", since, until)


def _wrong(usual: Asked, error: str) -> Asked:
    return Asked(usual.period, usual.span, usual.since, usual.until, f"{error} This is {usual.in_words}.")


def _last_day(period: Period) -> date:
    return (period.until - timedelta(seconds=1)).date()
