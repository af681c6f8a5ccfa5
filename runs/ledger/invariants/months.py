"""Invariants of a month's sums: a team's bill and each member's allowance.

Only real calls count. A call counts in the month in which it was opened; where its exact figure came after that month's
bill was closed, the difference counts in the month that took it.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.sql import SQL, Composable, Literal

from runs.ledger.invariants.invariant import Invariant
from runs.sql import listed, statement

SETTLED_BEFORE_S = 10
"""A settlement notes its time before it waits for the bill's row, so that time may lie before a call's that was opened
first. Bills are locked for milliseconds. Runs need no such margin, because their row is locked before."""

# Real calls, and who launched their runs.
_REAL = SQL("""
    (SELECT call.id, call.team_id, run.created_by_id AS user_id, call.billed_month AS month, call.state,
            call.started_at, call.finished_at, call.reserved_nusd, call.cost_nusd
     FROM runs_call AS call LEFT JOIN runs_run AS run ON run.id = call.run_id WHERE NOT call.simulated) AS call
""")

# Differences that another month's bill took.
_MOVED = SQL("""
    (SELECT call.team_id, call.user_id, call.month AS own_month, correction.month AS other_month, correction.made_at,
            coalesce(correction.cost_nusd, 0) - coalesce(correction.booked_nusd, 0) AS nusd
     FROM {real}
     JOIN runs_correction AS correction ON correction.call_id = call.id AND correction.month <> call.month) AS moved
""").format(real=_REAL)


@dataclass(frozen=True, slots=True)
class Month:
    """A table of sums by month."""

    what: str  # in the invariants' names, and after "runs_" the table
    owner: tuple[str, ...]  # the columns that say whose a sum is; a call has columns of the same names

    @property
    def table(self) -> Composable:
        return SQL(f"runs_{self.what}")

    @property
    def columns(self) -> Composable:
        return listed(self.owner)

    @property
    def title(self) -> Composable:
        """Names a row of the table for people."""
        parts = [f"'{name.removesuffix('_id')} ', kept.{name}, ', '" for name in self.owner]
        return SQL(f"concat({', '.join(parts)}, kept.month)")

    def same_owner(self, rows: str) -> Composable:
        """Whether a row of ``rows`` has the same owner as the row of the table."""
        return SQL(" AND ".join(f"{rows}.{name} = kept.{name}" for name in self.owner))


def _spent(month: Month, meaning: str) -> Invariant:
    lines = SQL("""
        SELECT {columns}, month, cost_nusd AS nusd FROM {real}
        UNION ALL
        SELECT {columns}, own_month, -nusd FROM {moved}
        UNION ALL
        SELECT {columns}, other_month, nusd FROM {moved}
    """).format(columns=month.columns, real=_REAL, moved=_MOVED)
    return Invariant(f"{month.what}_spent", meaning, _compared(month, lines, "spent_nusd"))


def _reserved(month: Month, meaning: str) -> Invariant:
    lines = SQL("""
        SELECT {columns}, month, reserved_nusd AS nusd FROM {real} WHERE state = 'intent' AND reserved_nusd > 0
    """).format(columns=month.columns, real=_REAL)
    return Invariant(f"{month.what}_reserved", meaning, _compared(month, lines, "reserved_nusd"))


def _compared(month: Month, lines: Composable, figure: str) -> str:
    """Rows of the table whose figure is not the sum of the lines. A row without lines stands at 0; lines without a row
    are found too."""
    return statement(
        """
        WITH lines AS ({lines}),
        sums AS (
            SELECT {columns}, month, coalesce(sum(nusd), 0) AS nusd
            FROM lines WHERE {has_owner} GROUP BY {columns}, month),
        kept AS (
            SELECT {columns}, month, kept.{figure} AS found, coalesce(nusd, 0) AS expected
            FROM {table} AS kept FULL JOIN sums USING ({columns}, month))
        SELECT {title} AS id, found, expected FROM kept WHERE found IS DISTINCT FROM expected
        """,
        lines=lines,
        columns=month.columns,
        has_owner=SQL(" AND ".join(f"{name} IS NOT NULL" for name in month.owner)),
        figure=SQL(figure),
        table=month.table,
        title=month.title,
    )


def _budget(month: Month, meaning: str) -> Invariant:
    """Every call is opened within the budget, and none is set below what is used; so only what was settled since the
    last call was opened can have gone over, or what was priced since."""
    last_opened = SQL("""
        (SELECT coalesce(max(started_at), '-infinity') - make_interval(secs => {settled_before_s})
         FROM {real} WHERE {same_owner} AND call.month = kept.month)
    """).format(settled_before_s=Literal(SETTLED_BEFORE_S), real=_REAL, same_owner=month.same_owner("call"))
    query = statement(
        """
        SELECT {title} AS id, spent_nusd + reserved_nusd AS found, budget_nusd + excess.nusd AS expected
        FROM {table} AS kept CROSS JOIN LATERAL (
            SELECT coalesce(sum(greatest(more, 0)), 0) AS nusd FROM (
                SELECT call.cost_nusd - call.reserved_nusd AS more
                FROM {real} LEFT JOIN runs_correction AS correction ON correction.call_id = call.id
                    AND (correction.month <> call.month OR correction.why = 'priced')
                WHERE {call_of_owner} AND call.month = kept.month AND call.finished_at >= {last_opened}
                  AND correction.id IS NULL
                UNION ALL
                SELECT call.cost_nusd FROM {real}
                JOIN runs_correction AS correction ON correction.call_id = call.id
                    AND correction.month = call.month AND correction.why = 'priced'
                WHERE {call_of_owner} AND call.month = kept.month AND correction.made_at >= {last_opened}
                UNION ALL
                SELECT moved.nusd FROM {moved}
                WHERE {moved_of_owner} AND moved.other_month = kept.month AND moved.made_at >= {last_opened}
            ) AS beyond) AS excess
        WHERE spent_nusd + reserved_nusd > budget_nusd AND spent_nusd + reserved_nusd > budget_nusd + excess.nusd
        """,
        title=month.title,
        table=month.table,
        real=_REAL,
        moved=_MOVED,
        call_of_owner=month.same_owner("call"),
        moved_of_owner=month.same_owner("moved"),
        last_opened=last_opened,
    )
    return Invariant(f"{month.what}_budget", meaning, query)


BILL = Month("bill", ("team_id",))
ALLOWANCE = Month("allowance", ("team_id", "user_id"))

MONTHS = (
    _spent(BILL, "What a team has spent in a month is the sum of its real calls."),
    _reserved(BILL, "A month's bill holds what the team's open real calls may cost, and nothing else."),
    _budget(
        BILL,
        "What a team has spent and holds in a month is within its budget, but for what providers billed above a "
        "reservation.",
    ),
    _spent(ALLOWANCE, "What a member has spent in a month is the sum of the real calls of runs that they launched."),
    _reserved(ALLOWANCE, "A member's month holds what the open real calls of their runs may cost, and nothing else."),
    _budget(
        ALLOWANCE,
        "What a member has spent and holds in a month is within their budget, but for what providers billed above a "
        "reservation.",
    ),
)
