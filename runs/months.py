"""Months as bills count them: in UTC, by the database's clock, named by their first day."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

from django.db import connection
from psycopg.sql import SQL

from runs.sql import statement

THIS_MONTH = SQL("date_trunc('month', statement_timestamp() AT TIME ZONE 'UTC')::date")
"""The month in which the statement runs, for composing it into SQL.

``now()`` would be the start of the transaction, and a batch of the ledger may have begun before midnight.
``clock_timestamp()`` moves on within the statement, so one statement could name two months. A statement that has
waited for a lock still names the month in which it began: what it found locked may be closed.
"""

NAME = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
READ_NOW = "SELECT clock_timestamp()"
READ_THIS_MONTH = statement("SELECT {this_month}", this_month=THIS_MONTH)


def now() -> datetime:
    """The moment by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(READ_NOW)
        moment: datetime = cursor.fetchone()[0]
    return moment


def this_month() -> date:
    """The first day of the present month."""
    with connection.cursor() as cursor:
        cursor.execute(READ_THIS_MONTH)
        month: date = cursor.fetchone()[0]
    return month


def midnight(day: date) -> datetime:
    """The moment at which the day begins, in UTC."""
    return datetime.combine(day, time(), UTC)


def month_named(name: str) -> date | None:
    """The first day of the month of this century that is called so ("2026-10"); None if none is."""
    found = NAME.fullmatch(name)
    return date(int(found[1]), int(found[2]), 1) if found else None


def month_before(month: date) -> date:
    """The first day of the month before."""
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


def month_after(month: date) -> date:
    """The first day of the next month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
