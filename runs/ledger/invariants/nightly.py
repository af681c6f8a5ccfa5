"""The look that some worker takes once a day, and what the last one found. When it is asked for is the sweeper's."""

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

from runs.ledger.invariants.check import Finding, examine

log = logging.getLogger(__name__)

KEPT_CHECKS = 30

_TODAY = "(clock_timestamp() AT TIME ZONE 'UTC')::date"

CLAIM_TODAY = f"""
    INSERT INTO runs_invariantcheck AS mine (day, checked_at, violations)
    SELECT {_TODAY}, clock_timestamp(), '[]' WHERE NOT EXISTS (
        SELECT FROM runs_invariantcheck
        WHERE day = {_TODAY} AND (took_ms IS NOT NULL OR checked_at > clock_timestamp() - interval '1 hour'))
    ON CONFLICT (day) DO UPDATE SET checked_at = excluded.checked_at
    WHERE mine.took_ms IS NULL AND mine.checked_at < excluded.checked_at - interval '1 hour'
"""  # noqa: S608 - from here
"""Only the first of several workers changes a row. Who has been at it for an hour is taken for dead."""

RECORD = f"""
    INSERT INTO runs_invariantcheck (day, checked_at, took_ms, violations)
    VALUES ({_TODAY}, clock_timestamp(), %(took_ms)s, %(violations)s)
    ON CONFLICT (day) DO UPDATE
    SET checked_at = excluded.checked_at, took_ms = excluded.took_ms, violations = excluded.violations
"""  # noqa: S608 - from here

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
    """Starts the day's look, in a thread of its own, since a large ledger takes longer than a sweep may; None if some
    worker has already."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_TODAY)
        if cursor.rowcount == 0:
            return None
    thread = threading.Thread(target=_check_and_record, name="invariants", daemon=True)
    thread.start()
    return thread


def record(findings: Iterable[Finding]) -> None:
    """Keeps what a look at all invariants found as the day's, and says in the log what is wrong."""
    looked_at = list(findings)
    violations = [finding for finding in looked_at if finding.count]
    for finding in violations:
        rows = "; ".join(map(str, finding.rows))
        log.error("Invariant %s is broken %d times: %s", finding.name, finding.count, rows)
    kept = [{name: value for name, value in asdict(finding).items() if name != "took_ms"} for finding in violations]
    took_ms = sum(finding.took_ms for finding in looked_at)
    with connection.cursor() as cursor:
        cursor.execute(RECORD, {"took_ms": took_ms, "violations": json.dumps(kept)})
        cursor.execute(FORGET_OLD, {"kept": KEPT_CHECKS})


def last_check(cursor: CursorWrapper | psycopg.Cursor[Any] | None = None) -> LastCheck | None:
    """What the last finished look found; it reads one row and does not look again.

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
    except Exception:  # an outer edge: a thread of its own
        log.exception("Looking at the invariants failed by a bug")
    finally:
        connection.close()
