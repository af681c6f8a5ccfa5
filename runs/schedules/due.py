"""What sweepers do for schedules: launch those whose time has come, and turn off those that may not go on.

One schedule is one transaction that holds its row: what became of its time, its next time and the run or batch are
kept together or not at all. So whoever is killed loses none, and of two sweepers one skips the row. What is meant to
happen when is reckoned from ``now``, which is the database's clock.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.http import Http404
from psycopg.sql import SQL

from runs.feeding.launchers import Launcher, able
from runs.models import Batch, Run, Schedule, ScheduleTime
from runs.months import now as database_now
from runs.schedules import words
from runs.schedules.launching import launch_now
from runs.schedules.times import Due, Timetable, timetable
from runs.schedules.times_kept import forget_old, keep, keep_missed, leave_out_waiting
from runs.sql import statement
from runs.states import Overlap, ScheduleOff, TimeOutcome
from runs.telling.entries import tell_of_schedule
from teams.access import Principal
from teams.models import Role
from teams.refusals import Refusal

log = logging.getLogger(__name__)

AT_ONCE = 20
"""Schedules of one look: a sweep has other things to do."""
LOOK_S = 10.0
"""A look begins no further launch after so long: a batch of thousands of rows takes seconds, and runs are rescued by
the same thread. The next look goes on."""
GRACE = timedelta(minutes=5)
"""A time that is looked at so much later was missed: no worker was there."""
MOST_LISTED = 100
"""Missed times that are kept one by one; the oldest of them stands for those before."""

# One of its last launches has not ended.
_UNDER_WAY = SQL("""
    EXISTS (
        SELECT FROM (
            SELECT run_id, batch_id FROM runs_scheduletime
            WHERE schedule_id = schedule.id AND outcome IN ('launched', 'asked') ORDER BY id DESC LIMIT 20) AS last
        LEFT JOIN runs_run AS run ON run.id = last.run_id
        LEFT JOIN runs_batch AS batch ON batch.id = last.batch_id
        WHERE run.state IN ('queued', 'running', 'waiting') OR batch.state IN ('running', 'paused'))
""")
# Schedules that have something to do: their time has come, what their waiting launch waited for has ended, or they may
# not go on. One of each team before a second one of any.
TO_DO = statement(
    """
    SELECT schedule.id FROM runs_schedule AS schedule
    JOIN agents_app_crew AS crew ON crew.id = schedule.crew_id
    LEFT JOIN runs_dataset AS kept ON kept.id = schedule.data_set_id
    WHERE schedule.off_for = '' AND (
        schedule.next_at <= %(now)s
        OR (schedule.waiting_since IS NOT NULL AND NOT {under_way})
        OR crew.archived_at IS NOT NULL OR kept.archived_at IS NOT NULL
        OR NOT EXISTS (
            SELECT FROM teams_membership AS member JOIN teams_user AS person ON person.id = member.user_id
            WHERE member.team_id = schedule.team_id AND member.user_id = schedule.owner_id
              AND member.role >= %(role)s AND person.is_active)
        OR EXISTS (
            SELECT FROM teams_apitoken AS token WHERE token.id = schedule.api_token_id
              AND (token.revoked_at IS NOT NULL OR token.expires_at <= clock_timestamp())))
    ORDER BY row_number() OVER (PARTITION BY schedule.team_id ORDER BY schedule.next_at), schedule.next_at
    LIMIT %(most)s
    """,
    under_way=_UNDER_WAY,
)
IS_UNDER_WAY = statement(
    "SELECT {under_way} FROM runs_schedule AS schedule WHERE schedule.id = %(schedule)s", under_way=_UNDER_WAY
)


def launch_due() -> int:
    """A sweeper's look; returns how many schedules had something to do, up to ``AT_ONCE``."""
    return look(database_now())


