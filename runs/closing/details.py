"""What a closed bill keeps besides its lines: runs behind what was wasted, prices that were applied, late figures, and
sums by label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connection
from psycopg.sql import SQL

from runs.bill_sums.dimensions import DIMENSIONS
from runs.closing.lines import usd
from runs.closing.sums import MOST_VALUES, Sum, dearest_first
from runs.ledger.corrections import CORRECTED_NUSD
from runs.sql import listed, statement
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
LABEL_TITLE = "label "
"""Begins the name of a table of sums by a label, in the frozen document."""
MOST_LABELS = 20
"""Labels by which sums are frozen, the dearest first; the lines have them all."""


def waste(team: Team, month: date, sums: Mapping[str, Sum]) -> list[dict[str, Any]]:
    """Each reason for which money was spent in vain, with its meaning, its sum and the runs behind it."""
    rows = _rows(WASTED_RUNS, {"team": team.pk, "month": month, "shown": SHOWN_RUNS})
    runs = {row["reason"]: row for row in rows}
    return [_reason(reason, sums[reason], runs.get(reason)) for reason in WASTE_WORDS if reason in sums]


def prices(team: Team, month: date) -> list[dict[str, Any]]:
    """The prices that were applied to the month's model calls, by model, each from its first call on."""
    return _rows(APPLIED_PRICES, {"team": team.pk, "month": month})


def late_figures(team: Team, month: date) -> dict[str, Any]:
    """Exact figures of the month's own calls that came while it was open. The lines have them already."""
    found = _rows(LATE_FIGURES, {"team": team.pk, "month": month})
    difference = found[0]["all_usd"] if found else "0"
    items = [{name: value for name, value in row.items() if name != "all_usd"} for row in found[:MOST_LATE]]
    return {"count": len(found), "difference_usd": difference, "items": items}


def label_sums(bill_id: int, total: Sum, go_on: Callable[[], None]) -> dict[str, list[dict[str, Any]]]:
    """Sums of the bill's written lines by each of the dearest labels, under ``label NAME``, the dearest value first.
    Each sums to ``total``. ``go_on`` is called between the statements."""
    found: defaultdict[str, list[Any]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(DEAREST_LABELS, {"bill": bill_id, "most": MOST_LABELS})
        names = [name for (name,) in cursor.fetchall()]
        go_on()
        cursor.execute(LABEL_SUMS, {"bill": bill_id, "names": names, "most": MOST_VALUES})
        for name, value, values, *sums in cursor.fetchall():
            found[name].append((value, values, Sum(*sums)))
    go_on()
    return {f"{LABEL_TITLE}{name}": _of_label(found[name], total) for name in names}


def _of_label(found: Sequence[tuple[str | None, int, Sum]], total: Sum) -> list[dict[str, Any]]:
    """With what was launched without the label, so that all is in it."""
    sums: list[tuple[str | None, Sum]] = [(value, one) for value, _, one in found if value is not None]
    others = next(((values, one) for value, values, one in found if value is None), (0, None))
    without = total - sum((one for _, _, one in found), Sum())
    if without.calls or without.counter_lines:
        sums.append((None, without))
    return dearest_first(sums, *others)


def _reason(reason: str, one: Sum, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """``row``: None where there are counter-lines alone, whose runs are those of another month."""
    runs = {"runs": row["runs"] if row else 0, "dearest_runs": row["dearest"] if row else []}
    return {"reason": str(reason), "meaning": WASTE_WORDS[reason], **one.shown(), **runs}


def _rows(query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


# By reason how many of the month's runs paid in vain, and which of them the most.
WASTED_RUNS = statement(
    """
    WITH of_run AS (
        SELECT {waste} AS reason, call.run_id, coalesce(sum(call.cost_nusd), 0) AS nusd
        FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
        WHERE call.team_id = %(team)s AND call.billed_month = %(month)s AND NOT call.simulated
          AND call.state <> 'intent'
        GROUP BY 1, 2)
    SELECT reason, count(*) AS runs, (array_agg(run_id::text ORDER BY nusd DESC, run_id))[:%(shown)s] AS dearest
    FROM of_run WHERE reason <> '' GROUP BY reason
    """,
    waste=SQL(DIMENSIONS["waste"].calls),
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

DEAREST_LABELS = """
    SELECT label.name
    FROM runs_closedline AS line CROSS JOIN LATERAL json_object_keys(line.text::json -> 'labels') AS label (name)
    WHERE line.bill_id = %(bill)s
    GROUP BY label.name ORDER BY sum(line.nusd) DESC, label.name COLLATE "C" LIMIT %(most)s
"""

# Of each name the dearest values, and in one row, without a value, what the others sum to and how many they are.
LABEL_SUMS = """
    WITH line AS (
        SELECT line.nusd, line.is_counter_line, one.*
        FROM runs_closedline AS line CROSS JOIN LATERAL json_to_record(line.text::json)
            AS one (calls bigint, unpriced_calls bigint, cost_usd text, labels json)
        WHERE line.bill_id = %(bill)s),
    summed AS (
        SELECT label.key AS name, coalesce(label.value, 'null') AS value,
               coalesce(sum(line.calls), 0) AS calls, coalesce(sum(line.unpriced_calls), 0) AS unpriced_calls,
               count(*) FILTER (WHERE line.is_counter_line) AS counter_lines, sum(line.nusd) AS nusd,
               count(*) FILTER (WHERE line.cost_usd IS NULL) AS unknown
        FROM line CROSS JOIN LATERAL json_each_text(line.labels) AS label
        WHERE label.key = ANY(%(names)s) GROUP BY 1, 2),
    placed AS (
        SELECT *, row_number() OVER (PARTITION BY name ORDER BY nusd DESC, value COLLATE "C") <= %(most)s AS is_shown
        FROM summed)
    SELECT name, CASE WHEN is_shown THEN value END AS shown, count(*), sum(calls)::bigint, sum(unpriced_calls)::bigint,
           sum(counter_lines)::bigint, sum(nusd)::bigint, sum(unknown)::bigint
    FROM placed GROUP BY name, shown
"""
