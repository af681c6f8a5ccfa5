"""What operators look at: how many runs wait, run and are stuck, and which workers there are.

A member sees the numbers of their own team; workers are the installation's, and are shown to everybody without saying
whose runs they hold. All ages are by the database's clock.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, QuerySet

from runs.models import Run
from runs.states import RUN_ENDED, RUN_LIVE
from runs.worker.presence import SEEN_WITHIN_S, most_of_one_team
from teams.access import Principal, require_staff

DAY_S = 86_400
IDLE_S = 60
SETTLED_WITHIN_S = 30
"""A call that is still open so long after its run ended is one that nobody settles: a lease is over by then."""
SHOWN = 50

EXPIRED, IDLE, OPEN_CALLS = "expired", "idle", "open_calls"
REASONS = {
    EXPIRED: "its worker was lost and no other took it over yet",
    IDLE: "it could go on, but nobody works on it",
    OPEN_CALLS: "it ended, but calls of it are still open",
}


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run as operators see it. ``crew`` is "" where the run is another team's: only whose it is is told then."""

    id: UUID
    team: str
    crew: str
    simulated: bool
    worker: str
    seconds: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A worker; ``seen_s`` is how long ago it last said something."""

    name: str
    started_at: datetime
    seen_s: float
    capacity: int
    holding: int
    stopping: bool

    @property
    def is_here(self) -> bool:
        return self.seen_s <= SEEN_WITHIN_S

    @property
    def state(self) -> str:
        return "lost" if not self.is_here else "stopping" if self.stopping else "ready"


@dataclass(frozen=True, slots=True)
class Operations:
    """``states``: live ones as they stand, ended ones of runs launched in the last 24 hours. ``wait_*`` is from launch
    to the first claim, of runs begun in the last hour; None if there were none. ``stuck`` counts by reason."""

    whole: bool
    states: dict[str, int]
    oldest_queued_s: float | None
    wait_p50_s: float | None
    wait_p95_s: float | None
    begun_last_hour: int
    waiting_for: dict[str, int]
    running: Sequence[RunLine]
    stuck: dict[str, int]
    stuck_runs: Sequence[RunLine]
    workers: Sequence[WorkerLine]
    read_at: datetime

    @property
    def here(self) -> list[WorkerLine]:
        """The workers that can be counted on."""
        return [worker for worker in self.workers if worker.is_here]

    @property
    def capacity(self) -> int:
        return sum(worker.capacity for worker in self.here if not worker.stopping)

    @property
    def holding(self) -> int:
        return sum(worker.holding for worker in self.here)

    @property
    def stuck_count(self) -> int:
        return sum(self.stuck.values())


def operations(who: Principal, *, whole: bool = False) -> Operations:
    """The team's figures, or for staff those of the whole installation. A fixed number of queries."""
    if whole:
        require_staff(who)
    return _read(None if whole else who.team.pk, viewer=who.team.pk)


def installation() -> Operations:
    """The whole installation's figures, for machines: no names of crews."""
    return _read(None, viewer=None)


def _read(team: int | None, *, viewer: int | None) -> Operations:
    workers = [WorkerLine(*row) for row in _rows(WORKERS)]
    here = [worker for worker in workers if worker.is_here and not worker.stopping]
    full = bool(here) and all(worker.holding >= worker.capacity for worker in here)
    runs = Run.objects.all() if team is None else Run.objects.filter(team_id=team)
    given = {"team": team, "viewer": viewer, "most": SHOWN}
    (oldest_s, p50_s, p95_s, begun, now), *_ = _rows(QUEUE, **given)
    full_teams = [] if full else _full_teams(here)
    stuck = _rows(STUCK, full=full, full_teams=full_teams, idle_s=IDLE_S, settled_s=SETTLED_WITHIN_S, **given)
    return Operations(
        whole=team is None,
        states=_states(runs),
        oldest_queued_s=oldest_s,
        wait_p50_s=p50_s,
        wait_p95_s=p95_s,
        begun_last_hour=begun,
        waiting_for=dict(_counted(runs.filter(state="waiting"), "waiting_for")),
        running=[RunLine(*row) for row in _rows(RUNNING, **given)],
        stuck=dict.fromkeys(REASONS, 0) | {row[6]: row[7] for row in stuck},
        stuck_runs=[RunLine(*row[:7]) for row in stuck],
        workers=workers,
        read_at=now,
    )


def _full_teams(workers: Sequence[WorkerLine]) -> list[int]:
    """Teams that hold their part of every worker that has room left: what waits of them is a queue too."""
    held = {(team, owner): count for team, owner, count in _rows(HELD)}
    roomy = [worker for worker in workers if worker.holding < worker.capacity]
    return [
        team
        for team in {team for team, _ in held}
        if roomy and all(held.get((team, one.name), 0) >= most_of_one_team(one.capacity) for one in roomy)
    ]


