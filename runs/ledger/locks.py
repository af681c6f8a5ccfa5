"""Lock order: lanes, runs, what belongs to a run, bills, allowances, rollups. Bills go by month and then by team, all
other rows of one kind by their key. Before all of them comes the team's lock of a claim.

Every transaction that changes several of them keeps to it, so that no two wait for each other. Allowances and rollups
of a month are touched by those alone who hold its bill.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from runs.bounds.lanes import LaneLimits, lock_lanes
from runs.months import THIS_MONTH
from runs.sql import statement


@dataclass(frozen=True, slots=True)
class Locks:
    """The rows that an operation shares with others."""

    team: int
    run: UUID
    lane: LaneLimits | None = None
    begins_lane: bool = False  # the lane's row is made if there is none
    spends: bool = False  # it opens or settles a real call
    settles: UUID | None = None  # the call


def take(locks: Iterable[Locks]) -> None:
    """Locks the lanes, runs and bills that a batch's operations share.

    Of two operations that spend, one may need last month's bill and the other this month's, so both bills are locked
    before either. An operation that is alone in its batch locks its run and then its bills by itself.
    """
    batch = list(locks)
    lanes = {wanted.lane for wanted in batch if wanted.lane is not None}
    if lanes:
        lock_lanes(lanes, begin={wanted.lane for wanted in batch if wanted.lane is not None and wanted.begins_lane})
    runs = {wanted.run for wanted in batch}
    spending = [wanted for wanted in batch if wanted.spends]
    if len(spending) > 1:
        settled = [wanted.settles for wanted in spending if wanted.settles is not None]
        lock_bills(runs, teams={wanted.team for wanted in spending}, settled=settled)
    elif len(runs) > 1:
        with connection.cursor() as cursor:
            cursor.execute(LOCK_RUNS, {"runs": list(runs)})


def lock_bills(runs: Collection[UUID], *, teams: Collection[int], settled: Collection[UUID]) -> None:
    """Locks these runs, and then this month's bills of the teams and those that the settled calls are on."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_BILLS, {"runs": list(runs), "teams": list(teams), "calls": list(settled)})


# Locks runs in the order of their ids.
LOCK_RUNS = "SELECT FROM runs_run WHERE id = ANY(%(runs)s) ORDER BY id FOR NO KEY UPDATE"

# Locks runs, and then bills: the count makes it wait for all runs first. This month's bills are among them because a
# late figure of a call on a closed bill goes there.
LOCK_BILLS = statement(
    """
    WITH run AS (SELECT FROM runs_run WHERE id = ANY(%(runs)s) ORDER BY id FOR NO KEY UPDATE),
    needed AS (
        SELECT team_id, billed_month AS month FROM runs_call WHERE id = ANY(%(calls)s) AND NOT simulated
        UNION SELECT team_id, {this_month} FROM unnest(%(teams)s::bigint[]) AS team_id)
    SELECT FROM runs_bill AS bill JOIN needed USING (team_id, month)
    WHERE (SELECT count(*) FROM run) >= 0
    ORDER BY month, team_id FOR NO KEY UPDATE OF bill
    """,
    this_month=THIS_MONTH,
)
