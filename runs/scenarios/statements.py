"""The statements that re-price calls: one for each way to read them, with one rule, ``token_spend``, for the cost.

A line is one call, or calls that are priced alike and summed (``UsageSum``). Its own prices are what is kept with it.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg.sql import SQL

from runs.ledger.rollups.tables import AS_BOOKED, OWN_PRICES, USAGE_KEYS, USAGE_SUMS, USAGE_TOKENS
from runs.ledger.token_spend import BY_OUR_PRICE_NUSD, TOOK_MS
from runs.sql import listed, statement

CACHED_FROM_TOKENS = 1_024
"""Providers cache no shorter prompt: platform.openai.com/docs/guides/prompt-caching says so of OpenAI, and Anthropic's
and Google's least lengths are this or longer."""
MARKS = ("as_booked", "priced", "prompt_above", "asks_tools", "asks_schema")
FIGURES = ("calls", "cost_nusd", "beyond_ours_nusd", "stated_calls", *USAGE_TOKENS)
COLUMNS = ("crew_id", "agent", "model", *MARKS, *OWN_PRICES, *FIGURES)

_SETTLED: LiteralString = "call.kind = 'model' AND call.state <> 'intent'"
_OF_CALL: dict[str, LiteralString] = {
    **{name: f"call.{name}" for name in (*OWN_PRICES, *USAGE_TOKENS)},
    "crew_id": "run.crew_id",
    "agent": "call.agent",
    "model": "call.model",
    "took_ms": TOOK_MS,
    "as_booked": AS_BOOKED,
    "priced": "(call.cost_nusd IS NOT NULL)",
    "prompt_above": "(call.prompt_tokens - 1)",
    "asks_tools": USAGE_KEYS["asks_tools"],
    "asks_schema": USAGE_KEYS["asks_schema"],
    "calls": "1",
    "cost_nusd": "coalesce(call.cost_nusd, 0)",
    "beyond_ours_nusd": "coalesce(call.beyond_ours_nusd, 0)",
    "stated_calls": "call.provider_is_booked::int",
}
_WHICH: LiteralString = """
    (%(month)s::date IS NULL OR {month} = %(month)s) AND (%(crew)s::bigint IS NULL OR {crew} = %(crew)s)
"""

# Each call of the runs by itself.
CALLS_OF_RUNS = statement(
    """
    SELECT {columns} FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
    WHERE call.run_id = ANY(%(runs)s) AND {settled}
    """,
    columns=listed(f"{_OF_CALL[name]} AS {name}" for name in COLUMNS),
    settled=SQL(_SETTLED),
)
# Each call of a month, a crew, or both by itself.
CALLS_OF_MONTH = statement(
    """
    SELECT {columns} FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
    WHERE call.team_id = %(team)s AND call.simulated = %(simulated)s AND {settled} AND {which}
    """,
    columns=listed(f"{_OF_CALL[name]} AS {name}" for name in COLUMNS),
    settled=SQL(_SETTLED),
    which=SQL(_WHICH.format(month="call.billed_month", crew="run.crew_id")),
)
_PRICES_OF_SUM: dict[str, LiteralString] = {name: f"nullif({name}, -1) AS {name}" for name in OWN_PRICES}
# The same from sums, and what has not ended, which is in no sum.
SUMS_OF_MONTH = statement(
    """
    SELECT {columns} FROM (
        SELECT {names} FROM runs_usagesum
        WHERE team_id = %(team)s AND simulated = %(simulated)s AND calls > 0 AND {which}
        UNION ALL
        SELECT {names} FROM (
            SELECT {keys}, {figures} FROM runs_run AS run JOIN runs_call AS call ON call.run_id = run.id
            WHERE run.state = ANY(%(live)s) AND run.team_id = %(team)s AND call.simulated = %(simulated)s
              AND {settled} AND {which_live} GROUP BY {places}
        ) AS under_way
    ) AS summed
    """,
    columns=listed(_PRICES_OF_SUM.get(name, name) for name in COLUMNS),
    names=listed(COLUMNS),
    which=SQL(_WHICH.format(month="month", crew="crew_id")),
    which_live=SQL(_WHICH.format(month="call.billed_month", crew="run.crew_id")),
    settled=SQL(_SETTLED),
    keys=listed(f"{key} AS {name}" for name, key in USAGE_KEYS.items()),
    figures=listed(f"{figure} AS {name}" for name, figure in USAGE_SUMS.figures.items()),
    places=listed(str(place + 1) for place in range(len(USAGE_KEYS))),
)

