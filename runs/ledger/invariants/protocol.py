"""Invariants of how runs were carried out: one worker at a time, each step once, and no run forgotten."""

from __future__ import annotations

from psycopg.sql import SQL

from runs.ledger.invariants.invariant import Invariant
from runs.sql import statement

_STEP = SQL("concat('run ', run_id, ', task ', task_run_id, ', branch ', branch, ', step ', step)")

# Runs whose turn had long come when a later run of their team was begun. The first run of each line is enough: a later
# run that passes over any of the line passes over the first.
_PASSED_OVER = SQL("""
    head AS (
        SELECT DISTINCT ON (team_id, rank) id, team_id, rank, created_at AS since FROM runs_run
        WHERE state = 'queued' AND lease_epoch = 0 ORDER BY team_id, rank, id),
    orphan AS (
        SELECT id, team_id, lease_until AS since FROM runs_run
        WHERE state = 'running' AND lease_until < now() - %(idle)s::interval),
    passed_over AS (
        SELECT head.id, head.since, later.id AS by FROM head JOIN runs_run AS later
            ON later.team_id = head.team_id AND later.rank >= head.rank AND later.id > head.id
        WHERE later.started_at BETWEEN head.since + %(idle)s::interval AND now() - %(heard_after)s::interval
        UNION ALL
        SELECT orphan.id, orphan.since, later.id FROM orphan JOIN runs_run AS later USING (team_id)
        WHERE later.started_at BETWEEN orphan.since + %(idle)s::interval AND now() - %(heard_after)s::interval)
""")

# Runs that a sweep rang for and no worker came for, while no worker holds any run and none was begun or ended.
#
# A worker shows in these tables only by what it does: a lease, a run begun or ended, a bell rung again. How many more
# runs it would take does not show. So while any worker holds a run, a waiting one may be waiting for its turn, as most
# of 10,000 do behind full workers; then only its place in the line counts.
_LEFT_ALONE = SQL("""
    seen AS (
        SELECT coalesce(bool_or(lease_until >= now()), false) AS held,
               coalesce(bool_or(greatest(started_at, finished_at) > now() - %(idle)s::interval), false) AS moving,
               coalesce(bool_or(rung_at > greatest(created_at + %(heard_after)s::interval,
                                                   now() - %(idle)s::interval)), false) AS swept
        FROM runs_run WHERE state IN ('queued', 'running') OR finished_at > now() - %(idle)s::interval),
    left_alone AS (
        SELECT id, rung_at, greatest(created_at, started_at, lease_until,
                   (SELECT max(finished_at) FROM runs_call WHERE run_id = run.id),
                   (SELECT max(decided_at) FROM runs_review AS review JOIN runs_taskrun AS task
                       ON task.id = review.task_run_id WHERE task.run_id = run.id)) AS since
        FROM runs_run AS run, seen
        WHERE swept AND NOT held AND NOT moving AND state IN ('queued', 'running')
          AND rung_at BETWEEN now() - %(idle)s::interval AND now() - %(heard_after)s::interval)
""")

