"""Adds runs that ended to the rollups and takes them out, by a function in the database that is made of ``tables``.

These are thirteen statements over a few rows. To plan them takes far longer than to carry them out, and PostgreSQL
keeps the plans of a function's statements for as long as a connection lasts, whoever asks and through whichever pooler.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import UUID

from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import BigIntegerField, F
from django.db.models.expressions import Combinable, RawSQL
from psycopg.sql import SQL

from runs.ledger.rollups.tables import ENDED, LABELS, LOST, ROLLUPS, RUN_DAYS, RUN_SUMS, WASTE_NUSD, WASTED_CALLS_NUSD
from runs.sql import statement
from runs.states import RunState


def add(*run_ids: UUID) -> None:
    """Adds runs that have just ended. The caller has locked them."""
    _fold(run_ids, sign=1)


def take_out(*run_ids: UUID) -> None:
    """Takes ended runs out, as they are now. The caller has locked them, changes them and adds them again."""
    _fold(run_ids, sign=-1)


def waste_at_end(state: RunState) -> Combinable:
    """For the update that ends a run in this state: what it paid in vain. If it were written after that, the row would
    move once more, in each of its indexes."""
    if state in LOST:
        return F("spent_nusd")
    return RawSQL(WASTED_CALLS_NUSD.replace("run.id", "runs_run.id"), [], BigIntegerField())  # noqa: S611 - ours


@contextmanager
def rated_anew(run_id: UUID) -> Iterator[None]:
    """Within, an ended run's ``rating_sum`` and ``rating_count`` may be changed. The caller has locked the run."""
    with connection.cursor() as cursor:
        _rated(cursor, run_id, sign=-1)
        yield
        _rated(cursor, run_id, sign=1)


def rebuild(team_id: int) -> None:
    """Writes the rollups of a team anew from its runs and calls. No run of the team may end meanwhile."""
    with connection.cursor() as cursor:
        for rollup in ROLLUPS:
            cursor.execute(statement("DELETE FROM {table} WHERE team_id = %s", table=SQL(rollup.table)), [team_id])
        for one in [*_preparing(_OF_TEAM), *(rollup.write(_OF_TEAM, sign="1") for rollup in ROLLUPS)]:
            cursor.execute(one, {"team": team_id})


def install(using: str = "default", **_: Any) -> None:
    """Makes the function, where there is none or another one. After each ``migrate``, so that it is this code's; but in
    a database that newer code has migrated it is left as that made it, because servers of both fold by it."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT prosrc, proconfig FROM pg_proc WHERE oid = to_regprocedure('runs_fold(uuid[], integer)')"
        )
        kept = cursor.fetchone()
    if kept is None or (kept != (_BODY, _SETTINGS) and not _is_newer(using)):
        with connections[using].cursor() as cursor:
            cursor.execute(_FUNCTION)


def _is_newer(using: str) -> bool:
    """Whether migrations were applied that this code does not have."""
    applied = MigrationRecorder(connections[using]).applied_migrations()
    newest = [
        max((int(one) for app, name in names if app == "runs" for one in _NUMBERS.findall(name)), default=0)
        for names in (applied, MigrationLoader(None).disk_migrations)
    ]
    return newest[0] > newest[1]


def _fold(run_ids: tuple[UUID, ...], *, sign: int) -> None:
    if not run_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT runs_fold(%s::uuid[], %s)", [list(run_ids), sign])


def _rated(cursor: Any, run_id: UUID, *, sign: int) -> None:
    for written in RATED:
        cursor.execute(written, {"run": run_id, "sign": sign})


def _keep_labels(which: LiteralString) -> str:
    """Keeps the sets of labels that runs were launched with, which sums of bills name by their digest."""
    return statement(
        """
        INSERT INTO runs_launchlabels (team_id, digest, labels)
        SELECT DISTINCT ON (run.team_id, {digest}) run.team_id, {digest}, run.metadata FROM runs_run AS run
        WHERE {ended} AND {digest} <> '' AND {which} ORDER BY run.team_id, {digest}
        ON CONFLICT DO NOTHING
        """,
        digest=SQL(LABELS),
        ended=SQL(ENDED),
        which=SQL(which),
    )


def _keep_waste(which: LiteralString) -> str:
    """Writes into the runs what they paid in vain, by which lists are sorted, where they do not say it yet, as after a
    late figure."""
    return statement(
        """
        UPDATE runs_run SET ended_waste_nusd = due.nusd
        FROM (SELECT run.id, {waste} AS nusd FROM runs_run AS run WHERE {ended} AND {which} OFFSET 0) AS due
        WHERE runs_run.id = due.id AND ended_waste_nusd <> due.nusd
        """,
        waste=SQL(WASTE_NUSD),
        ended=SQL(ENDED),
        which=SQL(which),
    )


def _preparing(which: LiteralString) -> list[str]:
    return [_keep_labels(which), _keep_waste(which)]


_NUMBERS = re.compile(r"(?:^|_squashed_)([0-9]{4})")
"""Of a migration's name: its own, or those of which it is made."""
_OF_TEAM: LiteralString = "run.team_id = %(team)s"
_FOLDED: LiteralString = "run.id = ANY(fold_runs)"
_BODY = statement(
    """
    BEGIN
        IF fold_sign > 0 THEN
            {preparing};
        END IF;
        {writing};
    END
    """,
    preparing=SQL(";\n").join(map(SQL, _preparing(_FOLDED))),
    writing=SQL(";\n").join(SQL(rollup.write(_FOLDED, sign="fold_sign")) for rollup in ROLLUPS),
)
# Its plans do not depend on which runs are folded. Left to itself PostgreSQL would plan anew each time, because it
# takes an array of unknown length for one of ten, and one that it knows for cheaper.
_SETTINGS = ["plan_cache_mode=force_generic_plan"]
_FUNCTION = statement(
    """
    CREATE OR REPLACE FUNCTION runs_fold(fold_runs uuid[], fold_sign integer) RETURNS void
    LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS {body}
    """,
    body=SQL(f"$fold${_BODY}$fold$"),
)
RATED = tuple(rollup.write("run.id = %(run)s", sign="%(sign)s") for rollup in (RUN_SUMS, RUN_DAYS))
"""For each of the rollups that hold ratings."""
