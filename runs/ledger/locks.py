"""Lock order: lanes, runs, what belongs to a run, bills, allowances, rollups; rows of one kind by their key. Before
all of them comes the team's lock of a claim.

Every transaction that changes several of them keeps to it, so that no two wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from runs.bounds.lanes import LaneLimits, lock_lanes


@dataclass(frozen=True, slots=True)
class Locks:
    """The rows that an operation shares with others."""

    team: int
    run: UUID
    lane: LaneLimits | None = None
    begins_lane: bool = False  # the lane's row is made if there is none


def take(locks: Iterable[Locks]) -> None:
    """Locks the lanes and runs of a batch's operations. Bills follow by themselves if the operations are done by team.

    A batch of one run locks no run here, because each operation locks its run first.
    """
    batch = list(locks)
    lanes = {wanted.lane for wanted in batch if wanted.lane is not None}
    if lanes:
        lock_lanes(lanes, begin={wanted.lane for wanted in batch if wanted.lane is not None and wanted.begins_lane})
    runs = {wanted.run for wanted in batch}
    if len(runs) > 1:
        with connection.cursor() as cursor:
            cursor.execute(LOCK_RUNS, {"runs": list(runs)})


# Locks runs in the order of their ids.
LOCK_RUNS = "SELECT FROM runs_run WHERE id = ANY(%(runs)s) ORDER BY id FOR NO KEY UPDATE"