# Whether a month, a crew or both have real calls, simulated ones, or both.
KINDS_OF_MONTH = statement(
    """
    SELECT DISTINCT simulated FROM runs_usagesum WHERE team_id = %(team)s AND calls > 0 AND {which}
    UNION
    SELECT DISTINCT call.simulated FROM runs_run AS run JOIN runs_call AS call ON call.run_id = run.id
    WHERE run.team_id = %(team)s AND run.state = ANY(%(live)s) AND {settled} AND {which_live}
    """,
    which=SQL(_WHICH.format(month="month", crew="crew_id")),
    which_live=SQL(_WHICH.format(month="call.billed_month", crew="run.crew_id")),
    settled=SQL(_SETTLED),
)

GROUPS = """
    SELECT crew_id, agent, model, sum(calls)::bigint AS calls, sum(prompt_tokens)::bigint AS prompt_tokens,
           sum(completion_tokens)::bigint AS completion_tokens, max(prompt_above) AS prompt_above,
           bool_or(asks_tools) AS asks_tools, bool_or(asks_schema) AS asks_schema,
           sum(stated_calls)::bigint AS stated_calls
    FROM ({lines}) AS line GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
"""Who asked which model, with what. ``prompt_above``: the longest prompt is longer than that."""

_TARGET_COLUMNS: dict[str, LiteralString] = {
    "crew_id": "bigint",
    "agent": "text",
    "model": "text",
    "place": "int",
    "other_model": "bool",
    "least_window": "bigint",
    "most_window": "bigint",
}
_RATE_COLUMNS: dict[str, LiteralString] = {
    "place": "int",
    "above": "bigint",
    "up_to": "bigint",
    **dict.fromkeys(OWN_PRICES, "numeric"),
}
_OURS: LiteralString = BY_OUR_PRICE_NUSD.replace("call.", "new.")

# What each group costs, and would cost. ``place`` is null where a group keeps its own prices, and leads to no rate
# where there is no price. A price by the second needs the call's time. What a provider stated as its cost stays where
# the model does, whatever the prices and the hit rate say. What is unknown on one side is compared on neither.
REPRICE = """
    WITH target ({targets}) AS (SELECT * FROM unnest({target_values})),
    rate ({rates}) AS (SELECT * FROM unnest({rate_values})),
    line AS ({lines}),
    chosen AS (
        SELECT line.*, target.place, target.least_window, target.most_window,
               rate.place IS NOT NULL AS has_rate, {rate_columns}, alike.same,
               line.stated_calls > 0 AND NOT target.other_model AS stays
        FROM line JOIN target USING (crew_id, agent, model)
        LEFT JOIN rate ON rate.place = target.place
                      AND line.prompt_above >= rate.above AND line.prompt_above < rate.up_to
        CROSS JOIN LATERAL (
            SELECT target.place IS NULL
                   OR NOT target.other_model AND ({rate_own}) IS NOT DISTINCT FROM ({line_own}) AS same
        ) AS alike),
    new AS (
        SELECT crew_id, agent, model, calls, cost_nusd, as_booked, priced, same, stays, beyond_ours_nusd, stated_calls,
               asks_tools, asks_schema, prompt_above, least_window, most_window, is_cached,
               place IS NULL OR has_rate AS has_price, completion_tokens, reasoning_tokens, citation_tokens, searches,
               took_ms, prompt_tokens, {new_prices},
               NOT (same OR stays OR as_booked) AND took_ms = 0 AND coalesce(rate_second_usd, 0) > 0 AS is_untimed,
               CASE WHEN is_cached THEN prompt_tokens * %(hit)s::numeric ELSE cached_prompt_tokens END
                   AS cached_prompt_tokens,
               CASE WHEN NOT is_cached THEN cache_write_tokens
                    WHEN writes_usd IS NULL THEN 0
                    ELSE prompt_tokens * (1 - %(hit)s::numeric) END AS cache_write_tokens
        FROM (SELECT chosen.*,
                     CASE WHEN same THEN cache_write_usd_per_mtok ELSE rate_cache_write_usd_per_mtok END AS writes_usd,
                     %(hit)s::numeric IS NOT NULL AND NOT stays AND prompt_above >= %(cached_from)s - 1 AND
                     CASE WHEN same THEN cached_usd_per_mtok ELSE rate_cached_usd_per_mtok END IS NOT NULL AS is_cached
              FROM chosen) AS chosen),
    priced AS (
        SELECT new.*, same AND NOT is_cached AS is_kept,
            CASE WHEN as_booked OR stays OR same AND (input_usd_per_mtok IS NULL OR %(summed)s::bool AND NOT is_cached)
                 THEN CASE WHEN priced THEN cost_nusd END
                 WHEN has_price AND NOT is_untimed THEN {ours} + CASE WHEN same THEN beyond_ours_nusd ELSE 0 END
            END AS new_nusd
        FROM new)
    SELECT crew_id, agent, model,
           sum(calls)::bigint AS calls,
           coalesce(sum(cost_nusd) FILTER (WHERE priced), 0)::bigint AS cost_nusd,
           coalesce(sum(calls) FILTER (WHERE NOT priced), 0)::bigint AS unpriced_calls,
           coalesce(sum(calls) FILTER (WHERE is_untimed), 0)::bigint AS untimed_calls,
           coalesce(sum(calls) FILTER (WHERE priced AND new_nusd IS NULL AND NOT is_untimed), 0)::bigint
               AS newly_unlisted,
           coalesce(sum(calls) FILTER (WHERE {both}), 0)::bigint AS compared_calls,
           coalesce(sum(cost_nusd) FILTER (WHERE {both}), 0)::bigint AS compared_nusd,
           coalesce(sum(new_nusd) FILTER (WHERE {both}), 0)::bigint AS new_nusd,
           coalesce(sum(calls) FILTER (WHERE as_booked AND cost_nusd > 0), 0)::bigint AS booked_calls,
           coalesce(sum(stated_calls) FILTER (WHERE NOT stays), 0)::bigint AS stated_calls,
           coalesce(sum(stated_calls) FILTER (WHERE stays), 0)::bigint AS kept_stated_calls,
           coalesce(sum(calls) FILTER (WHERE NOT as_booked AND asks_tools), 0)::bigint AS tool_calls,
           coalesce(sum(calls) FILTER (WHERE NOT as_booked AND asks_schema), 0)::bigint AS schema_calls,
           coalesce(sum(calls) FILTER (WHERE NOT as_booked AND prompt_above >= most_window), 0)::bigint AS surely_long,
           coalesce(sum(calls) FILTER (WHERE NOT as_booked AND prompt_above >= least_window), 0)::bigint AS maybe_long,
           coalesce(sum(calls) FILTER (WHERE NOT as_booked AND prompt_above >= %(cached_from)s - 1), 0)::bigint
               AS cacheable_calls,
           coalesce(sum(calls) FILTER (WHERE is_cached), 0)::bigint AS cached_calls,
           coalesce(sum(calls) FILTER (WHERE %(summed)s::bool AND NOT (as_booked OR is_kept OR new_nusd IS NULL)), 0)
               ::bigint AS rounded_calls
    FROM priced GROUP BY 1, 2, 3
"""


def groups(lines: str) -> str:
    return statement(GROUPS, lines=SQL(lines))


def reprice(lines: str) -> str:
    return statement(
        REPRICE,
        lines=SQL(lines),
        targets=listed(_TARGET_COLUMNS),
        target_values=listed(f"%(target_{name})s::{kind}[]" for name, kind in _TARGET_COLUMNS.items()),
        rates=listed(_RATE_COLUMNS),
        rate_values=listed(f"%(rate_{name})s::{kind}[]" for name, kind in _RATE_COLUMNS.items()),
        rate_columns=listed(f"rate.{name} AS rate_{name}" for name in OWN_PRICES),
        rate_own=listed(f"rate.{name}" for name in OWN_PRICES),
        line_own=listed(f"line.{name}" for name in OWN_PRICES),
        new_prices=listed(
            f"CASE WHEN same THEN {name} ELSE rate_{name} END{_times(name)} AS {name}" for name in OWN_PRICES
        ),
        ours=SQL(_OURS),
        both=SQL("priced AND new_nusd IS NOT NULL"),
    )


def _times(name: LiteralString) -> LiteralString:
    """A fee of each call is due as often as the line has calls."""
    return " * calls" if name == "request_usd" else ""
