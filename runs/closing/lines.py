"""The lines of a bill as they are frozen: what the calls of the month cost, and the counter-lines that it takes.

A line of calls is a row of the rollup that bills are read from, with the names of the moment in place of keys. What
still runs is in no rollup, so its settled calls are added. One statement reads both, so that a run that ends meanwhile
is neither missed nor counted twice.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, LiteralString

from django.db import connection
from psycopg.sql import SQL

from runs.ledger.corrections import CORRECTED_NUSD
from runs.ledger.rollups import BILL_SUMS, LABELS
from runs.models.bill_sums import PARTS
from runs.sql import listed, statement
from teams.models import Team

GONE = "account removed"
TOKEN_GONE = "token removed"  # noqa: S105 - a word for people
TOKENS = (
    *("prompt_tokens", "cached_prompt_tokens", "cache_write_tokens"),
    *("completion_tokens", "reasoning_tokens"),
)
COUNTS = ("calls", "successful_requests", "unpriced_calls", "estimated_calls")
AMOUNTS = (*PARTS, "whole_nusd", "saved_nusd", "cache_saved_nusd")


def write_lines(bill_id: int, team: Team, month: date) -> None:
    """Writes the lines of the closed bill that will have this id. The caller has locked the month's bill."""
    parameters: dict[str, Any] = {
        "bill": bill_id,
        "team": team.pk,
        "month": month,
        "gone": GONE,
        "token_gone": TOKEN_GONE,
    }
    with connection.cursor() as cursor:
        cursor.execute(WRITE_CALLS, parameters)
        cursor.execute(WRITE_COUNTER_LINES, parameters)


def usd(nusd: LiteralString) -> LiteralString:
    """An amount in 1e-9 USD as a plain decimal text in USD, exactly; null for null."""
    return f"trim_scale(({nusd}) * 0.000000001::numeric)::text"


def in_usd(column: LiteralString) -> LiteralString:
    return column.replace("_nusd", "_usd")


_LIVE = replace(
    BILL_SUMS,
    source="runs_run AS run JOIN runs_call AS call ON call.run_id = run.id "
    "WHERE run.finished_at IS NULL AND call.state <> 'intent'",
).select("call.team_id = %(team)s AND call.billed_month = %(month)s AND NOT call.simulated")

WRITE_CALLS = statement(
    """
    WITH every AS (
        SELECT {keys}, {figures} FROM runs_billsum
        WHERE team_id = %(team)s AND NOT simulated AND month = %(month)s
        UNION ALL {live}),
    line AS (SELECT {keys}, {sums} FROM every GROUP BY {keys} HAVING sum(calls) <> 0),
    launched AS (
        SELECT DISTINCT ON (digest) digest, labels FROM (
            SELECT digest, labels::text AS labels FROM runs_launchlabels WHERE team_id = %(team)s
            UNION ALL
            SELECT {digest}, run.metadata::text FROM runs_run AS run
            WHERE run.team_id = %(team)s AND run.finished_at IS NULL) AS either
        WHERE digest <> '' ORDER BY digest, labels),
    shown AS (
        SELECT line.spent_nusd::bigint AS nusd, (
            SELECT row_to_json(named)::text FROM (
                SELECT 'calls' AS kind, line.day, crew.name AS crew, crew.slug AS crew_slug, version.number AS version,
                    CASE WHEN line.person <> 0 THEN coalesce(nullif(person.name, ''), person.email, %(gone)s) END
                        AS person,
                    person.email AS person_email,
                    CASE WHEN line.api_token = 0 THEN NULL WHEN token.id IS NULL THEN %(token_gone)s
                         ELSE concat_ws(' ', nullif(token.name, ''), token.prefix || '…') END AS api_token,
                    coalesce(launched.labels, '{{}}')::json AS labels,
                    nullif(line.agent, '') AS agent, nullif(line.model, '') AS model,
                    nullif(line.credential, '') AS provider_key, line.kind AS call_kind, line.cost_class,
                    line.state AS run_state,
                    {counts}, {tokens},
                    CASE WHEN line.unpriced_calls = 0 THEN {spent} END AS cost_usd, {spent} AS known_cost_usd, {amounts}
            ) AS named) AS text
        FROM line
        JOIN agents_app_crew AS crew ON crew.id = line.crew_id
        JOIN agents_app_crewversion AS version ON version.id = line.version_id
        LEFT JOIN teams_user AS person ON person.id = line.person
        LEFT JOIN teams_apitoken AS token ON token.id = line.api_token
        LEFT JOIN launched ON launched.digest = line.labels)
    INSERT INTO runs_closedline (bill_id, position, is_counter_line, nusd, text)
    SELECT %(bill)s, row_number() OVER (ORDER BY text COLLATE "C"), false, nusd, text FROM shown
    """,
    keys=listed(BILL_SUMS.keys),
    figures=listed(BILL_SUMS.figures),
    sums=listed(f"sum({name}) AS {name}" for name in BILL_SUMS.figures),
    live=SQL(_LIVE),
    digest=SQL(LABELS),
    spent=SQL(usd("line.spent_nusd")),
    counts=listed(f"line.{name}" for name in COUNTS),
    tokens=listed(f"line.{name}" for name in TOKENS),
    amounts=listed(f"{usd(f'line.{name}')} AS {in_usd(name)}" for name in AMOUNTS),
)

# Differences that late figures of calls on closed bills made, and that this bill took.
WRITE_COUNTER_LINES = statement(
    """
    WITH shown AS (
        SELECT {more} AS nusd, correction.made_at, call.id, (
            SELECT row_to_json(named)::text FROM (
                SELECT 'counter-line' AS kind, to_char(call.billed_month, 'YYYY-MM') AS of_month, old.number AS of_bill,
                    {made_at} AS made_at, run.id AS run, call.id AS call, crew.name AS crew, crew.slug AS crew_slug,
                    version.number AS version, coalesce(nullif(person.name, ''), person.email) AS person,
                    person.email AS person_email, run.metadata AS labels,
                    nullif(call.agent, '') AS agent, nullif(call.model, '') AS model,
                    nullif(call.credential, '') AS provider_key, call.kind AS call_kind, call.cost_class,
                    {booked} AS booked_usd, {exact} AS exact_usd,
                    CASE WHEN correction.cost_nusd IS NOT NULL THEN {more_usd} END AS cost_usd,
                    {more_usd} AS known_cost_usd
            ) AS named) AS text
        FROM runs_correction AS correction JOIN runs_call AS call ON call.id = correction.call_id
        JOIN runs_run AS run ON run.id = call.run_id
        JOIN agents_app_crew AS crew ON crew.id = run.crew_id
        JOIN agents_app_crewversion AS version ON version.id = run.version_id
        LEFT JOIN teams_user AS person ON person.id = run.created_by_id
        LEFT JOIN runs_closedbill AS old ON old.team_id = call.team_id AND old.month = call.billed_month
        WHERE call.team_id = %(team)s AND NOT call.simulated
          AND correction.month = %(month)s AND call.billed_month <> %(month)s)
    INSERT INTO runs_closedline (bill_id, position, is_counter_line, nusd, text)
    SELECT %(bill)s, (SELECT count(*) FROM runs_closedline WHERE bill_id = %(bill)s)
           + row_number() OVER (ORDER BY made_at, id), true, nusd, text
    FROM shown
    """,
    more=SQL(CORRECTED_NUSD),
    more_usd=SQL(usd(CORRECTED_NUSD)),
    booked=SQL(usd("correction.booked_nusd")),
    exact=SQL(usd("correction.cost_nusd")),
    made_at=SQL("to_char(correction.made_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"),
)
