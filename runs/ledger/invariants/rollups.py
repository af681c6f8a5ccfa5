"""Invariants of rollups: each row is what the runs that ended, and their calls, say now."""

from __future__ import annotations

from psycopg.sql import SQL

from runs.ledger.invariants.invariant import Invariant
from runs.ledger.rollups.tables import ROLLUPS, WASTE_NUSD, RollupTable
from runs.sql import listed, statement

_MEANINGS = {
    "runs_runsum": "The sums of an hour are those of its runs that ended.",
    "runs_callsum": "The sums of an hour by model and class are those of the calls of its runs that ended.",
    "runs_runday": "The sums of a day are those of its runs that ended.",
    "runs_callday": "The sums of a day by model and class are those of the calls of its runs that ended.",
    "runs_taskcallsum": "The sums of a day by task are those of the calls of its runs that ended.",
    "runs_tasktime": "The times of a day by task are those of the tasks of its runs that ended.",
    "runs_billsum": "The sums of a day by what bills are asked about are those of the calls of runs that ended.",
    "runs_daysum": "The sums of a day by crew and person are those of the calls of runs that ended.",
    "runs_usagesum": "The sums of a month by what calls are priced by are those of the calls of runs that ended.",
    "runs_runbucket": "The distributions of a day count each of its runs that ended, and nothing else.",
    "runs_weekbucket": "The distributions of a week count each of its runs that ended, and nothing else.",
}


def _kept(rollup: RollupTable) -> Invariant:
    return Invariant(
        rollup.table.removeprefix("runs_"),
        _MEANINGS[rollup.table],
        statement(
            """
            SELECT concat_ws(' ', {keys}) AS id, concat_ws(' ', {found}) AS found,
                   concat_ws(' ', {expected}) AS expected
            FROM (SELECT {keys}, {figures} FROM {table}) AS kept FULL JOIN ({due}) AS due USING ({keys})
            WHERE ({found}) IS DISTINCT FROM ({expected})
            """,
            keys=listed(rollup.keys),
            figures=listed(rollup.figures),
            table=SQL(rollup.table),
            due=SQL(rollup.select("true")),
            found=listed(f"coalesce(kept.{name}, 0)" for name in rollup.figures),
            expected=listed(f"coalesce(due.{name}, 0)" for name in rollup.figures),
        ),
    )


ROLLUP_SUMS = (
    *(_kept(rollup) for rollup in ROLLUPS),
    Invariant(
        "run_waste",
        "A run that ended keeps what it paid in vain; one that goes on keeps -1.",
        statement(
            """
            SELECT run.id, run.ended_waste_nusd AS found,
                   CASE WHEN run.finished_at IS NULL THEN -1 ELSE {waste} END AS expected
            FROM runs_run AS run
            WHERE run.ended_waste_nusd IS DISTINCT FROM CASE WHEN run.finished_at IS NULL THEN -1 ELSE {waste} END
            """,
            waste=SQL(WASTE_NUSD),
        ),
    ),
)
