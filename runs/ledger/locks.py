"""In which order rows are locked: lanes, then runs, then what belongs to a run, then bills; each kind by its key.

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
    """What an operation changes. ``begins_lane``: also where nothing is kept of the lane yet."""

    team: int
    run: UUID
    lane: LaneLimits | None = None
    begins_lane: bool = False


def take(several: Iterable[Locks]) -> None:
    """Locks the lanes and runs of all these operations; their bills follow if the operations are done by team.

    A single run is left to its operations, each of which locks it first.
    """
    wanted = list(several)
    lanes = {one.lane for one in wanted if one.lane is not None}
    if lanes:
        lock_lanes(lanes, begin={one.lane for one in wanted if one.lane is not None and one.begins_lane})
    runs = {one.run for one in wanted}
    if len(runs) > 1:
        with connection.cursor() as cursor:
            cursor.execute(LOCK_RUNS, {"runs": list(runs)})


LOCK_RUNS = "SELECT FROM runs_run WHERE id = ANY(%(runs)s) ORDER BY id FOR NO KEY UPDATE"
