"""What a page asks the database, seen from inside: how many queries, and the plans of the slow ones."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any


def queries_of(path: str, cookie: str) -> int:
    """How many queries the page makes, without those that set a time or a savepoint."""
    return len(_asked(path, cookie))


def plans_of_slow_queries(path: str, cookie: str, slow_ms: float) -> str:
    """The plans, with their times, of the page's queries that take longer than that."""
    from django.db import connection

    plans = []
    for sql, params, took_ms in _asked(path, cookie):
        if took_ms > slow_ms and sql.lstrip().upper().startswith(("SELECT", "WITH")):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", params)
                plan = "\n".join(row[0] for row in cursor.fetchall())
            plans.append(f"{took_ms:.0f} ms: {sql}\n{plan}")
    return "\n\n".join(plans)


def _asked(path: str, cookie: str) -> list[tuple[str, Any, float]]:
    """SQL, parameters and milliseconds of each query."""
    from django.test import Client

    asked: list[tuple[str, Any, float]] = []
    with _heard(asked):
        Client(headers={"cookie": cookie}).get(path)
    return asked


@contextmanager
def _heard(asked: list[tuple[str, Any, float]]) -> Any:
    from django.db import connection

    def hear(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")) and "set_config" not in sql:
                asked.append((sql, params, 1000 * (time.perf_counter() - began)))

    with connection.execute_wrapper(hear):
        yield
