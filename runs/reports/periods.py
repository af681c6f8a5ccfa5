"""The periods that reports are about: whole weeks from Monday on and whole months, in UTC. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from runs.models import ReportKind

DUE_HOUR = 6
"""In UTC, on the day after the period: by then what its last runs cost is booked, but for calls of unknown outcome."""
DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Period:
    """From ``begins`` up to and without ``until``."""

    kind: ReportKind
    begins: date
    until: date

    @property
    def last_day(self) -> date:
        return self.until - DAY

    @property
    def month(self) -> date:
        """The month whose budget it is told against: the one of its last day."""
        return self.last_day.replace(day=1)

    @property
    def due_at(self) -> datetime:
        return datetime.combine(self.until, time(DUE_HOUR), UTC)

    @property
    def before(self) -> Period:
        """The one that ended where this one begins."""
        return _ended(self.kind, self.begins)

    @property
    def in_words(self) -> str:
        """As in "spent in ...": "November 2026", "the week 23-29 Nov 2026"."""
        if self.kind == ReportKind.MONTH:
            return f"{self.begins:%B %Y}"
        since = (
            f"{self.begins.day}" if self.begins.month == self.last_day.month else f"{self.begins.day} {self.begins:%b}"
        )
        return f"the week {since}-{self.last_day.day} {self.last_day:%b %Y}"


def last_period(kind: ReportKind, now: datetime) -> Period:
    """The last one whose report is due by then."""
    return _ended(kind, (now.astimezone(UTC) - timedelta(hours=DUE_HOUR)).date())


def ended_by(kind: ReportKind, now: datetime) -> Period:
    """The last one that is over, whether or not its report is due."""
    return _ended(kind, now.astimezone(UTC).date())


def period_of(kind: ReportKind, begins: date) -> Period:
    """The one that begins on that day, which is a Monday or a month's first day."""
    until = begins + WEEK if kind == ReportKind.WEEK else (begins + 31 * DAY).replace(day=1)
    return Period(kind, begins, until)


def _ended(kind: ReportKind, day: date) -> Period:
    """The last one that ended before the day."""
    if kind == ReportKind.WEEK:
        return period_of(kind, day - day.weekday() * DAY - WEEK)
    return period_of(kind, (day.replace(day=1) - DAY).replace(day=1))
