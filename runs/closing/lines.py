"""The lines of a bill as they are frozen: what the calls of the month cost, and the counter-lines that it takes.

A line of calls is a row of the rollup that bills are read from, with the names of the moment in place of keys. What
still runs is in no rollup, so its settled calls are added. One statement reads both, so that a run that ends meanwhile
is neither missed nor counted twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, LiteralString

from django.db import connection
from psycopg.sql import SQL

from runs.ledger.corrections import MOVED_ROWS, moved_in
from runs.ledger.rollups.tables import BILL_SUMS, LABELS
from runs.models.bill_sums import PARTS
from runs.sql import listed, statement
from teams.models import Team

CALLS, COUNTER_LINE = "calls", "counter-line"
"""Kinds of lines."""
GONE = "account removed"
TOKEN_GONE = "token removed"  # noqa: S105 - a word for people
TOKENS = (
    *("prompt_tokens", "cached_prompt_tokens", "cache_write_tokens"),
    *("completion_tokens", "reasoning_tokens"),
)
COUNTS = ("calls", "successful_requests", "unpriced_calls", "estimated_calls")
AMOUNTS = (*PARTS, "whole_nusd", "saved_nusd", "cache_saved_nusd")


def write_lines(bill_id: int, team: Team, month: date, go_on: Callable[[], None]) -> None:
    """Writes the lines of the closed bill that will have this id. The caller has locked the month's bill. ``go_on`` is
    called after each statement."""
    parameters: dict[str, Any] = {
        "bill": bill_id,
        "team": team.pk,
        "month": month,
        "gone": GONE,
        "token_gone": TOKEN_GONE,
        "calls": CALLS,
        "counter_line": COUNTER_LINE,
    }
    with connection.cursor() as cursor:
        for query in (WRITE_CALLS, WRITE_COUNTER_LINES):
            cursor.execute(query, parameters)
            go_on()


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

# What a line says of its call and run: of keys their names at this moment, and what is a text already.
_NAMES: LiteralString = """
    crew.name AS crew, crew.slug AS crew_slug, version.number AS version,
    CASE WHEN line.person <> 0 THEN coalesce(nullif(person.name, ''), person.email, %(gone)s) END AS person,
    person.email AS person_email,
    CASE WHEN line.api_token = 0 THEN NULL WHEN token.id IS NULL THEN %(token_gone)s
         ELSE concat_ws(' ', nullif(token.name, ''), token.prefix || '…') END AS api_token,
    batch.name AS batch, batch.id::text AS batch_id
"""
_TEXTS: LiteralString = """
    nullif(line.agent, '') AS agent, nullif(line.model, '') AS model, nullif(line.credential, '') AS provider_key,
    line.kind AS call_kind, line.cost_class, line.state AS run_state
"""
_NAMED_BY: LiteralString = """
    JOIN agents_app_crew AS crew ON crew.id = line.crew_id
    JOIN agents_app_crewversion AS version ON version.id = line.version_id
    LEFT JOIN teams_user AS person ON person.id = line.person
    LEFT JOIN teams_apitoken AS token ON token.id = line.api_token
    LEFT JOIN runs_batch AS batch ON batch.id = line.batch
"""

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
                SELECT %(calls)s::text AS kind, line.day, {names}, coalesce(launched.labels, '{{}}')::json AS labels,
                    {texts}, {counts}, {tokens},
                    CASE WHEN line.unpriced_calls = 0 THEN {spent} END AS cost_usd, {spent} AS known_cost_usd, {amounts}
            ) AS named) AS text
        FROM line {named_by} LEFT JOIN launched ON launched.digest = line.labels)
    INSERT INTO runs_closedline (bill_id, position, is_counter_line, nusd, text)
    SELECT %(bill)s, row_number() OVER (ORDER BY text COLLATE "C"), false, nusd, text FROM shown
    """,
    keys=listed(BILL_SUMS.keys),
    figures=listed(BILL_SUMS.figures),
    sums=listed(f"sum({name}) AS {name}" for name in BILL_SUMS.figures),
    live=SQL(_LIVE),
    digest=SQL(LABELS),
    names=SQL(_NAMES),
    texts=SQL(_TEXTS),
    named_by=SQL(_NAMED_BY),
    spent=SQL(usd("line.spent_nusd")),
    counts=listed(f"line.{name}" for name in COUNTS),
    tokens=listed(f"line.{name}" for name in TOKENS),
    amounts=listed(f"{usd(f'line.{name}')} AS {in_usd(name)}" for name in AMOUNTS),
)

# Differences that late figures of calls on closed bills made, and that this bill took.
WRITE_COUNTER_LINES = statement(
    """
    WITH line AS (
        SELECT {keys}, run.id AS run, call.id AS call, run.metadata AS metadata, correction.made_at,
               correction.booked_nusd, correction.cost_nusd, moved.nusd
        FROM {moved} WHERE {moved_in} AND correction.month = %(month)s),
    shown AS (
        SELECT line.nusd, line.made_at, line.call, (
            SELECT row_to_json(named)::text FROM (
                SELECT %(counter_line)s::text AS kind, (line.made_at AT TIME ZONE 'UTC')::date AS day,
                    to_char(line.month, 'YYYY-MM') AS of_month, old.number AS of_bill,
                    {made_at} AS made_at, line.run, line.call, {names}, line.metadata AS labels, {texts},
                    {booked} AS booked_usd, {exact} AS exact_usd,
                    CASE WHEN line.cost_nusd IS NOT NULL THEN {more_usd} END AS cost_usd,
                    {more_usd} AS known_cost_usd
            ) AS named) AS text
        FROM line {named_by} LEFT JOIN runs_closedbill AS old ON old.team_id = line.team_id AND old.month = line.month)
    INSERT INTO runs_closedline (bill_id, position, is_counter_line, nusd, text)
    SELECT %(bill)s, (SELECT count(*) FROM runs_closedline WHERE bill_id = %(bill)s)
           + row_number() OVER (ORDER BY made_at, call), true, nusd, text
    FROM shown
    """,
    keys=listed(f"{key} AS {name}" for name, key in BILL_SUMS.keys.items()),
    moved=SQL(MOVED_ROWS),
    moved_in=SQL(moved_in("%(month)s")),
    names=SQL(_NAMES),
    texts=SQL(_TEXTS),
    named_by=SQL(_NAMED_BY),
    more_usd=SQL(usd("line.nusd")),
    booked=SQL(usd("line.booked_nusd")),
    exact=SQL(usd("line.cost_nusd")),
    made_at=SQL("to_char(line.made_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"),
)
