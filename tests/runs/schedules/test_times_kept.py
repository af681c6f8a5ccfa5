"""The history of a schedule's times: what launched stays, of what launched nothing the newest, and all are counted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents_app.models import Crew
from runs.models import InboxEntry, Run, Schedule, ScheduleTime
from runs.schedules import times_kept
from runs.schedules.due import look
from runs.schedules.times_kept import counts_of
from teams.models import Team
from tests.cast import Cast
from tests.pages import html, signed_in
from tests.runs.batches.made import end
from tests.runs.schedules.made import HOUR, TEN, became, hourly
from tests.teams.api.test_if_match import Api

pytestmark = pytest.mark.django_db


def lines(schedule: Schedule, outcome: str, count: int, *, before: int = 0) -> None:
    """``count`` of its times that are long past."""
    start = TEN - timedelta(days=400) + before * HOUR
    ScheduleTime.objects.bulk_create(
        ScheduleTime(schedule=schedule, due_at=start + at * HOUR, outcome=outcome) for at in range(count)
    )


def kept(schedule: Schedule) -> dict[str, int]:
    found: dict[str, int] = {}
    for outcome in schedule.times.values_list("outcome", flat=True):
        found[outcome] = found.get(outcome, 0) + 1
    return found


def test_the_oldest_that_launched_nothing_go_some_at_a_time_and_are_counted(
    cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times_kept, "MOST_IDLE", 10)
    monkeypatch.setattr(times_kept, "FORGOTTEN_AT_ONCE", 4)
    schedule, other = hourly(cast.runner, crew), hourly(cast.runner, crew, name="Other", next_at=TEN + 99 * HOUR)
    lines(schedule, "missed", 3)
    schedule.times.filter(pk=schedule.times.earliest("pk").pk).update(earlier=True)
    lines(schedule, "launched", 5, before=3)
    lines(schedule, "skipped", 12, before=8)
    lines(other, "skipped", 12)
    look(TEN)
    assert kept(schedule) == {"skipped": 11, "launched": 6}  # 15 of 10 that stay: four went at the first look
    run = Run.objects.get()
    look(TEN + HOUR)
    schedule.refresh_from_db()
    assert kept(schedule) == {"skipped": 10, "launched": 6}
    assert became(schedule)[-1] == ("11:00", "skipped")
    assert schedule.forgotten == {"missed": 3, "skipped": 3, "earlier": 1}
    assert kept(other) == {"skipped": 12}
    said = counts_of(schedule)
    assert (said.launched, said.missed, said.skipped, said.refused, said.off) == (6, 3, 13, 0, 0)
    assert (said.forgotten, said.more_missed) == (6, True)
    assert Run.objects.get() == run
    answer = Api(cast).ask("GET", f"/schedules/{schedule.pk}").json()
    assert answer["counts"] == {
        "launched": 6,
        "skipped": 13,
        "missed": 3,
        "refused": 0,
        "off": 0,
        "forgotten": 6,
        "more_missed": True,
    }
    page = html(signed_in(cast.viewer).get(f"/t/acme/schedules/{schedule.pk}/"))
    assert "6 times launched, 13 left out, 3 or more missed." in " ".join(page.split())
    assert "6 times that launched nothing, the oldest, are listed no more." in page


def test_what_an_inbox_tells_of_stays_and_a_time_that_waits_does(
    cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times_kept, "MOST_IDLE", 1)
    schedule = hourly(cast.runner, crew, overlap="queue")
    Team.objects.filter(pk=cast.team.pk).update(launch_quota=0)
    for hours in range(3):
        look(TEN + hours * HOUR)
    assert became(schedule) == [("10:00", "refused"), ("12:00", "refused")]
    assert InboxEntry.objects.get().schedule_time == schedule.times.earliest("due_at")
    InboxEntry.objects.all().delete()
    Team.objects.filter(pk=cast.team.pk).update(launch_quota=None)
    for hours in range(3, 7):
        look(TEN + hours * HOUR)
    assert became(schedule) == [("13:00", "launched"), ("14:00", "waiting"), ("16:00", "skipped")]
    assert counts_of(schedule_now(schedule)).refused == 3
    end(Run.objects.get())
    look(TEN + 6 * HOUR)
    assert became(schedule) == [("13:00", "launched"), ("14:00", "launched"), ("16:00", "skipped")]


def schedule_now(schedule: Schedule) -> Schedule:
    return Schedule.objects.get(pk=schedule.pk)
