"""Times of cron expressions: changes of the clock both ways, dates that never come, and many that have come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runs.schedules.due import GRACE, plan
from runs.schedules.times import NEVER, BadCron, BadZone, Due, checked_cron, timetable, zones

BERLIN = "Europe/Berlin"


def at(day: int, hour: int, minute: int = 0, *, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def said(cron: str, moment: datetime, count: int = 3) -> list[str]:
    table = timetable(cron, BERLIN)
    return [table.in_words(time) for time in table.next_times(moment, count)]


def test_a_time_that_the_clock_leaves_out_comes_right_after_it() -> None:
    assert said("30 2 * * *", at(28, 0, month=3)) == [
        "Sat 28 Mar 2026, 02:30 +01:00",
        "Sun 29 Mar 2026, 03:00 +02:00",
        "Mon 30 Mar 2026, 02:30 +02:00",
    ]
    # Two times of the hour that is left out, and the hour behind it: none comes twice.
    assert said("0 2,3 * * *", at(28, 12, month=3), 2) == [
        "Sun 29 Mar 2026, 03:00 +02:00",
        "Mon 30 Mar 2026, 02:00 +02:00",
    ]


def test_a_time_that_the_clock_has_twice_comes_once_and_an_interval_goes_on() -> None:
    assert said("30 2 * * *", at(24, 12), 2) == ["Sun 25 Oct 2026, 02:30 +02:00", "Mon 26 Oct 2026, 02:30 +01:00"]
    # Asked in the hour that comes again, after its first 2:30: that has been, by a clock that shows 2:10.
    assert said("30 2 * * *", at(25, 1, 10), 1) == ["Mon 26 Oct 2026, 02:30 +01:00"]
    assert said("*/30 * * * *", at(25, 0, 10), 4) == [
        "Sun 25 Oct 2026, 02:30 +02:00",
        "Sun 25 Oct 2026, 02:00 +01:00",
        "Sun 25 Oct 2026, 02:30 +01:00",
        "Sun 25 Oct 2026, 03:00 +01:00",
    ]


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4,6 *"])
def test_a_date_that_never_comes_is_said(cron: str) -> None:
    with pytest.raises(BadCron, match="This never comes"):
        checked_cron(cron)
    assert NEVER
    assert timetable("0 0 29 2 *", "UTC").after(at(1, 0)) == datetime(2028, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "named"),
    [
        ("", "Give five parts"),
        ("* * * *", "Give five parts"),
        ("0 * * * * *", "Give five parts"),
        ("@daily", "Give five parts"),
        ("60 * * * *", "The minute, 60,"),
        ("0 24 * * *", "The hour, 24,"),
        ("0 0 32 * *", "The day of the month, 32,"),
        ("0 0 * 13 *", "The month, 13,"),
        ("0 0 * * 5L/2", "The day of the week, 5L/2,"),
        ("*/0 * * * *", "The minute, "),
        ("\u00b2 * * * *", "The minute, \u00b2,"),
        ("0 " + ",".join(["1"] * 90) + " * * *", "Give five parts"),
    ],
)
def test_what_is_wrong_is_named(cron: str, named: str) -> None:
    with pytest.raises(BadCron) as fault:
        checked_cron(cron)
    assert str(fault.value).startswith(named)


def test_zones_are_places() -> None:
    assert {"UTC", BERLIN} <= zones()
    for name in ("", "Factory", "../../etc/passwd", "Berlin", "europe/berlin", "UTC\x00"):
        with pytest.raises(BadZone):
            timetable("0 0 * * *", name)


def test_times_that_have_come_are_the_newest_of_many() -> None:
    table = timetable("*/10 * * * *", BERLIN)
    short = table.due(at(5, 9), at(5, 9, 35), most=10)
    assert (list(short.times), short.all_of_them) == ([at(5, 9, minute) for minute in (0, 10, 20, 30)], True)
    long = table.due(datetime(2020, 1, 1, tzinfo=UTC), at(5, 9), most=3)
    assert (list(long.times), long.all_of_them) == ([at(5, 8, 40), at(5, 8, 50), at(5, 9)], False)
    rare = timetable("0 0 29 2 *", "UTC").due(datetime(2020, 1, 1, tzinfo=UTC), at(5, 9), most=3)
    assert [time.year for time in rare.times] == [2020, 2024]


def test_the_newest_is_launched_if_it_has_just_come_or_what_was_missed_is_caught_up() -> None:
    times = [at(5, 8), at(5, 9), at(5, 10)]
    due = Due(times, all_of_them=True)
    just, late = at(5, 10) + GRACE, at(5, 10) + GRACE + timedelta(seconds=1)
    for catch_up in (False, True):
        now = plan(due, just, catch_up=catch_up)
        assert (now.launched, now.late, list(now.missed)) == (times[-1], False, times[:-1])
    assert plan(due, late, catch_up=False).launched is None
    assert list(plan(due, late, catch_up=False).missed) == times
    caught = plan(due, late, catch_up=True)
    assert (caught.launched, caught.late, list(caught.missed)) == (times[-1], True, times[:-1])
    assert plan(Due([], all_of_them=True), late, catch_up=True).launched is None
