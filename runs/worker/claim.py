"""The lease in the database: claims a run, extends its lease, gives it back.

Every write names the epoch, so a worker that lost its lease writes nothing. Only the database's clock is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import connection, transaction
from psycopg.sql import SQL

from runs.ledger.abandoned_calls import close_open_calls
from runs.ledger.lease import LEASE_S
from runs.ledger.transitions import NO_WAIT
from runs.live.notify import run_changed
from runs.models import Run, TaskRun
from runs.sql import statement
from runs.states import RunState
from runs.telemetry import metrics

MAX_FRUITLESS_TAKEOVERS = 5
TEAM_LOCKS = 0x74656D
"""The first of the two keys of the teams' locks, so that no other use of advisory locks meets them."""

# The state of a run that may be claimed. If it is queued and its team has a cap, this waits until no other claim of the
# team is under way: two that counted the team's runs at the same time would both find the last place.
LOOK = """
    SELECT run.state, CASE WHEN run.state = 'queued' AND team.runs_at_once IS NOT NULL
        THEN pg_advisory_xact_lock(%(team_locks)s, run.team_id::int) END
    FROM runs_run AS run JOIN teams_team AS team ON team.id = run.team_id
    WHERE run.id = %(run)s AND run.state IN ('queued', 'running')
"""

# A run that is under way already has its place.
HAS_PLACE = SQL(
    """(state = 'running' OR NOT EXISTS (SELECT FROM teams_team AS team WHERE team.id = runs_run.team_id
         AND team.runs_at_once <= (SELECT count(*) FROM runs_run AS other
                                   WHERE other.team_id = team.id AND other.state = 'running')))"""
)

# Leases a run to a worker at a new epoch. A lease that had run out means a lost worker, so this is a fruitless takeover
# until a call succeeds. A lease that was given back says nothing against the run. A run whose state is not the one that
# ``LOOK`` saw is left for the next look, because that may have locked nothing.
CLAIM = statement(
    """
    UPDATE runs_run
    SET state = 'running', lease_owner = %(owner)s, lease_epoch = lease_epoch + 1,
        lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
        started_at = coalesce(started_at, clock_timestamp()), revision = revision + 1,
        takeovers = takeovers + (state = 'running')::int,
        paused_s = paused_s + coalesce(extract(epoch FROM clock_timestamp() - paused_at), 0), paused_at = NULL,
        fruitless_takeovers = fruitless_takeovers + (lease_until IS NOT NULL)::int
    WHERE id = %(run)s AND state = %(state)s AND (lease_until IS NULL OR lease_until < clock_timestamp())
      AND {has_place}
    RETURNING lease_epoch
    """,
    has_place=HAS_PLACE,
)

# Extends a lease that is still held. One that was given back meanwhile is not taken again.
BEAT = """
    UPDATE runs_run SET lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
    WHERE id = %(run)s AND lease_epoch = %(epoch)s AND state = 'running' AND lease_until IS NOT NULL
"""

# Lets a lease run out now. The run then counts as one whose worker was lost, unlike one that was given back.
EXPIRE = """
    UPDATE runs_run SET lease_until = clock_timestamp(), rung_at = NULL
    WHERE id = %(run)s AND lease_epoch = %(epoch)s AND state = 'running' AND lease_until IS NOT NULL
"""


@transaction.atomic
def claim(run_id: UUID, *, owner: str) -> Run | None:
    """The run, now leased to ``owner`` at a new epoch; None if another worker holds it, if it no longer is to be run,
    or if it is queued and its team is full.

    Calls that an earlier epoch left open are closed, as ``abandoned_calls`` says.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOOK, {"run": run_id, "team_locks": TEAM_LOCKS})
        if (looked := cursor.fetchone()) is None:
            return None
        state = looked[0]
        cursor.execute(CLAIM, {"run": run_id, "state": state, "owner": owner, "lease_s": LEASE_S})
        if (lease := cursor.fetchone()) is None:
            return None
    epoch = lease[0]
    metrics.run_claimed(takeover=state == RunState.RUNNING)
    if epoch > 1:
        close_open_calls(run_id)
        TaskRun.objects.filter(run_id=run_id).exclude(waits_for="").update(**NO_WAIT)
    run_changed(run_id)
    return Run.objects.select_related("team", "crew", "version").get(pk=run_id)


def beat(leases: Iterable[tuple[UUID, int]]) -> set[tuple[UUID, int]]:
    """Extends leases, each a run and its epoch. Returns those that are lost."""
    lost = set()
    with connection.cursor() as cursor:
        for run_id, epoch in leases:
            cursor.execute(BEAT, {"run": run_id, "epoch": epoch, "lease_s": LEASE_S})
            if cursor.rowcount == 0:
                lost.add((run_id, epoch))
    return lost


def cancel_requested(run_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these runs were asked to stop."""
    to_stop = Run.objects.filter(pk__in=list(run_ids), cancel_requested_at__isnull=False)
    return set(to_stop.values_list("pk", flat=True))


def expire(leases: Iterable[tuple[UUID, int]]) -> None:
    """Lets leases run out now: another worker may take the runs over at once, and knows that their worker was lost."""
    with connection.cursor() as cursor:
        for run_id, epoch in leases:
            cursor.execute(EXPIRE, {"run": run_id, "epoch": epoch})


def release(leases: Iterable[tuple[UUID, int]]) -> None:
    """Gives runs back, so that another worker may take them at once."""
    for run_id, epoch in leases:
        Run.objects.filter(pk=run_id, lease_epoch=epoch, state=RunState.RUNNING).update(
            lease_until=None, lease_owner="", rung_at=None
        )
