"""Reads of schedules: the list with what became of the last time of each, one, and its times in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.http import Http404

from runs.models import Schedule, ScheduleTime
from runs.months import now as database_now
from runs.paging import Page, page_of
from runs.schedules.order import order_of, why_unfit
from runs.schedules.times import Timetable, timetable
from runs.schedules.times_kept import TimeCounts, counts_of
from teams.access import Principal, fetch, visible_to
from teams.models import Role

RELATED = ("team", "crew", "version", "data_set", "data_set_version__data_set", "owner", "api_token")
SHOWN_TIMES = 50


@dataclass(frozen=True, slots=True)
class ScheduleDetail:
    """A schedule with its next times, none while it is off, and what became of its last one."""

    schedule: Schedule
    last: ScheduleTime | None
    next_times: Sequence[datetime]
    table: Timetable

    @property
    def next_in_words(self) -> list[str]:
        return [self.table.in_words(moment) for moment in self.next_times]


@dataclass(frozen=True, slots=True)
class ScheduleHistory(ScheduleDetail):
    """With a page of its times, the newest first."""

    times: Sequence[ScheduleTime]
    times_next: str
    counts: TimeCounts
    unfit: str  # why its next launch would be refused; "" if nothing is known against it


def own_schedule(who: Principal, schedule_id: object, role: Role = Role.VIEWER) -> Schedule:
    """Raises as ``fetch`` does."""
    return fetch(Schedule, who, role, pk=schedule_id, related=RELATED)


def locked_revision(schedule: Schedule) -> int:
    """The schedule's revision, which nobody changes until the transaction ends. ``Http404`` if it was removed."""
    found = Schedule.objects.select_for_update(no_key=True).filter(pk=schedule.pk)
    revision = found.values_list("revision", flat=True).first()
    if revision is None:
        raise Http404("No such schedule.")
    return revision


def list_schedules(who: Principal, *, cursor: str = "", limit: int = 50) -> Page[ScheduleDetail]:
    """The newest first. Three queries."""
    page = page_of(visible_to(who, Schedule).select_related(*RELATED), "-pk", cursor=cursor, limit=limit)
    return Page(_details(list(page.items)), page.next, page.previous)


def detail(schedule: Schedule) -> ScheduleDetail:
    return _details([schedule])[0]


def history(schedule: Schedule, *, cursor: str = "", limit: int = SHOWN_TIMES) -> ScheduleHistory:
    """Eight queries at most."""
    times = ScheduleTime.objects.filter(schedule=schedule).select_related("run", "batch", "asked_by")
    page = page_of(times, "-pk", cursor=cursor, limit=limit)
    one = detail(schedule)
    shown = (one.schedule, one.last, one.next_times, one.table)
    return ScheduleHistory(*shown, page.items, page.next, counts_of(schedule), why_unfit(order_of(schedule)))


def _details(schedules: Sequence[Schedule]) -> list[ScheduleDetail]:
    # Asked of each schedule once; asked of times it would be of all that they ever had.
    newest = ScheduleTime.objects.filter(schedule=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    ids = Schedule.objects.filter(pk__in=[one.pk for one in schedules]).values_list(Subquery(newest), flat=True)
    last = ScheduleTime.objects.filter(pk__in=list(ids)).select_related("run", "batch")
    found = {time.schedule_id: time for time in last}
    now = database_now()
    return [_detail(schedule, found.get(schedule.pk), now) for schedule in schedules]


def _detail(schedule: Schedule, last: ScheduleTime | None, now: datetime) -> ScheduleDetail:
    table = timetable(schedule.cron, schedule.time_zone)
    return ScheduleDetail(schedule, last, table.next_times(now) if schedule.is_on else [], table)
