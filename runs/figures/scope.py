"""Which runs a figure is about: a team's, real or simulated, launched in a period, of all crews or of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.db.models import Q

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

    def of_rollups(self, *, time: str) -> Q:
        """The condition on rows of ``RunSum`` and ``CallSum``, whose moment is in the column ``time``."""
        period = {f"{time}__gte": self.period.since, f"{time}__lt": self.period.until}
        return Q(team=self.who.team, simulated=self.simulated, **period) & self._of_crew("")

    def of_runs(self, prefix: str = "") -> Q:
        """The condition on runs; ``prefix`` leads to them from another model, such as ``run__``."""
        period = {f"{prefix}created_at__gte": self.period.since, f"{prefix}created_at__lt": self.period.until}
        whose = {f"{prefix}team": self.who.team, f"{prefix}simulated": self.simulated}
        return Q(**whose, **period) & self._of_crew(prefix)

    def _of_crew(self, prefix: str) -> Q:
        named = {f"{prefix}crew": self.crew, f"{prefix}version": self.version}
        return Q(**{name: value for name, value in named.items() if value is not None})


def hour_of(moment: datetime) -> datetime:
    """The full hour, in UTC, in which the moment lies."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def last_hours(hours: int, now: datetime) -> Period:
    """The present hour and those before it, so many in all."""
    until = hour_of(now) + HOUR
    return Period(until - hours * HOUR, until)
