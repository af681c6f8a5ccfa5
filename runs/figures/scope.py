"""Which runs a figure is about: a team's, real or simulated, launched in a period, of all crews or of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from agents_app.models import Crew, CrewVersion
from teams.access import Principal

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Period:
    """From one full hour to another, in UTC: rollups know no less. ``until`` is the first moment that is not in it."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since != hour_of(self.since) or self.until != hour_of(self.until):
            raise ValueError(f"{self} does not begin and end at full hours")
        if self.since >= self.until:
            raise ValueError(f"{self} ends before it begins")

    @property
    def before(self) -> Period:
        """The period of the same length that ends where this one begins."""
        return Period(self.since - (self.until - self.since), self.since)


@dataclass(frozen=True, slots=True)
class Scope:
    """The runs that are summed."""

    who: Principal
    simulated: bool
    period: Period
    crew: Crew | None = None
    version: CrewVersion | None = None

    @property
    def before(self) -> Scope:
        return replace(self, period=self.period.before)


def hour_of(moment: datetime) -> datetime:
    """The full hour, in UTC, in which the moment lies."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def last_hours(hours: int, now: datetime) -> Period:
    """The present hour and those before it, so many in all."""
    until = hour_of(now) + HOUR
    return Period(until - hours * HOUR, until)
