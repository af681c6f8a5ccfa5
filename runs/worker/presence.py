"""Which workers there are: each says every few seconds that it lives, and how much it holds. Leases decide who may
write; this only tells operators.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

log = logging.getLogger(__name__)

NOTE_EVERY_S = 5.0
SEEN_WITHIN_S = 30
"""A worker that said nothing for longer is not counted on."""
FORGET_AFTER_S = 86_400
NEWCOMERS_SHARE = 8
"""One part in so many of a process takes no run of a team that fills the rest: another team's run finds it free."""


def most_of_one_team(capacity: int) -> int:
    """How many runs of one team a worker holds at most."""
    return capacity - capacity // NEWCOMERS_SHARE


class Presence:
    """One worker process's own row, which its keeper's thread writes from ``begin`` on."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun = False
        self._is_noted = False
        self._next_at = 0.0

    def begin(self) -> None:
        """The worker takes runs from now on."""
        self._begun = True

    def note(self, *, holding: int, stopping: bool = False) -> None:
        """Says that the worker lives, if it is time to, or if it begins to stop."""
        if not self._begun or (time.monotonic() < self._next_at and not stopping):
            return
        given: dict[str, Any] = {
            "name": self._name,
            "capacity": settings.WORKER_CONCURRENCY,
            "holding": holding,
            "stopping": stopping,
        }
        with connection.cursor() as cursor:
            cursor.execute(NOTE, given | {"begins": not self._is_noted})
        self._is_noted, self._next_at = True, time.monotonic() + NOTE_EVERY_S

    def leave(self) -> None:
        """Takes the row away, since the worker ends as it should."""
        if not self._is_noted:
            return
        try:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM runs_workerseen WHERE name = %s", [self._name])
        except (DatabaseError, InterfaceError) as error:
            log.warning("Could not say that this worker has stopped", exc_info=error)


def count_seen(cursor: psycopg.Cursor[Any]) -> int:
    """How many workers were seen within ``SEEN_WITHIN_S``. The cursor is a health check's own."""
    cursor.execute(COUNT_SEEN, {"within_s": SEEN_WITHIN_S})
    row = cursor.fetchone()
    return row[0] if row else 0


def forget_absent() -> None:
    """Removes workers that have not been seen for a day: they were killed, or their machine is gone."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, {"age_s": FORGET_AFTER_S})


NOTE = """
    INSERT INTO runs_workerseen AS worker (name, started_at, seen_at, capacity, holding, stopping)
    VALUES (%(name)s, clock_timestamp(), clock_timestamp(), %(capacity)s, %(holding)s, %(stopping)s)
    ON CONFLICT (name) DO UPDATE SET seen_at = clock_timestamp(), capacity = excluded.capacity,
        holding = excluded.holding, stopping = excluded.stopping,
        started_at = CASE WHEN %(begins)s THEN excluded.started_at ELSE worker.started_at END
"""
"""A container's processes have the same name again after a restart: their first word begins the row anew."""

COUNT_SEEN = """
    SELECT count(*) FROM runs_workerseen WHERE seen_at > clock_timestamp() - make_interval(secs => %(within_s)s)
"""

FORGET = """
    DELETE FROM runs_workerseen WHERE seen_at < clock_timestamp() - make_interval(secs => %(age_s)s)
"""
