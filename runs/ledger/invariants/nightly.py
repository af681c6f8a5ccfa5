"""Checks the invariants once a day, on one of the workers, and keeps what was found. The sweeper asks for it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL

from runs.ledger.invariants.check import Finding, examine
from runs.sql import statement

log = logging.getLogger(__name__)

KEPT_CHECKS = 30

_TODAY = SQL("(clock_timestamp() AT TIME ZONE 'UTC')::date")

# Claims today's check: only the first of several workers changes a row. A claim without a result is void after an hour.
CLAIM_TODAY = statement(
    """
    INSERT INTO runs_invariantcheck AS claimed (day, checked_at, violations)
    SELECT {today}, clock_timestamp(), '[]' WHERE NOT EXISTS (
        SELECT FROM runs_invariantcheck
        WHERE day = {today} AND (took_ms IS NOT NULL OR checked_at > clock_timestamp() - interval '1 hour'))
    ON CONFLICT (day) DO UPDATE SET checked_at = excluded.checked_at
    WHERE claimed.took_ms IS NULL AND claimed.checked_at < excluded.checked_at - interval '1 hour'
    """,
    today=_TODAY,
)

# Keeps what a check found, in place of an earlier one of the day.
RECORD = statement(
    """
    INSERT INTO runs_invariantcheck (day, checked_at, took_ms, violations)
    VALUES ({today}, clock_timestamp(), %(took_ms)s, %(violations)s)
    ON CONFLICT (day) DO UPDATE
    SET checked_at = excluded.checked_at, took_ms = excluded.took_ms, violations = excluded.violations
    """,
    today=_TODAY,
)

# Keeps the newest checks alone.
FORGET_OLD = """
    DELETE FROM runs_invariantcheck
    WHERE day NOT IN (SELECT day FROM runs_invariantcheck ORDER BY day DESC LIMIT %(kept)s)
"""


LAST_CHECK = """
    SELECT violations::text, extract(epoch FROM clock_timestamp() - checked_at)::float8
    FROM runs_invariantcheck WHERE took_ms IS NOT NULL ORDER BY day DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class LastCheck:
    """A finished look, ``age_s`` ago. ``violations`` are ``InvariantCheck.violations``."""

    violations: list[dict[str, Any]]
    age_s: float


def check_once_a_day() -> threading.Thread | None:
    """Starts the day's check in a thread of its own, because a large ledger takes longer than a sweep may.

    None if a worker has begun it already.
    """
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_TODAY)
        if cursor.rowcount == 0:
            return None
    thread = threading.Thread(target=_check_and_record, name="invariants", daemon=True)
    thread.start()
    return thread


def record(findings: Iterable[Finding]) -> None:
    """Keeps how all invariants stand as the day's check, and logs those that are broken."""
    checked = list(findings)
    violations = [finding for finding in checked if finding.count]
    for finding in violations:
        rows = "; ".join(map(str, finding.rows))
        log.error("Invariant %s is broken %d times: %s", finding.name, finding.count, rows)
    kept = [{name: value for name, value in asdict(finding).items() if name != "took_ms"} for finding in violations]
    took_ms = sum(finding.took_ms for finding in checked)
    with connection.cursor() as cursor:
        cursor.execute(RECORD, {"took_ms": took_ms, "violations": json.dumps(kept)})
        cursor.execute(FORGET_OLD, {"kept": KEPT_CHECKS})


def last_check(cursor: CursorWrapper | psycopg.Cursor[Any] | None = None) -> LastCheck | None:
    """What the last finished check found. Nothing is checked again.

    ``cursor`` is for a health check, which reads through a connection of its own.
    """
    if cursor is None:
        with connection.cursor() as own_cursor:
            return last_check(own_cursor)
    cursor.execute(LAST_CHECK)
    row = cursor.fetchone()
    return LastCheck(violations=json.loads(row[0]), age_s=row[1]) if row else None


def _check_and_record() -> None:
    try:
        record(examine())
    except (DatabaseError, InterfaceError) as error:
        log.warning("Could not look at the invariants; another worker will in an hour", exc_info=error)
    except Exception:  # the outer edge of its thread: nobody above would log it
        log.exception("Looking at the invariants failed by a bug")
    finally:
        connection.close()
