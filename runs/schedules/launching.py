"""Launches what a schedule is for, in the name of somebody. Who may, and when, is decided by whoever calls."""

from __future__ import annotations

from datetime import datetime

from runs.batches.actions import launch_batch
from runs.batches.order import MAX_NAME_CHARS
from runs.launch.actions import launch
from runs.models import Batch, Run, Schedule
from runs.schedules.order import data_set_now, order_of, version_now
from runs.schedules.times import timetable
from teams.access import Principal
from teams.models import ApiToken
from teams.refusals import Invalid


def launch_now(who: Principal, schedule: Schedule, moment: datetime, token: ApiToken | None) -> Run | Batch:
    """The run, or the batch that is called after the schedule and the moment. Raises what refuses a launch."""
    order = order_of(schedule)
    version = version_now(order)
    if version is None:
        raise Invalid("The crew has no version.")
    kept = data_set_now(order)
    if kept is None:
        return launch(who, schedule.crew, order.one_run(version), api_token=token)
    time = f"{moment.astimezone(timetable(schedule.cron, schedule.time_zone).zone):%Y-%m-%d %H:%M}"
    name = f"{schedule.name[: MAX_NAME_CHARS - len(time) - 2]}, {time}"
    return launch_batch(who, schedule.crew, order.batch(version, kept, name), api_token=token)