PROTOCOL = (
    Invariant(
        "one_ok_per_step",
        "A step of a task has at most one call that counts as its answer.",
        statement(
            """
            SELECT {step} AS id, count(*) AS found, 1 AS expected FROM runs_call WHERE state = 'ok'
            GROUP BY run_id, task_run_id, branch, step HAVING count(*) > 1
            """,
            step=_STEP,
        ),
    ),
    Invariant(
        "no_call_after_ok",
        "No call is started for a step that already has its answer: nothing finished is paid again.",
        statement(
            """
            SELECT {step} AS id, max(started_at) FILTER (WHERE state <> 'ok') AS found,
                   concat('by ', min(finished_at) FILTER (WHERE state = 'ok')) AS expected
            FROM runs_call GROUP BY run_id, task_run_id, branch, step
            HAVING max(started_at) FILTER (WHERE state <> 'ok') > min(finished_at) FILTER (WHERE state = 'ok')
            """,
            step=_STEP,
        ),
    ),
    Invariant(
        "call_epoch",
        "No call is of a later lease than its run has had.",
        """
        SELECT call.id, call.epoch AS found, run.lease_epoch AS expected
        FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id WHERE call.epoch > run.lease_epoch
        """,
    ),
    Invariant(
        "fenced_answer",
        "A worker that lost its run gives it no answer once the next worker has begun to call.",
        """
        SELECT call.id, call.finished_at AS found, concat('by ', min(later.started_at)) AS expected
        FROM runs_run AS run
        JOIN runs_call AS call ON call.run_id = run.id AND call.state = 'ok'
        JOIN runs_call AS later ON later.run_id = run.id
            AND later.epoch > call.epoch AND later.started_at < call.finished_at
        WHERE run.lease_epoch > 1 GROUP BY call.id
        """,
    ),
    Invariant(
        "succeeded_tasks",
        "A run that succeeded has only tasks that succeeded or were skipped.",
        """
        SELECT concat(run.id, ' ', task.key) AS id, task.state AS found, 'succeeded or skipped' AS expected
        FROM runs_taskrun AS task JOIN runs_run AS run ON run.id = task.run_id
        WHERE run.state = 'succeeded' AND task.state NOT IN ('succeeded', 'skipped')
        """,
    ),
    Invariant(
        "ended_tasks",
        "A run that failed or was cancelled leaves no task open.",
        """
        SELECT concat(run.id, ' ', task.key) AS id, task.state AS found, 'ended' AS expected
        FROM runs_taskrun AS task JOIN runs_run AS run ON run.id = task.run_id
        WHERE run.state IN ('failed', 'cancelled') AND task.state IN ('pending', 'running', 'waiting')
        """,
    ),
    Invariant(
        "ended_lease",
        "A run that ended is leased to nobody.",
        """
        SELECT id, concat(lease_owner, ' until ', lease_until) AS found, 'nobody' AS expected FROM runs_run
        WHERE state IN ('succeeded', 'failed', 'cancelled') AND (lease_until IS NOT NULL OR lease_owner <> '')
        """,
    ),
    Invariant(
        "lease_owner",
        "A lease has an owner and an end, or there is none; who holds one has a number.",
        """
        SELECT id, concat(lease_owner, ' until ', lease_until, ', epoch ', lease_epoch) AS found,
               'both or neither' AS expected
        FROM runs_run WHERE state IN ('queued', 'running', 'waiting')
          AND ((lease_until IS NULL) <> (lease_owner = '') OR (lease_until IS NOT NULL AND lease_epoch < 1))
        """,
    ),
    Invariant(
        "ended_calls",
        "A run that ended has, a lease and a sweep later, no open call.",
        """
        SELECT call.id, concat('open, run ended ', run.finished_at) AS found, 'settled' AS expected
        FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
        WHERE call.state = 'intent' AND run.finished_at < now() - %(settled_after)s::interval
        """,
    ),
    Invariant(
        "waiting_for",
        "A run that waits can be woken: by a person's word on an open question, or by a budget that it names.",
        """
        SELECT run.id, concat('waits for ', waiting_for, ', needs ', needs_nusd) AS found,
               'an open question or a budget' AS expected
        FROM runs_run AS run WHERE run.state = 'waiting' AND NOT (
            run.waiting_for = ANY(%(budgets)s) AND run.needs_nusd IS NOT NULL
            OR run.waiting_for = %(person)s AND run.needs_nusd IS NULL AND EXISTS (
                SELECT FROM runs_review AS review JOIN runs_taskrun AS task ON task.id = review.task_run_id
                WHERE task.run_id = run.id AND review.approved IS NULL))
        """,
    ),
    Invariant(
        "one_run_per_key",
        "An idempotency key of a team has launched one run.",
        """
        SELECT concat('team ', team_id, ', key ', idempotency_key) AS id, count(*) AS found, 1 AS expected
        FROM runs_run WHERE idempotency_key IS NOT NULL GROUP BY team_id, idempotency_key HAVING count(*) > 1
        """,
    ),
    Invariant(
        "nothing_idle",
        "A run that could go on is not passed over by later ones of its team, nor left while all workers are free.",
        statement(
            """
            WITH {passed_over}, {left_alone}
            SELECT id, concat('waits since ', since, ', passed over by ', min(by::text)) AS found,
                   'its turn' AS expected
            FROM passed_over GROUP BY id, since
            UNION ALL
            SELECT id, concat('waits since ', since, ', rung for at ', rung_at), 'taken by a free worker'
            FROM left_alone WHERE since < now() - %(idle)s::interval
            """,
            passed_over=_PASSED_OVER,
            left_alone=_LEFT_ALONE,
        ),
    ),
)
