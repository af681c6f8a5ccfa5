"""What webhooks are told of schedules: what became of a time, why, and where to look; never inputs or outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runs.addresses import schedule_url
from runs.models import Schedule, ScheduleTime
from runs.states import TimeOutcome
from teams.models import WebhookEvent
from teams.texts.times import time_text
from teams.webhooks.actions import announce

EVENT_OF_OUTCOME = {
    TimeOutcome.LAUNCHED: WebhookEvent.SCHEDULE_LAUNCHED,
    TimeOutcome.ASKED: WebhookEvent.SCHEDULE_LAUNCHED,
    TimeOutcome.SKIPPED: WebhookEvent.SCHEDULE_SKIPPED,
    TimeOutcome.REFUSED: WebhookEvent.SCHEDULE_REFUSED,
    TimeOutcome.OFF: WebhookEvent.SCHEDULE_OFF,
}
"""A time that waits is told of once it is launched or left out."""


def announce_time(time: ScheduleTime) -> None:
    """To be called, as the other, in the transaction that writes what became of it."""
    event = EVENT_OF_OUTCOME.get(TimeOutcome(time.outcome))
    if event is not None:
        announce(time.schedule.team_id, event, lambda: _facts(time.schedule, time, count=1))


def announce_missed(schedule: Schedule, missed: Sequence[ScheduleTime]) -> None:
    """Once for all that were missed together, the oldest first: after days of no worker they are many."""
    if missed:
        event = WebhookEvent.SCHEDULE_MISSED
        announce(schedule.team_id, event, lambda: _facts(schedule, missed[-1], count=len(missed)))


def _facts(schedule: Schedule, time: ScheduleTime, *, count: int) -> dict[str, Any]:
    return {
        "schedule": str(schedule.pk),
        "name": schedule.name,
        "crew": schedule.crew.slug,
        "dataset": schedule.set_name,
        "cron": schedule.cron,
        "time_zone": schedule.time_zone,
        "due_at": time_text(time.due_at),
        "outcome": str(time.outcome),
        "times": count,
        "reason": time.says or None,
        "by_hand": time.outcome == TimeOutcome.ASKED,
        "run": None if time.run_id is None else str(time.run_id),
        "batch": None if time.batch_id is None else str(time.batch_id),
        "url": schedule_url(schedule),
    }
