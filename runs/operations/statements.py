"""The SQL of the figures for operators: each statement's columns are the fields of a class in ``queries``.

Ages are in seconds, by the database's clock. ``%(team)s`` is null for all teams; ``%(viewer)s`` is the team whose crews
are named.
"""

from __future__ import annotations

from psycopg.sql import SQL, Literal

from runs.bounds.runs_at_once import FULL_TEAMS
from runs.sql import statement

EXPIRED, FROZEN, IDLE, OPEN_CALLS = "expired", "frozen", "idle", "open_calls"

# WorkerLine: every worker, the ones that were seen lately in front.
WORKERS = """
    SELECT name, started_at, extract(epoch FROM clock_timestamp() - seen_at)::float8 AS seen_s,
           capacity, holding, stopping, still_s
    FROM runs_workerseen ORDER BY seen_at < clock_timestamp() - interval '30 s', name LIMIT 500
"""

# HeldRuns: how many runs of each team each worker holds.
HELD = """
    SELECT team_id, lease_owner AS worker, count(*) AS runs FROM runs_run
    WHERE state = 'running' AND lease_until > clock_timestamp() GROUP BY team_id, lease_owner
"""

_OF_TEAM = SQL("(%(team)s::bigint IS NULL OR run.team_id = %(team)s::bigint)")

# A run that was claimed before goes on where its last call ended or a person decided; no column says since when.
_IDLE_SINCE = SQL(
    """CASE WHEN run.lease_epoch = 0 THEN run.created_at ELSE greatest(run.created_at,
    (SELECT max(coalesce(finished_at, started_at)) FROM runs_call WHERE run_id = run.id),
    (SELECT max(decided_at) FROM runs_review JOIN runs_taskrun AS task ON task.id = task_run_id
     WHERE task.run_id = run.id)) END"""
)

# Queue: one row. The oldest is of those that wait for a worker and not for their team's other runs. Medians are of the
# runs that began in the last hour.
QUEUE = statement(
    """
    SELECT
        (SELECT extract(epoch FROM clock_timestamp() - min({idle_since}))::float8 FROM runs_run AS run
         WHERE state = 'queued' AND team_id NOT IN ({full_teams}) AND {of_team}) AS oldest_s,
        (SELECT count(*) FROM runs_run AS run
         WHERE state = 'queued' AND team_id IN ({full_teams}) AND {of_team}) AS kept_back,
        waits.half[1] AS wait_p50_s, waits.half[2] AS wait_p95_s, waits.begun AS begun_last_hour,
        clock_timestamp() AS read_at
    FROM (
        SELECT count(*) AS begun, percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
            ORDER BY extract(epoch FROM started_at - created_at)::float8) AS half
        FROM runs_run AS run WHERE started_at > clock_timestamp() - interval '1 hour' AND {of_team}) AS waits
    """,
    idle_since=_IDLE_SINCE,
    of_team=_OF_TEAM,
    full_teams=FULL_TEAMS,
)

_LINE = SQL(
    """run.id, team.name AS team,
    CASE WHEN run.team_id = %(viewer)s::bigint THEN crew.name ELSE '' END AS crew,
    run.simulated, run.lease_owner AS worker"""
)
_WITH_NAMES = SQL(
    "JOIN teams_team AS team ON team.id = run.team_id JOIN agents_app_crew AS crew ON crew.id = run.crew_id"
)

# RunLine: the runs that have been running longest.
RUNNING = statement(
    """
    SELECT {line}, extract(epoch FROM clock_timestamp() - run.started_at)::float8 AS seconds
    FROM runs_run AS run {with_names}
    WHERE run.state = 'running' AND {of_team} ORDER BY run.started_at, run.id LIMIT %(most)s
    """,
    line=_LINE,
    with_names=_WITH_NAMES,
    of_team=_OF_TEAM,
)

# StuckLine: the runs of each reason that have been stuck longest. Runs that nobody holds are a queue and not stuck
# while every worker is full (%(full)s), or as full as it may be of one team (%(full_teams)s), or their team has as many
# under way as it may have. A waiting run could not go on, so it is not stuck.
STUCK = statement(
    """
    WITH stuck AS (
        SELECT id, {expired} AS reason, lease_until AS since FROM runs_run AS run
        WHERE state = 'running' AND lease_until < clock_timestamp() AND {of_team}
        UNION ALL
        SELECT run.id, {frozen}, worker.seen_at - make_interval(secs => worker.still_s) FROM runs_run AS run
        JOIN runs_workerseen AS worker ON worker.name = run.lease_owner
        WHERE run.state = 'running' AND run.lease_until >= clock_timestamp() AND worker.still_s > %(frozen_s)s
          AND worker.seen_at > clock_timestamp() - make_interval(secs => %(seen_s)s) AND {of_team}
        UNION ALL
        SELECT id, {idle}, since FROM (
            SELECT id, {idle_since} AS since FROM runs_run AS run
            WHERE state IN ('queued', 'running') AND lease_until IS NULL
              AND NOT %(full)s AND team_id <> ALL(%(full_teams)s::bigint[])
              AND (state = 'running' OR team_id NOT IN ({full_teams}))
              AND created_at < clock_timestamp() - make_interval(secs => %(idle_s)s) AND {of_team}) AS unheld
        WHERE since < clock_timestamp() - make_interval(secs => %(idle_s)s)
        UNION ALL
        SELECT run.id, {open_calls}, run.finished_at FROM runs_run AS run
        WHERE id IN (SELECT run_id FROM runs_call WHERE state = 'intent')
          AND state NOT IN ('queued', 'running', 'waiting')
          AND finished_at < clock_timestamp() - make_interval(secs => %(settled_s)s) AND {of_team}),
    counted AS (SELECT *, count(*) OVER (PARTITION BY reason) AS of_reason,
                row_number() OVER (PARTITION BY reason ORDER BY since, id) AS place FROM stuck)
    SELECT {line}, extract(epoch FROM clock_timestamp() - since)::float8 AS seconds, reason, of_reason
    FROM counted JOIN runs_run AS run ON run.id = counted.id {with_names}
    WHERE place <= %(most)s ORDER BY reason, since, run.id
    """,
    expired=Literal(EXPIRED),
    frozen=Literal(FROZEN),
    idle=Literal(IDLE),
    open_calls=Literal(OPEN_CALLS),
    full_teams=FULL_TEAMS,
    idle_since=_IDLE_SINCE,
    of_team=_OF_TEAM,
    line=_LINE,
    with_names=_WITH_NAMES,
)
