"""The statements that write a made-up history and that remove one."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg.sql import SQL

from runs.demo.lines import CALL_COLUMNS, RATING_COLUMNS, RUN_COLUMNS, TASK_COLUMNS
from runs.sql import listed, statement


def _copy(table: str, columns: Iterable[str]) -> str:
    return statement("COPY {table} ({columns}) FROM STDIN", table=SQL(table), columns=listed(columns))


COPY_RUNS = _copy("runs_run", RUN_COLUMNS)
COPY_RATINGS = _copy("runs_rating", RATING_COLUMNS)
COPY_TASKS = _copy("runs_taskrun", TASK_COLUMNS)
COPY_CALLS = _copy("runs_call", CALL_COLUMNS)

# So many new ids of tasks.
TASK_IDS = "SELECT nextval(pg_get_serial_sequence('runs_taskrun', 'id')) FROM generate_series(1, %(count)s)"

# What the planner knows of the tables, brought up to date after many new rows.
ANALYZE = "ANALYZE runs_run, runs_taskrun, runs_call, runs_billsum"
