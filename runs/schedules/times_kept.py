"""What became of a schedule's times: kept, told to webhooks, counted, and forgotten once they are many.

Times that launched something stay as long as the schedule does: they say where a run or batch comes from. Of those that
launched nothing the newest ``MOST_IDLE`` stay; how many the others were is kept with the schedule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Q
from psycopg.sql import SQL

from runs.models import Schedule, ScheduleTime
from runs.notices.schedules import announce_missed, announce_time
from runs.sql import statement
from runs.states import LAUNCHED_NOTHING, TimeOutcome

MOST_IDLE = 1_000
FORGOTTEN_AT_ONCE = 200
"""Of one schedule at one look, which keeps ``due.MOST_LISTED`` and a few at most: a long history is gone after some."""
EARLIER = "earlier"
"""Under this name it is kept how many of the forgotten stood for missed times before them."""

_IDLE = SQL("schedule_id = %(schedule)s AND outcome IN ('refused', 'skipped', 'missed', 'off')")
# The oldest first. One that an inbox tells of stays until the inbox forgets it.
FORGET = statement(
    """
    WITH gone AS (
        DELETE FROM runs_scheduletime WHERE id IN (
            SELECT id FROM runs_scheduletime AS time
            WHERE {idle}
              AND id < (SELECT id FROM runs_scheduletime WHERE {idle} ORDER BY id DESC OFFSET %(kept)s - 1 LIMIT 1)
              AND NOT EXISTS (SELECT FROM runs_inboxentry AS entry WHERE entry.schedule_time_id = time.id)
            ORDER BY id LIMIT %(most)s)
        RETURNING outcome, earlier)
    SELECT outcome, count(*), count(*) FILTER (WHERE earlier) FROM gone GROUP BY outcome
    """,
    idle=_IDLE,
)


@dataclass(frozen=True, slots=True)
class TimeCounts:
    """How many of a schedule's times launched something, by hand too, and how many nothing, forgotten ones among them.

    ``more_missed``: some of the missed ones stand for others before them, which were too many to list."""

    launched: int
    skipped: int
    missed: int
    refused: int
    off: int
    forgotten: int
    more_missed: bool


def keep(schedule: Schedule, due_at: datetime, outcome: TimeOutcome, says: str = "", **made: Any) -> ScheduleTime:
    time = ScheduleTime.objects.create(schedule=schedule, due_at=due_at, outcome=outcome, says=says, **made)
    announce_time(time)
    return time


def keep_missed(schedule: Schedule, moments: Sequence[datetime], says: str, *, all_of_them: bool) -> None:
    """``moments``, the oldest first. Where they are not all, the first stands for those before it."""
    missed = TimeOutcome.MISSED
    times = [ScheduleTime(schedule=schedule, due_at=moment, outcome=missed, says=says) for moment in moments]
    if times and not all_of_them:
        times[0].earlier = True
    announce_missed(schedule, ScheduleTime.objects.bulk_create(times))


def leave_out_waiting(schedule: Schedule, says: str) -> None:
    """What waits to be launched is launched no more."""
    for time in ScheduleTime.objects.filter(schedule=schedule, outcome=TimeOutcome.WAITING):
        time.outcome, time.says, time.schedule = TimeOutcome.SKIPPED, says, schedule
        time.save(update_fields=["outcome", "says"])
        announce_time(time)


def forget_old(schedule: Schedule) -> None:
    """The caller holds the schedule's row, and saves its ``forgotten``. Some at a time."""
    bounds: dict[str, Any] = {"schedule": schedule.pk, "kept": MOST_IDLE, "most": FORGOTTEN_AT_ONCE}
    with connection.cursor() as cursor:
        cursor.execute(FORGET, bounds)
        gone = cursor.fetchall()
    forgotten = dict(schedule.forgotten)
    for outcome, count, earlier in gone:
        forgotten[outcome] = forgotten.get(outcome, 0) + count
        forgotten[EARLIER] = forgotten.get(EARLIER, 0) + earlier
    schedule.forgotten = forgotten


def counts_of(schedule: Schedule) -> TimeCounts:
    """Two queries: one counts in an index, the other reads some more than ``MOST_IDLE`` rows at most."""
    times = ScheduleTime.objects.filter(schedule=schedule)
    launched = times.filter(outcome__in=[TimeOutcome.LAUNCHED, TimeOutcome.ASKED]).count()
    idle = times.filter(outcome__in=LAUNCHED_NOTHING).order_by().values("outcome")
    kept = {row["outcome"]: row for row in idle.annotate(n=Count("pk"), earlier=Count("pk", filter=Q(earlier=True)))}
    gone: Mapping[str, int] = schedule.forgotten

    def count(outcome: TimeOutcome) -> int:
        return (kept[outcome]["n"] if outcome in kept else 0) + gone.get(outcome, 0)

    return TimeCounts(
        launched=launched,
        **{str(outcome): count(outcome) for outcome in LAUNCHED_NOTHING},
        forgotten=sum(gone.get(outcome, 0) for outcome in LAUNCHED_NOTHING),
        more_missed=bool(gone.get(EARLIER)) or any(row["earlier"] for row in kept.values()),
    )
