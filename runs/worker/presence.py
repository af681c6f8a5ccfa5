"""Which workers there are, for operators: each notes every few seconds that it lives and how many runs it holds.

Leases, not this, decide which worker may write a run.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from runs.telemetry import watchdog

log = logging.getLogger(__name__)

NOTE_EVERY_S = 5.0
SEEN_WITHIN_S = 30
"""A worker that was silent for longer is taken for gone."""
FORGET_AFTER_S = 86_400
NEWCOMERS_SHARE = 8
"""An eighth of a process takes no run of a team that fills the rest, so that another team's run finds room."""


def most_of_one_team(capacity: int) -> int:
    """How many runs of one team a worker holds at most."""
    return capacity - capacity // NEWCOMERS_SHARE


class Presence:
    """The row of one worker process. The lease keeper's thread writes it, from ``begin`` on."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun = False
        self._is_noted = False
        self._next_at = 0.0

    def begin(self) -> None:
        """The worker takes runs from now on."""
        self._begun = True

    def note(self, *, holding: int, stopping: bool = False, still_s: float = 0.0) -> None:
        """Notes that the worker lives, if a note is due or the worker is stopping or stuck.

        ``still_s``: for how long its event loop has not moved.
        """
        is_stuck = still_s > watchdog.STUCK_S
        if not self._begun or (time.monotonic() < self._next_at and not stopping and not is_stuck):
            return
        row: dict[str, Any] = {
            "name": self._name,
            "capacity": settings.WORKER_CONCURRENCY,
            "holding": holding,
            "stopping": stopping,
            "still_s": still_s,
        }
        with connection.cursor() as cursor:
            cursor.execute(NOTE, row | {"begins": not self._is_noted})
        self._is_noted, self._next_at = True, time.monotonic() + NOTE_EVERY_S

    def leave(self) -> None:
        """Deletes the row: the worker ends as it should."""
        if not self._is_noted:
            return
        try:
            with connection.cursor() as cursor:
                cursor.execute(LEAVE, [self._name])
        except (DatabaseError, InterfaceError) as error:
            log.warning("Could not say that this worker has stopped", exc_info=error)


def count_seen(cursor: psycopg.Cursor[Any]) -> int:
    """How many workers were seen within ``SEEN_WITHIN_S`` and not stuck. The cursor is a health check's own."""
    cursor.execute(COUNT_SEEN, {"within_s": SEEN_WITHIN_S, "stuck_s": watchdog.STUCK_S})
    row = cursor.fetchone()
    return row[0] if row else 0


def forget_absent() -> None:
    """Deletes workers that were not seen for a day: they were killed, or their machine is gone."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, {"age_s": FORGET_AFTER_S})


# Notes that a worker lives. A container's processes have the same name again after a restart, so a process's first note
# begins the row anew.
NOTE = """
    INSERT INTO runs_workerseen AS worker (name, started_at, seen_at, capacity, holding, stopping, still_s)
    VALUES (%(name)s, clock_timestamp(), clock_timestamp(), %(capacity)s, %(holding)s, %(stopping)s, %(still_s)s)
    ON CONFLICT (name) DO UPDATE SET seen_at = clock_timestamp(), capacity = excluded.capacity,
        holding = excluded.holding, stopping = excluded.stopping, still_s = excluded.still_s,
        started_at = CASE WHEN %(begins)s THEN excluded.started_at ELSE worker.started_at END
"""

# Counts the workers that were seen lately and whose event loops moved.
COUNT_SEEN = """
    SELECT count(*) FROM runs_workerseen
    WHERE seen_at > clock_timestamp() - make_interval(secs => %(within_s)s) AND still_s <= %(stuck_s)s
"""

# Deletes the row of a worker that ends.
LEAVE = "DELETE FROM runs_workerseen WHERE name = %s"

# Deletes workers that were not seen for long.
FORGET = "DELETE FROM runs_workerseen WHERE seen_at < clock_timestamp() - make_interval(secs => %(age_s)s)"
