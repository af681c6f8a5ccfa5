"""What must be true of the sums: each is that of its calls, and none is above its budget.

Only a call that the provider billed above its own reservation may carry a sum over a budget, by just that much.
"""

from __future__ import annotations

from runs.invariants.invariant import Invariant
from runs.ledger_sql import ROLLUP_FIELDS, TOKEN_FIELDS

_SUMS = {
    **{name: f"sum({name})" for name in TOKEN_FIELDS},
    "successful_requests": "count(*) FILTER (WHERE kind = 'model' AND state IN ('ok', 'late') AND NOT cache_hit)",
    "spent_nusd": "sum(cost_nusd)",
    "unpriced_calls": "count(*) FILTER (WHERE state <> 'intent' AND cost_nusd IS NULL)",
    "estimated_calls": "count(*) FILTER (WHERE usage_estimated)",
}

SETTLED_BEFORE_S = 10
"""A settlement takes its time before it has waited for the bill's row, so it may name one before a call that was opened
first. Writers hold a bill for milliseconds; for runs it cannot happen, since their row is locked first."""


def _rollup(what: str, table: str, column: str) -> Invariant:
    figures = ", ".join(f"('{name}', kept.{name}::numeric, coalesce(sums.{name}, 0))" for name in ROLLUP_FIELDS)
    return Invariant(
        f"{what}_sums",
        f"Each figure of a {what} is the sum of its calls.",
        f"""
        WITH sums AS (
            SELECT {column}, {", ".join(f"{_SUMS[name]} AS {name}" for name in ROLLUP_FIELDS)}
            FROM runs_call WHERE {column} IS NOT NULL GROUP BY {column})
        SELECT concat(kept.id, ' ', field) AS id, found, expected
        FROM {table} AS kept LEFT JOIN sums ON sums.{column} = kept.id
        CROSS JOIN LATERAL (VALUES {figures}) AS figure (field, found, expected)
        WHERE found <> expected
        """,  # noqa: S608 - names of tables and columns, from here
    )


def _over_budget(table: str, calls: str, *, before_s: int = 0) -> str:
    """Every call is opened within the budget, so only what was settled since the last one was can have gone over."""
    return f"""
        {table} AS kept CROSS JOIN LATERAL (
            SELECT coalesce(sum(greatest(cost_nusd - reserved_nusd, 0)), 0) AS nusd FROM runs_call
            WHERE {calls} AND finished_at >= (SELECT max(started_at) FROM runs_call WHERE {calls})
                  - interval '{before_s} seconds') AS excess
        WHERE kept.spent_nusd + kept.reserved_nusd > kept.budget_nusd
          AND kept.spent_nusd + kept.reserved_nusd > kept.budget_nusd + excess.nusd
    """  # noqa: S608 - from here


SUMS = (
    _rollup("run", "runs_run", "run_id"),
    _rollup("task", "runs_taskrun", "task_run_id"),
    Invariant(
        "run_reserved",
        "A run holds what its open calls may cost, and nothing else.",
        """
        WITH sums AS (SELECT run_id, sum(reserved_nusd) AS nusd FROM runs_call WHERE state = 'intent' GROUP BY run_id)
        SELECT run.id, run.reserved_nusd AS found, coalesce(sums.nusd, 0) AS expected
        FROM runs_run AS run LEFT JOIN sums ON sums.run_id = run.id
        WHERE run.reserved_nusd <> coalesce(sums.nusd, 0)
        """,
    ),
    Invariant(
        "run_budget",
        "What a run has spent and holds is within its budget, but for what providers billed above a reservation.",
        f"""
        SELECT kept.id, kept.spent_nusd + kept.reserved_nusd AS found, kept.budget_nusd + excess.nusd AS expected
        FROM {_over_budget("runs_run", "run_id = kept.id")}
        """,  # noqa: S608 - from here
    ),
    Invariant(
        "bill_spent",
        "What a team has spent in a month is the sum of its real calls of that month.",
        """
        WITH sums AS (
            SELECT team_id, billed_month AS month, coalesce(sum(cost_nusd), 0) AS nusd
            FROM runs_call WHERE NOT simulated GROUP BY team_id, billed_month)
        SELECT concat('team ', team_id, ', ', month) AS id, bill.spent_nusd AS found, coalesce(nusd, 0) AS expected
        FROM runs_bill AS bill FULL JOIN sums USING (team_id, month)
        WHERE bill.spent_nusd IS DISTINCT FROM coalesce(nusd, 0)
        """,
    ),
    Invariant(
        "bill_reserved",
        "A month's bill holds what the team's open real calls may cost, and nothing else.",
        """
        WITH sums AS (
            SELECT team_id, billed_month AS month, sum(reserved_nusd) AS nusd
            FROM runs_call WHERE state = 'intent' AND NOT simulated GROUP BY team_id, billed_month)
        SELECT concat('team ', team_id, ', ', month) AS id, bill.reserved_nusd AS found, coalesce(nusd, 0) AS expected
        FROM runs_bill AS bill FULL JOIN sums USING (team_id, month)
        WHERE coalesce(bill.reserved_nusd, 0) <> coalesce(nusd, 0)
        """,
    ),
    Invariant(
        "bill_budget",
        "What a team has spent and holds in a month is within its budget, but for what providers billed above a "
        "reservation.",
        f"""
        SELECT concat('team ', kept.team_id, ', ', kept.month) AS id,
               kept.spent_nusd + kept.reserved_nusd AS found, kept.budget_nusd + excess.nusd AS expected
        FROM {
            _over_budget(
                "runs_bill",
                "team_id = kept.team_id AND billed_month = kept.month AND NOT simulated",
                before_s=SETTLED_BEFORE_S,
            )
        }
        """,  # noqa: S608 - from here
    ),
)
