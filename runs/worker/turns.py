"""Whose turn it is: which run a worker takes next, which are rung for again, and which wait for money no longer.

Taking one, by a lease, is ``claim``'s.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection

from runs.models import Run
from runs.worker.claim import claim

SUSPECT_FROM = 2
"""A run whose workers were lost so often in a row may be what takes them down."""
SEEN_IN_LINE = 8
MOST_LOOKS = 5
ANY_NUMBER = 32_767

IN_LINE = """
    WITH RECURSIVE orphan AS (
        SELECT id FROM runs_run
        WHERE state = 'running' AND team_id <> ALL(%(full)s)
          AND (lease_until IS NULL OR lease_until < clock_timestamp())
          AND fruitless_takeovers + (lease_until IS NOT NULL)::int < %(suspect_from)s
        ORDER BY id LIMIT %(most)s),
    team AS (
        (SELECT team_id AS id FROM runs_run WHERE state = 'queued' ORDER BY team_id LIMIT 1)
        UNION ALL
        SELECT (SELECT team_id FROM runs_run WHERE state = 'queued' AND team_id > team.id ORDER BY team_id LIMIT 1)
        FROM team WHERE team.id IS NOT NULL),
    busy AS (
        SELECT id, (SELECT count(*) FROM runs_run WHERE team_id = team.id AND state = 'running') AS runs
        FROM team WHERE id <> ALL(%(full)s)),
    queued AS (
        SELECT next.id, busy.runs + next.place AS turn FROM busy CROSS JOIN LATERAL (
            SELECT id, row_number() OVER (ORDER BY rank, id) AS place FROM runs_run
            WHERE team_id = busy.id AND state = 'queued' ORDER BY rank, id LIMIT %(most)s) AS next)
    SELECT id FROM ((SELECT id, 0 AS turn FROM orphan) UNION ALL (SELECT id, turn FROM queued)) AS run
    ORDER BY turn, id LIMIT %(most)s
"""
"""Runs that were under way first; then each team's in its own order, the team that has the fewest in progress first, so
that a long queue of one team is no queue for another."""


RING_AGAIN = """
    WITH idle AS (
        SELECT id FROM runs_run
        WHERE state IN ('queued', 'running') AND (lease_until IS NULL OR lease_until < clock_timestamp())
          AND (rung_at IS NULL OR rung_at < clock_timestamp() - make_interval(secs => %(patience_s)s))
        ORDER BY rung_at NULLS FIRST LIMIT %(most)s FOR UPDATE SKIP LOCKED)
    UPDATE runs_run SET rung_at = clock_timestamp() FROM idle WHERE runs_run.id = idle.id RETURNING runs_run.id
"""


def claim_next(*, owner: str, full: Collection[int] = (), wary: bool = False) -> Run | None:
    """The run whose turn it is, now leased to ``owner``; None if none is to be had. ``full``: teams that have enough.

    ``wary``: none that may be what takes workers down, since one is held already; else those that were only held beside
    it would be given up with it. Several who claim at once look at the same line, so whoever finds all of it taken
    looks again.
    """
    given: dict[str, Any] = {
        "full": list(full),
        "most": SEEN_IN_LINE,
        "suspect_from": SUSPECT_FROM if wary else ANY_NUMBER,
    }
    for _ in range(MOST_LOOKS):
        with connection.cursor() as cursor:
            cursor.execute(IN_LINE, given)
            waiting = [row[0] for row in cursor.fetchall()]
        if not waiting:
            return None
        for run_id in waiting:
            if run := claim(run_id, owner=owner):
                return run
    return None


def ring_again(*, patience_s: float, most: int = 500) -> list[UUID]:
    """Runs that could go on but that nobody holds, and that were last rung longer ago than ``patience_s``."""
    with connection.cursor() as cursor:
        cursor.execute(RING_AGAIN, {"patience_s": patience_s, "most": most})
        return [row[0] for row in cursor.fetchall()]
