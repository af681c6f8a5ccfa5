"""The counter-lines of a month, one by one, and what exact figures changed within it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection
from psycopg.sql import SQL

from runs.bill_sums.sums import OF_MOVED, Scope, narrowed, only_parameters
from runs.ledger.corrections import MOVED_ROWS
from runs.sql import rows_as, statement

MOST_COUNTER_LINES = 200
"""So many are listed where nothing else is."""


@dataclass(frozen=True, slots=True)
class CounterLine:
    """What a bill took for a call of a closed month, or what a later bill took for a call of this one."""

    call_id: UUID
    run_id: UUID
    crew_id: int
    model: str
    own_month: date  # of the call
    month: date  # whose bill took it
    booked_nusd: int | None  # as the closed bill has it; None: its price was unknown
    cost_nusd: int | None
    nusd: int  # what it adds to the month that was asked about
    made_at: datetime


def counter_lines(scope: Scope, *, most: int) -> list[CounterLine]:
    """The first ``most`` of the scope's month, in the order in which they came."""
    assert scope.month is not None
    query = statement(
        """
        SELECT call.id AS call_id, call.run_id, run.crew_id, call.model, call.billed_month AS own_month,
               correction.month, correction.booked_nusd, correction.cost_nusd, moved.nusd, correction.made_at
        FROM {rows} {which} {narrow} ORDER BY correction.id LIMIT %(most)s
        """,
        rows=SQL(MOVED_ROWS),
        which=SQL(OF_MOVED),
        narrow=narrowed(tuple(scope.only), moved=True),
    )
    values = {
        "team": scope.who.team.pk,
        "simulated": scope.simulated,
        "month": scope.month,
        "most": most,
        **only_parameters(scope.only),
    }
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return rows_as(CounterLine, cursor)


@dataclass(frozen=True, slots=True)
class LateFigures:
    """Exact figures that took the place of assumptions in the month's own calls, while its bill was open."""

    count: int
    booked_nusd: int  # what had been assumed
    cost_nusd: int


_LATE = """
    SELECT count(*) AS count, coalesce(sum(correction.booked_nusd), 0)::bigint AS booked_nusd,
           coalesce(sum(correction.cost_nusd), 0)::bigint AS cost_nusd
    FROM runs_correction AS correction
    CROSS JOIN LATERAL (SELECT * FROM runs_call WHERE id = correction.call_id OFFSET 0) AS call
    WHERE correction.month = %(month)s AND call.billed_month = %(month)s AND call.team_id = %(team)s
      AND call.simulated = %(simulated)s
"""


def late_figures(scope: Scope) -> LateFigures:
    """Of the scope's month, whatever ``only`` says. One query."""
    values = {"team": scope.who.team.pk, "simulated": scope.simulated, "month": scope.month}
    with connection.cursor() as cursor:
        cursor.execute(_LATE, values)
        return rows_as(LateFigures, cursor)[0]