def look(now: datetime) -> int:
    until = monotonic() + LOOK_S
    with connection.cursor() as cursor:
        cursor.execute(TO_DO, {"now": now, "role": int(Role.RUNNER), "most": AT_ONCE})
        ids = [row[0] for row in cursor.fetchall()]
    for schedule_id in ids:
        if monotonic() > until:
            break
        try:
            attend(schedule_id, now)
        except InterfaceError:
            raise
        except DatabaseError:  # one that the database refuses keeps no other one from its time
            if not connection.is_usable():
                raise
            log.warning("A schedule was left for the next look", extra={"schedule_id": str(schedule_id)}, exc_info=True)
        except Exception:  # what cannot be read any more, as a time zone that is no more, must not keep the others
            log.exception("A schedule could not be looked at by a bug", extra={"schedule_id": str(schedule_id)})
    return len(ids)


@transaction.atomic
def attend(schedule_id: UUID, now: datetime) -> None:
    """Does what this schedule has to do; nothing where somebody else is at it, or it is off."""
    related = ("team", "crew", "version", "data_set", "data_set_version__data_set", "owner", "api_token")
    on = Schedule.objects.filter(pk=schedule_id, off_for="").select_related(*related)
    schedule = on.select_for_update(skip_locked=True, no_key=True, of=("self",)).first()
    if schedule is None:
        return
    if reason := why_off(schedule):
        turn_off(schedule, reason, now)
        return
    if schedule.waiting_since is not None and not is_under_way(schedule):
        waited, schedule.waiting_since = schedule.waiting_since, None
        ScheduleTime.objects.filter(schedule=schedule, due_at=waited, outcome=TimeOutcome.WAITING).delete()
        _launch(schedule, waited, now)
    if schedule.next_at is not None and schedule.next_at <= now:
        _times_have_come(schedule, schedule.next_at, now)
    if schedule.next_at is None:
        turn_off(schedule, ScheduleOff.NEVER, now)
        return
    forget_old(schedule)
    schedule.save(update_fields=["next_at", "waiting_since", "forgotten"])


def why_off(schedule: Schedule) -> ScheduleOff | None:
    """Why it may not go on; None if it may."""
    if schedule.crew.archived_at is not None or (schedule.data_set and schedule.data_set.archived_at is not None):
        return ScheduleOff.ARCHIVED
    if not able(schedule.team, [Launcher(schedule.owner_id, schedule.api_token_id)]):
        return ScheduleOff.LEFT
    return None


def turn_off(schedule: Schedule, reason: ScheduleOff, now: datetime) -> None:
    """By itself: its owner is told, if they are still there, and the team's owners."""
    drop_waiting(schedule)
    schedule.next_at, schedule.off_for = None, reason
    schedule.revision += 1
    schedule.save(update_fields=["next_at", "waiting_since", "off_for", "revision"])
    time = keep(schedule, now, TimeOutcome.OFF, words.OFF[reason])
    tell_of_schedule(time, with_owners=True)
    log.info("Schedule turned off", extra={"schedule_id": str(schedule.pk), "reason": str(reason)})


def drop_waiting(schedule: Schedule) -> None:
    """A launch that waits is made no more. The caller saves the schedule."""
    if schedule.waiting_since is not None:
        leave_out_waiting(schedule, words.WENT_OFF)
        schedule.waiting_since = None


def is_under_way(schedule: Schedule) -> bool:
    """Whether one of its last launches has not ended. A batch that is paused has not."""
    with connection.cursor() as cursor:
        cursor.execute(IS_UNDER_WAY, {"schedule": schedule.pk})
        found: bool = cursor.fetchone()[0]
    return found


@dataclass(frozen=True, slots=True)
class Plan:
    """Which of the times that have come is launched, if any, and which were missed."""

    launched: datetime | None
    late: bool
    missed: Sequence[datetime]


def plan(due: Due, now: datetime, *, catch_up: bool) -> Plan:
    """The newest time is launched if it has just come, or if what was missed is caught up; once for all of them."""
    if not due.times:
        return Plan(None, False, ())
    *before, last = due.times
    late = now - last > GRACE
    if late and not catch_up:
        return Plan(None, False, due.times)
    return Plan(last, late, before)


