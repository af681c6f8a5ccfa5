"""What must be true of how runs were carried out: one worker at a time, each step once, and nobody forgotten."""

from __future__ import annotations

from runs.invariants.invariant import Invariant

_STEP = "concat('run ', run_id, ', task ', task_run_id, ', branch ', branch, ', step ', step)"

_NO_LEASE = "(lease_until IS NULL OR lease_until < now())"

_RUNNABLE = f"""
    runnable AS (
        SELECT id, rung_at,
               greatest(created_at, started_at, lease_until,
                        (SELECT max(finished_at) FROM runs_call WHERE run_id = run.id),
                        (SELECT max(decided_at) FROM runs_review AS review JOIN runs_taskrun AS task
                            ON task.id = review.task_run_id WHERE task.run_id = run.id)) AS since
        FROM runs_run AS run WHERE state IN ('queued', 'running') AND {_NO_LEASE}
        ORDER BY id LIMIT %(rung_at_once)s),
    seen AS (
        SELECT coalesce(bool_or(lease_until >= now()), false) AS held,
               coalesce(bool_or(greatest(started_at, finished_at) > now() - %(idle)s::interval), false) AS moving,
               coalesce(bool_or(rung_at > now() - %(idle)s::interval
                                AND rung_at > created_at + %(patience)s::interval), false) AS swept
        FROM runs_run WHERE state IN ('queued', 'running') OR finished_at > now() - %(idle)s::interval)
"""  # noqa: S608 - from here
"""The runs that could go on and that the next sweep would ring for, were they due; and what is seen of workers.

A worker shows only by what it does: a lease, a run begun or ended, a run rung for again. How many more runs it would
take does not show, so a run that is rung for and not taken is held against nobody while any worker holds a run: with
10,000 queued and every worker full, waiting is right. For the same reason only the oldest runs are looked at, as many
as one sweep rings for: those behind them have the bell of their launch, and their turn comes.
"""

PROTOCOL = (
    Invariant(
        "one_ok_per_step",
        "A step of a task has at most one call that counts as its answer.",
        f"""
        SELECT {_STEP} AS id, count(*) AS found, 1 AS expected FROM runs_call WHERE state = 'ok'
        GROUP BY run_id, task_run_id, branch, step HAVING count(*) > 1
        """,  # noqa: S608 - from here
    ),
    Invariant(
        "no_call_after_ok",
        "No call is started for a step that already has its answer: nothing finished is paid again.",
        f"""
        SELECT {_STEP} AS id, max(started_at) FILTER (WHERE state <> 'ok') AS found,
               concat('by ', min(finished_at) FILTER (WHERE state = 'ok')) AS expected
        FROM runs_call GROUP BY run_id, task_run_id, branch, step
        HAVING max(started_at) FILTER (WHERE state <> 'ok') > min(finished_at) FILTER (WHERE state = 'ok')
        """,  # noqa: S608 - from here
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
        WITH begun AS (
            SELECT call.run_id, call.epoch, min(call.started_at) AS at
            FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
            WHERE run.lease_epoch > 1 GROUP BY call.run_id, call.epoch)
        SELECT call.id, call.finished_at AS found, concat('by ', min(begun.at)) AS expected
        FROM begun JOIN runs_call AS call ON call.run_id = begun.run_id AND call.epoch < begun.epoch
        WHERE call.state = 'ok' AND call.finished_at > begun.at GROUP BY call.id
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
        "waiting_asks",
        "A run that waits for a person has a question that is still open.",
        """
        SELECT run.id, concat('waits for ', coalesce(nullif(run.waiting_for, ''), 'nothing')) AS found,
               'an open question' AS expected
        FROM runs_run AS run WHERE run.state = 'waiting' AND (run.waiting_for = '' OR (
            run.waiting_for = 'person' AND NOT EXISTS (
                SELECT FROM runs_review AS review JOIN runs_taskrun AS task ON task.id = review.task_run_id
                WHERE task.run_id = run.id AND review.approved IS NULL)))
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
        "While workers are up, a run that could go on is rung for at least once a minute, and taken if all are free.",
        f"""
        WITH {_RUNNABLE}
        SELECT id, concat('not rung since ', greatest(rung_at, since)) AS found,
               concat('rung after ', now() - %(idle)s::interval) AS expected
        FROM runnable, seen
        WHERE (held OR moving OR swept) AND greatest(rung_at, since) < now() - %(idle)s::interval
        UNION ALL
        SELECT id, concat('rung at ', rung_at, ', runnable since ', since) AS found,
               'taken by a free worker' AS expected
        FROM runnable, seen
        WHERE swept AND NOT held AND NOT moving AND since < now() - %(idle)s::interval
          AND rung_at > since + %(patience)s::interval
          AND rung_at BETWEEN now() - %(idle)s::interval AND now() - %(heard_after)s::interval
        """,  # noqa: S608 - from here
    ),
)
