"""A database whose clock is moved, for what happens when a month ends: its own functions of time, shadowed.

They go on as the real ones do, by as much earlier or later as ``shift`` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.backends.signals import connection_created

SHADOWED = ("now", "statement_timestamp", "clock_timestamp", "transaction_timestamp")
PATH = "clock, public, pg_catalog"


def install(execute: Any) -> None:
    """Makes the functions; whoever has ``PATH`` for its search path then lives by them."""
    execute("CREATE SCHEMA clock; CREATE TABLE clock.shift (by interval); INSERT INTO clock.shift VALUES ('0')")
    for name in SHADOWED:
        how = "VOLATILE" if name == "clock_timestamp" else "STABLE"
        execute(
            f"CREATE FUNCTION clock.{name}() RETURNS timestamptz LANGUAGE sql {how} AS "
            f"'SELECT pg_catalog.{name}() + by FROM clock.shift'"
        )


def set_clock(execute: Any, moment: datetime) -> None:
    """From now on it is this moment, and time goes on from there."""
    execute(f"UPDATE clock.shift SET by = '{moment.isoformat()}'::timestamptz - pg_catalog.clock_timestamp()")


@contextmanager
def moved_clock(moment: datetime) -> Iterator[Any]:
    """Within, every connection of this process that is opened anew, and this thread's, lives by a clock that shows this
    moment. Gives a function that sets it."""

    def follow(connection: Any, **_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET search_path = {PATH}")

    def execute(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    install(execute)
    set_clock(execute, moment)
    connection_created.connect(follow)
    follow(connection)
    try:
        yield lambda then: set_clock(execute, then)
    finally:
        connection_created.disconnect(follow)
        execute("SET search_path = DEFAULT; DROP SCHEMA clock CASCADE")
