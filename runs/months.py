"""Months as bills count them: in UTC, by the database's clock, named by their first day."""

from __future__ import annotations

from datetime import date, datetime

from django.db import connection
from psycopg.sql import SQL

from runs.sql import statement

THIS_MONTH = SQL("date_trunc('month', statement_timestamp() AT TIME ZONE 'UTC')::date")
"""The month in which the statement runs, for composing it into SQL.

``now()`` would be the start of the transaction, and a batch of the ledger may have begun before midnight.
``clock_timestamp()`` moves on within the statement, so one statement could name two months.
"""

MONTH_AFTER_LOCK = SQL("date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')::date")
"""The month after the statement has waited for a lock, in which a month may have ended and been closed. A statement
reads it at one place."""

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
