"""Invariants of a run's and a task's figures: each is the sum of its calls, or ratings; no run is above its budget.

Only a call that the provider billed above its reservation may carry a run over its budget, by just that much.
"""

from __future__ import annotations

from psycopg.sql import SQL

from runs.ledger.invariants.invariant import Invariant
from runs.ledger.statements import ROLLUP_FIELDS, TOKEN_FIELDS
from runs.sql import listed, statement

_SUMS = {
    **{name: f"sum({name})" for name in TOKEN_FIELDS},
    "successful_requests": "count(*) FILTER (WHERE kind = 'model' AND state IN ('ok', 'late') AND NOT cache_hit)",
    "spent_nusd": "sum(cost_nusd)",
    "unpriced_calls": "count(*) FILTER (WHERE state <> 'intent' AND cost_nusd IS NULL)",
    "estimated_calls": "count(*) FILTER (WHERE usage_estimated)",
}


def _rollup(what: str, table: str, column: str) -> Invariant:
    """``table`` keeps the sums; ``column`` is a call's key to it."""
    figures = (f"('{name}', kept.{name}::numeric, coalesce(sums.{name}, 0))" for name in ROLLUP_FIELDS)
    return Invariant(
        f"{what}_sums",
        f"Each figure of a {what} is the sum of its calls.",
        statement(
            """
            WITH sums AS (
                SELECT {column}, {sums}
                FROM runs_call WHERE {column} IS NOT NULL GROUP BY {column})
            SELECT concat(kept.id, ' ', field) AS id, found, expected
            FROM {table} AS kept LEFT JOIN sums ON sums.{column} = kept.id
            CROSS JOIN LATERAL (VALUES {figures}) AS figure (field, found, expected)
            WHERE found <> expected
            """,
            table=SQL(table),
            column=SQL(column),
            sums=listed(f"{_SUMS[name]} AS {name}" for name in ROLLUP_FIELDS),
            figures=listed(figures),
        ),
    )


SUMS = (
    _rollup("run", "runs_run", "run_id"),
    _rollup("task", "runs_taskrun", "task_run_id"),
    Invariant(
        "run_ratings",
        "A run keeps how many ratings it has, and the sum of their stars.",
        """
        WITH sums AS (SELECT run_id, sum(stars) AS stars, count(*) AS count FROM runs_rating GROUP BY run_id)
        SELECT run.id, concat_ws(' of ', run.rating_sum, run.rating_count) AS found,
               concat_ws(' of ', coalesce(sums.stars, 0), coalesce(sums.count, 0)) AS expected
        FROM runs_run AS run LEFT JOIN sums ON sums.run_id = run.id
        WHERE (run.rating_sum, run.rating_count) <> (coalesce(sums.stars, 0), coalesce(sums.count, 0))
        """,
    ),
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
        """
        SELECT run.id, run.spent_nusd + run.reserved_nusd AS found, run.budget_nusd + excess.nusd AS expected
        FROM runs_run AS run CROSS JOIN LATERAL (
            SELECT coalesce(sum(greatest(call.cost_nusd - call.reserved_nusd, 0)), 0) AS nusd
            FROM runs_call AS call
            LEFT JOIN runs_correction AS priced ON priced.call_id = call.id AND priced.why = 'priced'
            WHERE call.run_id = run.id AND coalesce(priced.made_at, call.finished_at)
                >= (SELECT max(started_at) FROM runs_call WHERE run_id = run.id)
        ) AS excess
        WHERE run.spent_nusd + run.reserved_nusd > run.budget_nusd
          AND run.spent_nusd + run.reserved_nusd > run.budget_nusd + excess.nusd
        """,
    ),
)
"""``run_budget``: every call is opened within the budget, and no budget is set below what is used. So only calls that
were settled, or priced, after the last one was opened can have gone over it."""
