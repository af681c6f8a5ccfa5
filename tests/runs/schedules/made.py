"""Schedules for tests: of the small crew, simulated, each hour, whose next time is the one that the test says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from agents_app.models import Crew
from runs.launch.order import LaunchOrder
from runs.models import Schedule, ScheduleTime
from runs.schedules.actions import make_schedule
from runs.schedules.order import ScheduleOrder
from teams.access import Principal

TEN = datetime(2026, 3, 10, 10, tzinfo=UTC)
"""A full hour. What happens when is reckoned from the ``now`` that a test gives."""
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def order(crew: Crew, **terms: Any) -> ScheduleOrder:
    run = LaunchOrder(inputs={"company": "Acme"}, simulated=True)
    usual = ScheduleOrder(name="Hourly", crew=crew, cron="0 * * * *", time_zone="UTC", run=run)
    return replace(usual, **terms)


def hourly(who: Principal, crew: Crew, *, next_at: datetime = TEN, **terms: Any) -> Schedule:
    made = make_schedule(who, order(crew, **terms))
    Schedule.objects.filter(pk=made.pk).update(next_at=next_at)
    made.refresh_from_db()
    return made


def became(schedule: Schedule) -> list[tuple[str, str]]:
    """Of its times, the oldest first, the clock and what became of each."""
    times = ScheduleTime.objects.filter(schedule=schedule).order_by("due_at", "pk")
    return [(f"{time.due_at:%H:%M}", time.outcome) for time in times]
