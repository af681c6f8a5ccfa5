"""What a closed bill keeps besides its lines: runs behind what was wasted, prices that were applied, late figures."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import connection
from psycopg.sql import SQL

from runs.closing.lines import usd
from runs.closing.sums import Sum, Sums
from runs.ledger.corrections import CORRECTED_NUSD
from runs.sql import listed, statement
from runs.states import WASTED, RunState, RunWaste
from runs.words import WASTE_WORDS
from teams.models import Team

SHOWN_RUNS = 20
"""Runs that are named with each reason of waste, the dearest first; the others are counted."""
MOST_LATE = 1000
"""Late figures of the month's own calls that are listed; the others are counted and in the sum."""
PRICES = (
    *("input_usd_per_mtok", "output_usd_per_mtok", "cached_usd_per_mtok", "cache_write_usd_per_mtok"),
    *("reasoning_usd_per_mtok", "citation_usd_per_mtok", "request_usd", "search_usd", "second_usd"),
)
_LOST = {RunState.FAILED: RunWaste.FAILED, RunState.CANCELLED: RunWaste.CANCELLED}


def waste(team: Team, month: date, sums: Sums) -> list[dict[str, Any]]:
    """Each reason for which money was spent in vain, with its meaning, its sum and the runs behind it."""
    of_month = {"team": team.pk, "month": month, "shown": SHOWN_RUNS}
    classes = {row["reason"]: row for row in _rows(WASTED_CALLS, {**of_month, "wasted": list(WASTED)})}
    found = [_reason(name, sums.of_class(name), classes[name]) for name in WASTED if name in classes]
    for row in _rows(CALLS_OF_LOST_RUNS, {**of_month, "wasted": list(WASTED), "lost": list(_LOST)}):
        one = Sum(calls=row["calls"], unpriced_calls=row["unpriced_calls"], nusd=row["nusd"])
        found.append(_reason(_LOST[RunState(row["reason"])], one, row))
    return found


def prices(team: Team, month: date) -> list[dict[str, Any]]:
    """The prices that were applied to the month's model calls, by model, each from its first call on."""
    return _rows(APPLIED_PRICES, {"team": team.pk, "month": month})


def late_figures(team: Team, month: date) -> dict[str, Any]:
    """Exact figures of the month's own calls that came while it was open. The lines have them already."""
    found = _rows(LATE_FIGURES, {"team": team.pk, "month": month})
    difference = found[0]["all_usd"] if found else "0"
    items = [{name: value for name, value in row.items() if name != "all_usd"} for row in found[:MOST_LATE]]
    return {"count": len(found), "difference_usd": difference, "items": items}


def _reason(reason: str, one: Sum, row: dict[str, Any]) -> dict[str, Any]:
    runs = {"runs": row["runs"], "dearest_runs": row["dearest"]}
    return {"reason": str(reason), "meaning": WASTE_WORDS[reason], **one.shown(), **runs}


def _rows(query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


# Lines by reason: how many calls and runs, what they cost, and the dearest runs.
_BY_REASON = SQL("""
    SELECT reason, sum(calls)::bigint AS calls, sum(unpriced_calls)::bigint AS unpriced_calls,
           sum(nusd)::bigint AS nusd, count(*) AS runs,
           (array_agg(run_id::text ORDER BY nusd DESC, run_id))[:%(shown)s] AS dearest
    FROM of_run GROUP BY reason ORDER BY reason
""")

WASTED_CALLS = statement(
    """
    WITH of_run AS (
        SELECT cost_class AS reason, run_id, count(*) AS calls, count(*) FILTER (WHERE cost_nusd IS NULL)
                   AS unpriced_calls, coalesce(sum(cost_nusd), 0) AS nusd
        FROM runs_call WHERE team_id = %(team)s AND billed_month = %(month)s AND NOT simulated
          AND cost_class = ANY(%(wasted)s) AND state <> 'intent'
        GROUP BY cost_class, run_id)
    {by_reason}
    """,
    by_reason=_BY_REASON,
)

# Well made calls of runs that gave nothing.
CALLS_OF_LOST_RUNS = statement(
    """
    WITH of_run AS (
        SELECT run.state AS reason, run_id, count(*) AS calls, count(*) FILTER (WHERE call.cost_nusd IS NULL)
                   AS unpriced_calls, coalesce(sum(call.cost_nusd), 0) AS nusd
        FROM runs_run AS run JOIN runs_call AS call ON call.run_id = run.id
        WHERE run.team_id = %(team)s AND run.state = ANY(%(lost)s) AND run.finished_at >= %(month)s
          AND call.billed_month = %(month)s AND NOT call.simulated AND call.state <> 'intent'
          AND call.cost_class <> ALL(%(wasted)s)
        GROUP BY run.state, run_id)
    {by_reason}
    """,
    by_reason=_BY_REASON,
)

APPLIED_PRICES = statement(
    """
    SELECT call.model, quote.model AS entry,
           CASE WHEN quote.team_id IS NOT NULL THEN 'the team''s own' ELSE quote.source END AS source,
           to_char(quote.begins_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS in_force_from,
           nullif(call.priced_above_tokens, 0) AS above_tokens, {prices},
           to_char(min(call.started_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS first_used,
           to_char(max(call.started_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS last_used,
           count(*) AS calls, count(*) FILTER (WHERE call.provider_is_booked) AS booked_as_stated,
           count(*) FILTER (WHERE call.cost_nusd IS NULL) AS unpriced_calls,
           {spent} AS known_cost_usd
    FROM runs_call AS call LEFT JOIN runs_pricequote AS quote ON quote.id = call.quote_id
    WHERE call.team_id = %(team)s AND call.billed_month = %(month)s AND NOT call.simulated
      AND call.kind = 'model' AND NOT call.cache_hit AND call.state <> 'intent'
    GROUP BY call.model, quote.id, call.priced_above_tokens, {columns}
    ORDER BY call.model COLLATE "C", min(call.started_at), min(call.id::text)
    """,
    prices=listed(f"trim_scale(call.{name})::text AS {name}" for name in PRICES),
    columns=listed(f"call.{name}" for name in PRICES),
    spent=SQL(usd("coalesce(sum(call.cost_nusd), 0)")),
)

LATE_FIGURES = statement(
    """
    SELECT call.id::text AS call, call.run_id::text AS run, nullif(call.model, '') AS model,
           to_char(made_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, {booked} AS booked_usd, {exact} AS exact_usd,
           {all} AS all_usd
    FROM runs_correction AS correction JOIN runs_call AS call ON call.id = correction.call_id
    WHERE call.team_id = %(team)s AND call.billed_month = %(month)s AND NOT call.simulated
      AND correction.month = %(month)s
    ORDER BY abs({more}) DESC, call.id
    """,
    booked=SQL(usd("correction.booked_nusd")),
    exact=SQL(usd("correction.cost_nusd")),
    all=SQL(usd(f"sum({CORRECTED_NUSD}) OVER ()")),
    more=SQL(CORRECTED_NUSD),
)