def _states(runs: QuerySet[Run]) -> dict[str, int]:
    live = _counted(runs.filter(state__in=RUN_LIVE), "state")
    ended = _counted(runs.filter(state__in=RUN_ENDED, pk__gte=_first_id_since(DAY_S)), "state")
    return dict.fromkeys([str(state) for state in (*RUN_LIVE, *RUN_ENDED)], 0) | dict(live) | dict(ended)


def _counted(runs: QuerySet[Run], column: str) -> list[tuple[str, int]]:
    return list(runs.values_list(column).annotate(Count("pk")).order_by(column))


def _first_id_since(age_s: int) -> UUID:
    """The smallest id that a run launched since then can have: ids begin with their time, so no other index is read."""
    milliseconds = int((time.time() - age_s) * 1000)
    return UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62))


def _rows(query: str, **given: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, given)
        return list(cursor.fetchall())


WORKERS = """
    SELECT name, started_at, extract(epoch FROM clock_timestamp() - seen_at)::float8, capacity, holding, stopping
    FROM runs_workerseen ORDER BY seen_at < clock_timestamp() - interval '30 s', name LIMIT 500
"""

HELD = """
    SELECT team_id, lease_owner, count(*) FROM runs_run
    WHERE state = 'running' AND lease_until > clock_timestamp() GROUP BY team_id, lease_owner
"""

_OF_TEAM = "(%(team)s::bigint IS NULL OR run.team_id = %(team)s::bigint)"

_IDLE_SINCE = """CASE WHEN run.lease_epoch = 0 THEN run.created_at ELSE greatest(run.created_at,
    (SELECT max(coalesce(finished_at, started_at)) FROM runs_call WHERE run_id = run.id),
    (SELECT max(decided_at) FROM runs_review JOIN runs_taskrun AS task ON task.id = task_run_id
     WHERE task.run_id = run.id)) END"""
"""A run that was claimed before goes on where its last call ended or a person decided; no column says since when."""

QUEUE = f"""
    SELECT
        (SELECT extract(epoch FROM clock_timestamp() - min({_IDLE_SINCE}))::float8 FROM runs_run AS run
         WHERE state = 'queued' AND {_OF_TEAM}),
        waits.half[1], waits.half[2], waits.begun, clock_timestamp()
    FROM (
        SELECT count(*) AS begun, percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
            ORDER BY extract(epoch FROM started_at - created_at)::float8) AS half
        FROM runs_run AS run WHERE started_at > clock_timestamp() - interval '1 hour' AND {_OF_TEAM}) AS waits
"""  # noqa: S608 - from here

_LINE = """run.id, team.name, CASE WHEN run.team_id = %(viewer)s::bigint THEN crew.name ELSE '' END,
    run.simulated, run.lease_owner"""
_WITH_NAMES = "JOIN teams_team AS team ON team.id = run.team_id JOIN agents_app_crew AS crew ON crew.id = run.crew_id"

RUNNING = f"""
    SELECT {_LINE}, extract(epoch FROM clock_timestamp() - run.started_at)::float8
    FROM runs_run AS run {_WITH_NAMES}
    WHERE run.state = 'running' AND {_OF_TEAM} ORDER BY run.started_at, run.id LIMIT %(most)s
"""  # noqa: S608 - from here

STUCK = f"""
    WITH stuck AS (
        SELECT id, '{EXPIRED}' AS reason, lease_until AS since FROM runs_run AS run
        WHERE state = 'running' AND lease_until < clock_timestamp() AND {_OF_TEAM}
        UNION ALL
        SELECT id, '{IDLE}', since FROM (
            SELECT id, {_IDLE_SINCE} AS since FROM runs_run AS run
            WHERE state IN ('queued', 'running') AND lease_until IS NULL
              AND NOT %(full)s AND team_id <> ALL(%(full_teams)s::bigint[])
              AND created_at < clock_timestamp() - make_interval(secs => %(idle_s)s) AND {_OF_TEAM}) AS unheld
        WHERE since < clock_timestamp() - make_interval(secs => %(idle_s)s)
        UNION ALL
        SELECT run.id, '{OPEN_CALLS}', run.finished_at FROM runs_run AS run
        WHERE id IN (SELECT run_id FROM runs_call WHERE state = 'intent')
          AND state NOT IN ('queued', 'running', 'waiting')
          AND finished_at < clock_timestamp() - make_interval(secs => %(settled_s)s) AND {_OF_TEAM}),
    counted AS (SELECT *, count(*) OVER (PARTITION BY reason) AS many,
                row_number() OVER (PARTITION BY reason ORDER BY since, id) AS place FROM stuck)
    SELECT {_LINE}, extract(epoch FROM clock_timestamp() - since)::float8, reason, many
    FROM counted JOIN runs_run AS run ON run.id = counted.id {_WITH_NAMES}
    WHERE place <= %(most)s ORDER BY reason, since, run.id
"""  # noqa: S608 - from here
"""While every worker is full, or as full as one team may make it, runs that nobody holds are a queue and not stuck. A
waiting run is not runnable."""
