"""What must be true of a team's month, its bill, and of each member's part of it, their allowance.

Only real calls count. A call counts in the month in which it was opened; where its exact figure came after that month's
bill was closed, the difference counts in the month that took it.
"""

from __future__ import annotations

from dataclasses import dataclass

from runs.ledger.invariants.invariant import Invariant

SETTLED_BEFORE_S = 10
"""A settlement takes its time before it has waited for the bill's row, so it may name one before a call that was opened
first. Writers hold a bill for milliseconds; for runs it cannot happen, since their row is locked first."""

_REAL = """
    (SELECT call.id, call.team_id, run.created_by_id AS user_id, call.billed_month AS month, call.state,
            call.started_at, call.finished_at, call.reserved_nusd, call.cost_nusd
     FROM runs_call AS call LEFT JOIN runs_run AS run ON run.id = call.run_id WHERE NOT call.simulated) AS call
"""

_MOVED = f"""
    (SELECT call.team_id, call.user_id, call.month AS own_month, made.month AS other_month, made.made_at,
            coalesce(made.cost_nusd, 0) - coalesce(made.booked_nusd, 0) AS nusd
     FROM {_REAL} JOIN runs_correction AS made ON made.call_id = call.id AND made.month <> call.month) AS moved
"""  # noqa: S608 - from here
"""Differences that another month's bill took."""


@dataclass(frozen=True, slots=True)
class Month:
    """A table of sums by month; ``whose`` are its columns that say whose, a call's of the same name say which."""

    what: str
    whose: tuple[str, ...]

    @property
    def columns(self) -> str:
        return ", ".join(self.whose)

    @property
    def title(self) -> str:
        """Names a row for people."""
        parts = [f"'{name.removesuffix('_id')} ', kept.{name}, ', '" for name in self.whose]
        return f"concat({', '.join(parts)}, kept.month)"

    def mine(self, rows: str) -> str:
        """Whether a row of these is of the same team, and member, as the sums."""
        return " AND ".join(f"{rows}.{name} = kept.{name}" for name in self.whose)


def _spent(month: Month, meaning: str) -> Invariant:
    return Invariant(
        f"{month.what}_spent",
        meaning,
        f"""
        WITH posted AS (
            SELECT {month.columns}, month, cost_nusd AS nusd FROM {_REAL}
            UNION ALL
            SELECT {month.columns}, own_month, -nusd FROM {_MOVED}
            UNION ALL
            SELECT {month.columns}, other_month, nusd FROM {_MOVED}),
        {_compared(month, "posted", "spent_nusd")}
        """,  # noqa: S608 - from here
    )


def _reserved(month: Month, meaning: str) -> Invariant:
    return Invariant(
        f"{month.what}_reserved",
        meaning,
        f"""
        WITH held AS (SELECT {month.columns}, month, reserved_nusd AS nusd FROM {_REAL}
            WHERE state = 'intent' AND reserved_nusd > 0),
        {_compared(month, "held", "reserved_nusd")}
        """,  # noqa: S608 - from here
    )


def _compared(month: Month, lines: str, figure: str) -> str:
    """Where there are lines there is a row; what has none stands at 0."""
    somebodys = " AND ".join(f"{name} IS NOT NULL" for name in month.whose)
    return f"""
        sums AS (
            SELECT {month.columns}, month, coalesce(sum(nusd), 0) AS nusd
            FROM {lines} WHERE {somebodys} GROUP BY {month.columns}, month),
        kept AS (
            SELECT {month.columns}, month, kept.{figure} AS found, coalesce(nusd, 0) AS expected
            FROM runs_{month.what} AS kept FULL JOIN sums USING ({month.columns}, month))
        SELECT {month.title} AS id, found, expected FROM kept WHERE found IS DISTINCT FROM expected
    """  # noqa: S608 - from here


def _budget(month: Month, meaning: str) -> Invariant:
    """Every call is opened within the budget, and none is set below what is used; so only what was settled since the
    last call was opened can have gone over."""
    last = f"""
        (SELECT coalesce(max(started_at), '-infinity') - interval '{SETTLED_BEFORE_S} seconds'
         FROM {_REAL} WHERE {month.mine("call")} AND call.month = kept.month)
    """  # noqa: S608 - from here
    return Invariant(
        f"{month.what}_budget",
        meaning,
        f"""
        SELECT {month.title} AS id, spent_nusd + reserved_nusd AS found, budget_nusd + excess.nusd AS expected
        FROM runs_{month.what} AS kept CROSS JOIN LATERAL (
            SELECT coalesce(sum(greatest(more, 0)), 0) AS nusd FROM (
                SELECT call.cost_nusd - call.reserved_nusd AS more
                FROM {_REAL} LEFT JOIN runs_correction AS made ON made.call_id = call.id AND made.month <> call.month
                WHERE {month.mine("call")} AND call.month = kept.month AND call.finished_at >= {last}
                  AND made.id IS NULL
                UNION ALL
                SELECT moved.nusd FROM {_MOVED}
                WHERE {month.mine("moved")} AND moved.other_month = kept.month AND moved.made_at >= {last}
            ) AS beyond) AS excess
        WHERE spent_nusd + reserved_nusd > budget_nusd AND spent_nusd + reserved_nusd > budget_nusd + excess.nusd
        """,  # noqa: S608 - from here
    )


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