def _times_have_come(schedule: Schedule, since: datetime, now: datetime) -> None:
    table = timetable(schedule.cron, schedule.time_zone)
    due = _not_kept_yet(schedule, table.due(since, now, most=MOST_LISTED))
    planned = plan(due, now, catch_up=schedule.catch_up)
    _keep_missed(schedule, planned, table, due)
    if planned.launched is not None:
        says = ""
        if planned.late:
            says = words.late((now - planned.launched).total_seconds(), len(planned.missed))
        elif planned.missed and schedule.catch_up:
            says = words.in_time_for(len(planned.missed))
        _take(schedule, planned.launched, now, says)
    schedule.next_at = table.after(now)


def _not_kept_yet(schedule: Schedule, due: Due) -> Due:
    """A clock that was set back brings times again that have been: none is launched twice."""
    own = ScheduleTime.objects.exclude(outcome__in=[TimeOutcome.ASKED, TimeOutcome.OFF])
    kept = set(own.filter(schedule=schedule, due_at__in=due.times).values_list("due_at", flat=True))
    return Due([moment for moment in due.times if moment not in kept], due.all_of_them)


def _keep_missed(schedule: Schedule, planned: Plan, table: Timetable, due: Due) -> None:
    says = words.MISSED
    if planned.launched is not None and schedule.catch_up:
        says = words.caught_up(table.in_words(planned.launched))
    keep_missed(schedule, planned.missed, says, all_of_them=due.all_of_them)


def _take(schedule: Schedule, due_at: datetime, now: datetime, says: str) -> None:
    """Launches this time, unless the launch before is still under way: then the schedule's own rule holds."""
    if not is_under_way(schedule):
        _launch(schedule, due_at, now, says)
    elif schedule.overlap == Overlap.SKIP:
        keep(schedule, due_at, TimeOutcome.SKIPPED, words.STILL_UNDER_WAY)
    elif schedule.waiting_since is not None:
        keep(schedule, due_at, TimeOutcome.SKIPPED, words.ANOTHER_WAITS)
    else:
        schedule.waiting_since = due_at
        keep(schedule, due_at, TimeOutcome.WAITING, words.WAITS)


def _launch(schedule: Schedule, due_at: datetime, now: datetime, says: str = "") -> None:
    """In the name of its owner, who is told of the first refusal in a row."""
    assert schedule.owner is not None
    who = Principal(schedule.owner, schedule.team, Role.RUNNER)
    made: dict[str, Any] = {}
    outcome = TimeOutcome.LAUNCHED
    try:
        with transaction.atomic():
            made = _as_field(launch_now(who, schedule, due_at, schedule.api_token))
    except (DatabaseError, InterfaceError):
        raise
    except Refusal as refusal:
        outcome, says = TimeOutcome.REFUSED, words.refused(refusal)
    except (PermissionDenied, Http404) as refusal:
        outcome, says = TimeOutcome.REFUSED, str(refusal)
    except Exception:  # a bug in one schedule's launch must not keep it, and those behind it, from their next times
        log.exception("A schedule could not launch by a bug", extra={"schedule_id": str(schedule.pk)})
        outcome, says = TimeOutcome.REFUSED, words.BUG
    is_first = outcome == TimeOutcome.REFUSED and not _was_refused_before(schedule)
    time = keep(schedule, due_at, outcome, says, **made)
    if is_first:
        tell_of_schedule(time)


def _was_refused_before(schedule: Schedule) -> bool:
    last = ScheduleTime.objects.filter(schedule=schedule).exclude(outcome=TimeOutcome.MISSED).order_by("-pk").first()
    return last is not None and last.outcome == TimeOutcome.REFUSED


def _as_field(made: Run | Batch) -> dict[str, Any]:
    return {"run": made} if isinstance(made, Run) else {"batch": made}
