"""When a schedule launches: the times of a cron expression in a time zone. Every moment here is in UTC.

cronsim reads expressions as Debian's cron does. A time of day that a change of the clock leaves out comes right after
it, one that comes twice is the first of both; expressions with a star for minutes or hours go by real time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

MAX_CRON_CHARS = 120
SHOWN = 5
PARTS = ("minute", "hour", "day of the month", "month", "day of the week")
RULE = (
    "Give five parts: minute, hour, day of the month, month, day of the week. "
    "“30 8 * * 1-5” is 8:30 from Monday to Friday."
)
NEVER = "This never comes: no such day is in the calendar of the next fifty years."
ZONE_RULE = "Name a time zone as Europe/Berlin or UTC."
A_SECOND = timedelta(seconds=1)
FIRST_LOOK = timedelta(days=1)


class BadCron(ValueError):
    """The message says what is wrong with an expression."""


@dataclass(frozen=True, slots=True)
class Due:
    """Times that have come, the oldest first. ``all_of_them`` is false where older ones are left out."""

    times: Sequence[datetime]
    all_of_them: bool


@dataclass(frozen=True, slots=True)
class Timetable:
    """Made by ``timetable``."""

    cron: str
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime | None:
        """The first time that is later; None if none comes in fifty years."""
        return next(self._later(moment), None)

    def next_times(self, moment: datetime, count: int = SHOWN) -> list[datetime]:
        return list(islice(self._later(moment), count))

    def due(self, since: datetime, now: datetime, *, most: int) -> Due:
        """The newest times from ``since`` to ``now``. Those of long ago are not counted through one by one."""
        look = FIRST_LOOK
        while True:
            begin = max(since, now - look)
            found = list(self._between(begin, now))
            if len(found) > most:
                return Due(found[-most:], all_of_them=False)
            if begin == since:
                return Due(found, all_of_them=True)
            look *= 8

    def in_words(self, moment: datetime) -> str:
        """In the zone, with how far that is from UTC then: "Sun 25 Oct 2026, 02:30 +01:00"."""
        there = moment.astimezone(self.zone)
        offset = f"{there:%z}"
        return f"{there:%a %d %b %Y, %H:%M} {offset[:3]}:{offset[3:5]}"

    def _between(self, begin: datetime, end: datetime) -> Iterator[datetime]:
        for moment in self._later(begin - A_SECOND):
            if moment > end:
                return
            if moment >= begin:
                yield moment

    def _later(self, moment: datetime) -> Iterator[datetime]:
        # Held against each other in UTC: times of one zone are compared by their clocks, which go back in autumn.
        last = moment
        try:
            for time in CronSim(self.cron, moment.astimezone(UTC if self.zone.key == "UTC" else self.zone)):
                if (found := time.astimezone(UTC)) > last:
                    last = found
                    yield found
        except (RuntimeError, OverflowError):  # the calendar of Python ends with the year 9999
            return


def timetable(cron: str, time_zone: str) -> Timetable:
    """``BadCron`` for an expression that is none, or that never comes; ``BadZone`` for a zone that there is not."""
    return Timetable(checked_cron(cron), checked_zone(time_zone))


class BadZone(ValueError):
    """There is no such time zone."""


def checked_zone(name: str) -> ZoneInfo:
    name = name.strip()
    if name not in zones():
        raise BadZone(ZONE_RULE)
    return ZoneInfo(name)


def checked_cron(cron: str) -> str:
    """The expression with one blank between its parts. ``BadCron`` for one that is none, or that never comes."""
    parts = cron.split()
    if len(parts) != len(PARTS) or len(cron) > MAX_CRON_CHARS:
        raise BadCron(RULE)
    for at, (part, name) in enumerate(zip(parts, PARTS, strict=True)):
        alone = ["*"] * len(PARTS)
        alone[at] = part
        if not _is_readable(alone):
            raise BadCron(f"The {name}, {part[:40]}, is not as cron has it. {RULE}")
    if not _is_readable(parts) or next(_first(parts), None) is None:
        raise BadCron(NEVER)
    return " ".join(parts)


@cache
def zones() -> frozenset[str]:
    """Places and UTC; not names of files that lie beside them."""
    return frozenset(name for name in available_timezones() if "/" in name) | {"UTC"}


def _is_readable(parts: Sequence[str]) -> bool:
    try:
        CronSim(" ".join(parts), datetime(2026, 1, 1, tzinfo=UTC))
    except (CronSimError, AssertionError, TypeError, ValueError):
        return False
    return True


def _first(parts: Sequence[str]) -> Iterator[datetime]:
    return iter(CronSim(" ".join(parts), datetime.now(UTC)))
