"""Which week and which month a report is about, and when it is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from runs.models import ReportKind
from runs.reports.periods import ended_by, last_period, period_of


@pytest.mark.parametrize(
    ("now", "week", "month"),
    [
        ("2026-11-30T05:59", "2026-11-16", "2026-10-01"),  # a Monday, an hour too early
        ("2026-11-30T06:00", "2026-11-23", "2026-10-01"),
        ("2026-12-01T05:59", "2026-11-23", "2026-10-01"),
        ("2026-12-01T06:00", "2026-11-23", "2026-11-01"),
        ("2026-12-06T23:59", "2026-11-23", "2026-11-01"),
        ("2027-01-01T06:00", "2026-12-21", "2026-12-01"),
        ("2028-03-01T06:00", "2028-02-21", "2028-02-01"),
    ],
)
def test_the_last_one_whose_report_is_due(now: str, week: str, month: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert last_period(ReportKind.WEEK, moment).begins.isoformat() == week
    assert last_period(ReportKind.MONTH, moment).begins.isoformat() == month
    assert last_period(ReportKind.WEEK, moment.astimezone(timezone(timedelta(hours=13)))).begins.isoformat() == week


def test_the_preview_is_of_the_last_one_that_is_over() -> None:
    assert ended_by(ReportKind.WEEK, datetime(2026, 11, 30, 0, 0, tzinfo=UTC)).begins == date(2026, 11, 23)


def test_periods_follow_one_another_without_a_gap() -> None:
    for kind, begins in ((ReportKind.WEEK, date(2026, 1, 5)), (ReportKind.MONTH, date(2026, 1, 1))):
        period = period_of(kind, begins)
        for _ in range(60):
            after = period_of(kind, period.until)
            assert after.before == period
            assert last_period(kind, after.due_at) == after
            assert last_period(kind, after.due_at - timedelta(seconds=1)) == period
            period = after


@pytest.mark.parametrize(
    ("kind", "begins", "words"),
    [
        (ReportKind.MONTH, date(2026, 11, 1), "November 2026"),
        (ReportKind.WEEK, date(2026, 11, 23), "the week 23-29 Nov 2026"),
        (ReportKind.WEEK, date(2026, 12, 28), "the week 28 Dec-3 Jan 2027"),
    ],
)
def test_in_words(kind: ReportKind, begins: date, words: str) -> None:
    assert period_of(kind, begins).in_words == words
