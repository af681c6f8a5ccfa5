"""Whose turn it is: which run a worker takes next, and which runs are rung for again. The lease is ``claim``'s."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection

from runs.bounds.runs_at_once import FULL_TEAMS
from runs.models import Run
from runs.sql import statement
from runs.worker.claim import claim

SUSPECT_FROM = 2
"""A run whose workers were lost this often in a row may be what takes them down."""
SEEN_IN_LINE = 8
MOST_LOOKS = 5
ANY_NUMBER = 32_767

# The runs whose turn it is: first those that were under way and lost their worker. Then each team's queue in its own
# order, the team with the fewest runs in progress first, so that a long queue of one team is no queue for another. No
# more of a team than it has places.
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
        SELECT team.id, under_way.runs, capped.runs_at_once - under_way.runs AS places
        FROM team JOIN teams_team AS capped ON capped.id = team.id CROSS JOIN LATERAL (
            SELECT count(*) AS runs FROM runs_run WHERE team_id = team.id AND state = 'running') AS under_way
        WHERE team.id <> ALL(%(full)s)),
    queued AS (
        SELECT next.id, busy.runs + next.place AS turn FROM busy CROSS JOIN LATERAL (
            SELECT id, row_number() OVER (ORDER BY rank, id) AS place FROM runs_run
            WHERE team_id = busy.id AND state = 'queued' ORDER BY rank, id
            LIMIT greatest(0, least(%(most)s, busy.places))) AS next)
    SELECT id FROM ((SELECT id, 0 AS turn FROM orphan) UNION ALL (SELECT id, turn FROM queued)) AS run
    ORDER BY turn, id LIMIT %(most)s
"""

# Runs that could go on but that nobody holds, last rung for too long ago. They count as rung for from now on.
RING_AGAIN = statement(
    """
    WITH idle AS (
        SELECT id FROM runs_run
        WHERE state IN ('queued', 'running') AND (lease_until IS NULL OR lease_until < clock_timestamp())
          AND (state = 'running' OR team_id NOT IN ({full_teams}))
          AND (rung_at IS NULL OR rung_at < clock_timestamp() - make_interval(secs => %(patience_s)s))
        ORDER BY rung_at NULLS FIRST LIMIT %(most)s FOR UPDATE SKIP LOCKED)
    UPDATE runs_run SET rung_at = clock_timestamp() FROM idle WHERE runs_run.id = idle.id RETURNING runs_run.id
    """,
    full_teams=FULL_TEAMS,
)


def claim_next(*, owner: str, full: Collection[int] = (), wary: bool = False) -> Run | None:
    """The run whose turn it is, now leased to ``owner``; None if there is none. ``full``: teams that get no more here,
    beside those whose cap is reached.

    ``wary``: no run that may be what takes workers down, because one is held already; else a harmless run that was only
    held beside it would be given up with it. Workers that claim at once see the same line, so one that finds all of it
    taken looks again.
    """
    parameters: dict[str, Any] = {
        "full": list(full),
        "most": SEEN_IN_LINE,
        "suspect_from": SUSPECT_FROM if wary else ANY_NUMBER,
    }
    for _ in range(MOST_LOOKS):
        with connection.cursor() as cursor:
            cursor.execute(IN_LINE, parameters)
            in_line = [row[0] for row in cursor.fetchall()]
        if not in_line:
            return None
        for run_id in in_line:
            if run := claim(run_id, owner=owner):
                return run
    return None


def ring_again(*, patience_s: float, most: int = 500) -> list[UUID]:
    """Runs that could go on but that nobody holds, last rung for more than ``patience_s`` ago. The caller rings."""
    with connection.cursor() as cursor:
        cursor.execute(RING_AGAIN, {"patience_s": patience_s, "most": most})
        return [row[0] for row in cursor.fetchall()]
