"""Removes the texts of runs that ended long ago. What they used, cost and took is never removed.

Texts are a run's inputs, outputs and errors, the messages, replies, arguments and results of its calls, and what people
were asked and wrote in reply, and inputs of rows that a cancelled batch never started. Labels of the launch, error
codes and all figures stay.
"""

from __future__ import annotations

import time
from uuid import UUID

from django.db import connection, transaction

from teams.models import Team

RUNS_AT_ONCE = 50
"""Of one transaction: it holds their locks, and a run may have thousands of calls."""
SECONDS_A_SWEEP = 1.0
EVERY_S = 60.0

# Runs whose texts are older than their teams keep them, the oldest of each team first.
DUE = """
    SELECT due.id FROM teams_team AS team CROSS JOIN LATERAL (
        SELECT id FROM runs_run
        WHERE team_id = team.id AND texts_removed_at IS NULL AND finished_at IS NOT NULL
          AND finished_at < statement_timestamp() - make_interval(days => team.keep_texts_days)
        ORDER BY finished_at LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED
    ) AS due
    WHERE team.keep_texts_days IS NOT NULL LIMIT %(most)s
"""
# The same of one team, by a number of days that is not the team's own.
DUE_OF_TEAM = """
    SELECT id FROM runs_run
    WHERE team_id = %(team)s AND texts_removed_at IS NULL AND finished_at IS NOT NULL
      AND finished_at < statement_timestamp() - make_interval(days => %(days)s)
    ORDER BY finished_at LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED
"""
# Nothing is reused whose text is gone, so cache keys go too.
STATEMENTS = (
    """
    UPDATE runs_call SET messages = '[]', reply = NULL, arguments = '', tool_output = '', error = '', cache_key = ''
    WHERE run_id = ANY(%(runs)s)
    """,
    """
    UPDATE runs_review SET answer = '', comment = ''
    WHERE task_run_id IN (SELECT id FROM runs_taskrun WHERE run_id = ANY(%(runs)s))
    """,
    """
    UPDATE runs_taskrun SET output_raw = '', output_json = NULL, output_note = '', error = '',
        cache_key = ''
    WHERE run_id = ANY(%(runs)s)
    """,
    """
    UPDATE runs_batchrow SET inputs = '{}' WHERE run_id = ANY(%(runs)s)
    """,
    """
    UPDATE runs_run SET inputs = '{}', output_raw = '', output_json = NULL, error = '',
        texts_removed_at = statement_timestamp(), revision = revision + 1
    WHERE id = ANY(%(runs)s)
    """,
)

# Inputs of rows that a cancelled batch will never start, like the texts of a run that ended when it was cancelled.
ROWS_DUE = """
    WITH due AS (
        SELECT batch.id FROM runs_batch AS batch JOIN teams_team AS team ON team.id = batch.team_id
        WHERE batch.state = 'cancelled' AND batch.texts_removed_at IS NULL
          AND team.id = coalesce(%(team)s, team.id)
          AND batch.finished_at < statement_timestamp()
              - make_interval(days => coalesce(%(days)s, team.keep_texts_days)::int)
        LIMIT %(most)s FOR NO KEY UPDATE OF batch SKIP LOCKED),
    emptied AS (
        UPDATE runs_batchrow SET inputs = '{}' FROM due WHERE batch_id = due.id AND run_id IS NULL)
    UPDATE runs_batch SET texts_removed_at = statement_timestamp(), revision = revision + 1
    FROM due WHERE runs_batch.id = due.id
"""


class _Due:
    """``at``: by this process's clock."""

    at = 0.0


def remove_now_and_then() -> None:
    """``remove_due`` for a second, at most once in ``EVERY_S`` seconds of this process."""
    if time.monotonic() >= _Due.at:
        _Due.at = time.monotonic() + EVERY_S
        remove_due(within_s=SECONDS_A_SWEEP)


def remove_due(*, within_s: float) -> int:
    """Removes texts that are older than their teams keep them, and says of how many runs. What does not fit into the
    time is left for the next look; any number of processes may look at once."""
    until = time.monotonic() + within_s
    _remove_rows()
    removed = 0
    while count := _remove(DUE, {}):
        removed += count
        if time.monotonic() >= until:
            break
    return removed


def remove_older(team: Team, *, days: int) -> int:
    """Removes the texts of the team's runs that ended more than ``days`` ago, whatever the team has set."""
    _remove_rows(team=team.pk, days=days)
    removed = 0
    while count := _remove(DUE_OF_TEAM, {"team": team.pk, "days": days}):
        removed += count
    return removed


def _remove_rows(*, team: int | None = None, days: int | None = None) -> None:
    """Of rows that will never start. ``team`` and ``days``: of one team, whatever it has set."""
    with connection.cursor() as cursor:
        cursor.execute(ROWS_DUE, {"team": team, "days": days, "most": RUNS_AT_ONCE})


@transaction.atomic
def _remove(due: str, values: dict[str, int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(due, values | {"most": RUNS_AT_ONCE})
        runs: list[UUID] = [row[0] for row in cursor.fetchall()]
        if runs:
            for statement in STATEMENTS:
                cursor.execute(statement, {"runs": runs})
    return len(runs)
