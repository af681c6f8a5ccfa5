"""What operators look at: how many runs wait, run and are stuck, and which workers there are.

A member sees the numbers of their own team; workers are the installation's, and are shown to everybody without saying
whose runs they hold. All ages are by the database's clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Count, QuerySet

from runs.models import Run
from runs.operations.statements import EXPIRED, FROZEN, HELD, IDLE, OPEN_CALLS, QUEUE, RUNNING, STUCK, WORKERS
from runs.sql import rows_as
from runs.states import RUN_ENDED, RUN_LIVE
from runs.telemetry.watchdog import STUCK_S
from runs.worker.presence import SEEN_WITHIN_S, most_of_one_team
from teams.access import Principal, require_staff

DAY_S = 86_400
IDLE_S = 60
SETTLED_WITHIN_S = 30
"""A call that is still open so long after its run ended is one that nobody settles: a lease is over by then."""
SHOWN = 50

REASONS = {
    EXPIRED: "its worker was lost and no other took it over yet",
    FROZEN: "its worker's event loop stands still",
    IDLE: "it could go on, but nobody works on it",
    OPEN_CALLS: "it ended, but calls of it are still open",
}

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run as operators see it."""

    id: UUID
    team: str
    crew: str  # "" where the run is another team's: whose it is is all that is told then
    simulated: bool
    worker: str
    seconds: float  # since it began or, of a stuck one, since it is stuck
    reason: str = ""  # of a stuck one: one of REASONS


@dataclass(frozen=True, slots=True)
class StuckLine(RunLine):
    """A stuck run, with how many there are of its reason, shown or not."""

    of_reason: int = 0


@dataclass(frozen=True, slots=True)
class WorkerLine:
    name: str
    started_at: datetime
    seen_s: float  # how long ago it last said something
    capacity: int
    holding: int
    stopping: bool
    still_s: float  # for how long its event loop had not moved then

    @property
    def is_frozen(self) -> bool:
        return self.still_s > STUCK_S

    @property
    def was_seen(self) -> bool:
        return self.seen_s <= SEEN_WITHIN_S

    @property
    def is_here(self) -> bool:
        return self.was_seen and not self.is_frozen

    @property
    def state(self) -> str:
        if self.is_frozen:
            return "frozen"
        return "lost" if not self.is_here else "stopping" if self.stopping else "ready"


@dataclass(frozen=True, slots=True)
class HeldRuns:
    """How many runs of one team one worker holds."""

    team_id: int
    worker: str
    runs: int


@dataclass(frozen=True, slots=True)
class Queue:
    """Waits are from launch to the first claim, of runs begun in the last hour; None if there were none."""

    oldest_s: float | None
    kept_back: int
    wait_p50_s: float | None
    wait_p95_s: float | None
    begun_last_hour: int
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Operations:
    """Waits are those of ``Queue``."""

    whole: bool  # of the whole installation, not of one team
    states: dict[str, int]  # live ones as they stand, ended ones of runs launched in the last 24 hours
    oldest_queued_s: float | None  # of those that wait for a worker
    kept_back: int  # queued runs whose teams have as many under way as they may have
    wait_p50_s: float | None
    wait_p95_s: float | None
    begun_last_hour: int
    waiting_for: dict[str, int]
    running: Sequence[RunLine]
    stuck: dict[str, int]  # by reason
    stuck_runs: Sequence[StuckLine]
    workers: Sequence[WorkerLine]
    read_at: datetime

    @property
    def here(self) -> list[WorkerLine]:
        """The workers that can be counted on."""
        return [worker for worker in self.workers if worker.is_here]

    @property
    def frozen(self) -> int:
        """How many workers' event loops stand still."""
        return sum(worker.is_frozen and worker.was_seen for worker in self.workers)

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
    return _figures(None if whole else who.team.pk, viewer=who.team.pk)


def installation() -> Operations:
    """The whole installation's figures, for machines: no names of crews."""
    return _figures(None, viewer=None)


def _figures(team_id: int | None, *, viewer: int | None) -> Operations:
    """``viewer`` is the team whose crews are named. Without a ``team_id`` the figures are of all teams."""
    workers = _rows(WorkerLine, WORKERS)
    runs = Run.objects.all() if team_id is None else Run.objects.filter(team_id=team_id)
    (queue,) = _rows(Queue, QUEUE, team=team_id)
    stuck = _stuck(workers, team=team_id, viewer=viewer)
    return Operations(
        whole=team_id is None,
        states=_states(runs),
        oldest_queued_s=queue.oldest_s,
        kept_back=queue.kept_back,
        wait_p50_s=queue.wait_p50_s,
        wait_p95_s=queue.wait_p95_s,
        begun_last_hour=queue.begun_last_hour,
        waiting_for=dict(_counted(runs.filter(state="waiting"), "waiting_for")),
        running=_rows(RunLine, RUNNING, team=team_id, viewer=viewer, most=SHOWN),
        stuck=dict.fromkeys(REASONS, 0) | {line.reason: line.of_reason for line in stuck},
        stuck_runs=stuck,
        workers=workers,
        read_at=queue.read_at,
    )


def _stuck(workers: Sequence[WorkerLine], **scope: int | None) -> list[StuckLine]:
    """The longest of each reason. While every worker is full, runs that nobody holds are a queue and not stuck."""
    here = [worker for worker in workers if worker.is_here and not worker.stopping]
    all_full = bool(here) and all(worker.holding >= worker.capacity for worker in here)
    return _rows(
        StuckLine,
        STUCK,
        full=all_full,
        full_teams=[] if all_full else _full_teams(here),
        idle_s=IDLE_S,
        frozen_s=STUCK_S,
        seen_s=SEEN_WITHIN_S,
        settled_s=SETTLED_WITHIN_S,
        most=SHOWN,
        **scope,
    )


def _full_teams(workers: Sequence[WorkerLine]) -> list[int]:
    """Teams that hold their part of every worker that has room left: their waiting runs are a queue too."""
    held = {(row.team_id, row.worker): row.runs for row in _rows(HeldRuns, HELD)}
    roomy = [worker for worker in workers if worker.holding < worker.capacity]
    return [
        team_id
        for team_id in {team_id for team_id, _ in held}
        if roomy and all(held.get((team_id, worker.name), 0) >= most_of_one_team(worker.capacity) for worker in roomy)
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


def _rows(row_class: Callable[..., RowT], query: str, **parameters: Any) -> list[RowT]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return rows_as(row_class, cursor)
