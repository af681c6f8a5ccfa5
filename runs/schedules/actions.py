"""What people do with schedules: set one, change it, turn it on and off, launch it now, remove it.

A schedule launches in the name of its owner. Whoever sets what it launches, or turns it on, owns it from then on, so
that nobody launches in the name of another.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.http import Http404

from agents_app.actions import cut_version
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from engine.text import storable, storable_json
from runs.batches.kept_inputs import hold
from runs.batches.mapping import of_inputs
from runs.models import Run, Schedule, ScheduleTime
from runs.money import to_nusd
from runs.months import now as database_now
from runs.schedules.due import drop_waiting, why_off
from runs.schedules.launching import launch_now
from runs.schedules.order import NOT_SAVED, ScheduleOrder, refuse_wrong, version_now
from runs.schedules.times import checked_cron, timetable
from runs.schedules.times_kept import keep
from runs.schedules.words import OFF
from runs.states import ScheduleOff, TimeOutcome
from teams.access import Principal, require
from teams.audit.record import record
from teams.models import ApiToken, Role
from teams.refusals import Conflict, Invalid

MAX_SCHEDULES = 200


@transaction.atomic
def make_schedule(
    who: Principal, order: ScheduleOrder, *, on: bool = True, api_token: ApiToken | None = None
) -> Schedule:
    """``Invalid`` names everything that is wrong. A crew without a version gets one of its draft."""
    require(who, Role.RUNNER)
    if Schedule.objects.filter(team=who.team).count() >= MAX_SCHEDULES:
        raise Invalid(f"A team has at most {MAX_SCHEDULES} schedules. Remove one that nobody needs.")
    terms = _terms(who, order)
    schedule = Schedule(team=who.team, owner=who.user, api_token=api_token, off_for=ScheduleOff.PERSON, **terms)
    if on:
        _turn_on(schedule)
    schedule.save(force_insert=True)
    record(who, "schedule.made", schedule, crew=order.crew.name, cron=schedule.cron)
    schedule.refresh_from_db()
    return schedule


@transaction.atomic
def change_schedule(
    who: Principal, schedule: Schedule, order: ScheduleOrder, *, api_token: ApiToken | None = None
) -> Schedule:
    """Everything that it launches and when, at once. One that is on goes on at the times of the new order."""
    schedule = _locked(who, schedule)
    for name, value in _terms(who, order).items():
        setattr(schedule, name, value)
    schedule.owner, schedule.api_token = who.user, api_token
    if schedule.is_on:
        _turn_on(schedule)
    record(who, "schedule.changed", schedule, cron=schedule.cron)
    return _changed(schedule)


@transaction.atomic
def pause(who: Principal, schedule: Schedule) -> Schedule:
    """Turns it off. Times that come meanwhile are not missed: they are none. ``Conflict`` if it is off."""
    schedule = _locked(who, schedule)
    if not schedule.is_on:
        raise Conflict("This schedule is off.")
    drop_waiting(schedule)
    schedule.next_at, schedule.off_for = None, ScheduleOff.PERSON
    record(who, "schedule.paused", schedule)
    return _changed(schedule)


@transaction.atomic
def resume(who: Principal, schedule: Schedule, *, api_token: ApiToken | None = None) -> Schedule:
    """Turns it on, from its next time on. ``Conflict`` if it is on, or would go off again at once."""
    schedule = _locked(who, schedule)
    if schedule.is_on:
        raise Conflict("This schedule is on.")
    schedule.owner, schedule.api_token = who.user, api_token
    _turn_on(schedule)
    if reason := why_off(schedule):
        raise Conflict(OFF[reason])
    record(who, "schedule.resumed", schedule)
    return _changed(schedule)


@transaction.atomic
def run_now(
    who: Principal, schedule: Schedule, *, api_token: ApiToken | None = None, after: str | None = None
) -> ScheduleTime:
    """Launches it at once in the name of whoever asks, whether it is on or off. Its times stay as they are.

    ``after``: the id of the newest of its times that the asker knows, "" for none: where there is a newer one it is a
    ``Conflict``, so that a form that is sent twice launches once. Raises what refuses a launch."""
    schedule = _locked(who, schedule)
    if after is not None and after != _newest_time(schedule):
        raise Conflict("It was launched meanwhile, or one of its times came. Look at that, then launch it again.")
    if why_off(schedule) == ScheduleOff.ARCHIVED:
        raise Conflict(OFF[ScheduleOff.ARCHIVED])
    moment = database_now()
    made = launch_now(who, schedule, moment, api_token)
    record(who, "schedule.launched", schedule)
    kept: dict[str, Any] = {"run": made} if isinstance(made, Run) else {"batch": made}
    return keep(schedule, moment, TimeOutcome.ASKED, asked_by=who.user, **kept)


@transaction.atomic
def remove(who: Principal, schedule: Schedule) -> None:
    """With what became of its times. Its runs and batches stay."""
    schedule = _locked(who, schedule)
    record(who, "schedule.removed", schedule)
    schedule.delete()


def _newest_time(schedule: Schedule) -> str:
    """Its id; "" if it has none."""
    newest = ScheduleTime.objects.filter(schedule=schedule).order_by("-pk").values_list("pk", flat=True).first()
    return str(newest or "")


def _terms(who: Principal, order: ScheduleOrder) -> dict[str, Any]:
    """Checked, by their names on a schedule."""
    if order.data_set is not None:
        hold(order.data_set.pk, not_done=NOT_SAVED)
    version = version_now(order) or cut_version(order.crew, by=who.user)
    taken = placeholders(CrewSpec.from_json(version.spec))
    # What is to have the crew's own value, and is no input of it, says nothing.
    columns = {name: column for name, column in of_inputs(order.columns).items() if column or name in taken}
    order = replace(order, columns=columns)
    refuse_wrong(who, order, version)
    run = order.run
    return {
        "name": storable(order.name).strip(),
        "crew": order.crew,
        "version": run.version,
        "data_set": order.data_set,
        "data_set_version": order.data_set_version,
        "inputs": {} if order.data_set else storable_json(dict(run.inputs)),
        "columns": columns,
        "cron": checked_cron(order.cron),
        "time_zone": order.time_zone.strip(),
        "overlap": order.overlap,
        "catch_up": order.catch_up,
        "simulated": run.simulated,
        "priority": run.priority,
        "run_budget_nusd": to_nusd(run.budget_usd),
        "at_limit": run.at_limit or "",
        "accepts_unpriced": run.accept_unpriced,
        **run.bounds,
        "metadata": storable_json(dict(run.metadata)),
        "max_concurrency": order.max_concurrency,
        "stop_after_failures": order.stop_after_failures,
        "budget_nusd": to_nusd(order.budget_usd),
    }


def _turn_on(schedule: Schedule) -> None:
    next_at = timetable(schedule.cron, schedule.time_zone).after(database_now())
    if next_at is None:
        raise Conflict(OFF[ScheduleOff.NEVER])
    schedule.next_at, schedule.off_for = next_at, ""


def _locked(who: Principal, schedule: Schedule) -> Schedule:
    """As it is now, locked. ``Http404`` if somebody was first and removed it."""
    require(who, Role.RUNNER)
    related = ("team", "crew", "version", "data_set", "data_set_version__data_set", "owner", "api_token")
    found = Schedule.objects.select_related(*related).select_for_update(no_key=True, of=("self",))
    locked = found.filter(pk=schedule.pk).first()
    if locked is None:
        raise Http404("No such schedule.")
    return locked


def _changed(schedule: Schedule) -> Schedule:
    schedule.revision += 1
    schedule.save()
    schedule.refresh_from_db()
    return schedule
