"""Which rows of rollups a period is made of: days as far as they lie in it as a whole, and the hours before and after.

So a busy team's month is read from some thirty days, of which there are a tenth as many rows as of hours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import LiteralString

from django.utils import timezone
from psycopg.sql import SQL, Composed

from runs.figures.scope import Period
from runs.months import midnight

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
Hours = tuple[datetime, datetime]
Days = tuple[date, date]
"""From the first to the one behind the last; never empty."""


@dataclass(frozen=True, slots=True)
class Stretches:
    """Hours and days that together are the time from ``since`` on, each moment in one of them."""

    since: datetime
    hours: Sequence[Hours]
    days: Sequence[Days]

    def values(self) -> Mapping[str, datetime | date]:
        """Parameters of what ``within`` asks for."""
        named = (("hour", self.hours), ("day", self.days))
        return {
            f"{unit}_{nth}_{end}": moment
            for unit, ranges in named
            for nth, bounds in enumerate(ranges)
            for end, moment in zip(("from", "to"), bounds, strict=True)
        }


def stretches_of(*periods: Period, by_hour: bool = False) -> Stretches:
    """``periods`` follow each other. ``by_hour``: their hours have to be told apart, so days are of no use."""
    if by_hour:
        return Stretches(periods[0].since, [(periods[0].since, periods[-1].until)], [])
    hours: list[Hours] = []
    days: list[Days] = []
    for period in periods:
        first, last = full_days(period)
        if first < last:
            days.append((first, last))
            ranges = [(period.since, midnight(first)), (midnight(last), period.until)]
        else:
            ranges = [(period.since, period.until)]
        for begin, end in ranges:
            if hours and hours[-1][1] == begin:
                hours[-1] = hours[-1][0], end
            elif begin < end:
                hours.append((begin, end))
    return Stretches(periods[0].since, hours, days)


def full_days(period: Period) -> Days:
    """The first day that lies in the period as a whole, and the first behind it that no longer does. They are the same,
    or the second is the day before, if there is none."""
    first = period.since.date()
    return first if period.since == midnight(first) else first + DAY, period.until.date()


@dataclass(frozen=True, slots=True)
class Edge:
    """The hours at an end of a period that are no whole day, and what its day has besides."""

    day: date
    hours: Hours
    others: Hours  # those of the day on the other side of the period's end

    @property
    def is_most(self) -> bool:
        """Whether fewer runs may have been launched in the others, which may lie ahead."""
        begin, end = self.others
        return min(end, timezone.now()) - begin < self.hours[1] - self.hours[0]


def edges_of(period: Period) -> list[Edge]:
    """Those that the period has, at most two. Not for a period within one day."""
    first, last = full_days(period)
    begin, end = midnight(first), midnight(last)
    before = Edge(first - DAY, (period.since, begin), (begin - DAY, period.since))
    after = Edge(last, (end, period.until), (period.until, end + DAY))
    return [edge for edge in (before, after) if edge.hours[0] < edge.hours[1]]


def full_weeks(days: Days) -> Days:
    """The first Monday from which a week lies in the days as a whole, and the Monday behind the last such week."""
    first, last = days
    monday = first + timedelta(days=-first.weekday() % 7)
    return monday, max(monday, last - timedelta(days=last.weekday()))


def within(unit: LiteralString, count: int) -> Composed:
    """The condition that the column ``unit`` ("hour" or "day") lies in one of so many stretches."""
    ranges = [SQL(f"{unit} >= %({unit}_{nth}_from)s AND {unit} < %({unit}_{nth}_to)s") for nth in range(count)]
    return SQL("({any})").format(any=SQL(" OR ").join(ranges))
