"""What is said of a time of a schedule at which nothing was launched, as inboxes say it."""

from __future__ import annotations

from runs.models import ScheduleTime
from runs.states import TimeOutcome


def words_of(time: ScheduleTime) -> str:
    if time.outcome == TimeOutcome.OFF:
        return f"The schedule {time.schedule.name} is off. {time.says}"
    return f"The schedule {time.schedule.name} launched nothing at {time.due_at:%Y-%m-%d %H:%M} UTC. {time.says}"
