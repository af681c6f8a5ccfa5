"""The statements that write a run's record. One opens a call and one settles it, each with all the sums that it moves;
one begins a task and one ends it. Each locks the run before anything that belongs to the run.

``lines`` and ``journal`` fill them in and say what their values mean.
"""

from __future__ import annotations

from psycopg.sql import SQL

from runs.models.call import CALL_PARTS
from runs.months import THIS_MONTH
from runs.sql import listed, statement

TOKEN_FIELDS = (
    "prompt_tokens",
    "cached_prompt_tokens",
    "cache_write_tokens",
    "completion_tokens",
    "reasoning_tokens",
)

_PRICE_VALUES = {
    "input_usd_per_mtok": "%(input)s::numeric",
    "output_usd_per_mtok": "%(output)s::numeric",
    "cached_usd_per_mtok": "%(cached)s::numeric",
    "cache_write_usd_per_mtok": "%(cache_write)s::numeric",
    "reasoning_usd_per_mtok": "%(reasoning)s::numeric",
    "priced_above_tokens": "%(above_tokens)s",
}

_FEE_VALUES = {
    "quote_id": "%(quote)s",
    "request_usd": "%(request_usd)s::numeric",
    "search_usd": "%(search_usd)s::numeric",
    "citation_usd_per_mtok": "%(citation_usd_per_mtok)s::numeric",
    "second_usd": "%(second_usd)s::numeric",
}

ROLLUP_FIELDS = (*TOKEN_FIELDS, "successful_requests", "spent_nusd", "unpriced_calls", "estimated_calls")

_CALL_VALUES = {
    "id": "%(id)s",
    "team_id": "%(team)s",
    "run_id": "%(run)s",
    "task_run_id": "%(task)s::bigint",
    "agent": "%(agent)s",
    "branch": "%(branch)s",
    "step": "%(step)s",
    "attempt": "%(attempt)s",
    "epoch": "%(epoch)s",
    "kind": "%(kind)s",
    "purpose": "%(purpose)s",
    "cost_class": "'work'",
    "state": "'intent'",
    "simulated": "%(simulated)s",
    "model": "%(model)s",
    "credential": "%(credential)s",
    "params": "%(params)s::json",
    "messages": "%(messages)s::json",
    "tool": "%(tool)s",
    "arguments": "%(arguments)s",
    "effect": "%(effect)s",
    "counted_tokens": "%(counted_tokens)s",
    "cache_key": "%(cache_key)s",
    "waited_ms": "%(waited_ms)s",
    "budget_ms": "%(budget_ms)s",
    **_PRICE_VALUES,
    **_FEE_VALUES,
    "reserved_nusd": "%(reserved)s",
    "billed_month": "month.begins",
    "usage_estimated": "false",
    "cache_hit": "false",
}
_CALL_VALUES |= dict.fromkeys(TOKEN_FIELDS, "0")
_CALL_VALUES |= dict.fromkeys(
    ("model_answered", "tool_output", "finish_reason", "error_code", "error", "provider_request_id"), "''"
)

# Opens a call: reserves its worst case on run, bill and allowance, and writes the line if all three cover it.
# The month's bill, and a member's allowance, begin with their first call, at the budget of that moment.
# Lock order: bill before allowance.
OPEN = statement(
    """
    WITH month AS (SELECT {this_month} AS begins),
    earlier AS (SELECT FROM runs_call WHERE id = %(id)s),
    run AS (
        UPDATE runs_run SET reserved_nusd = reserved_nusd + %(reserved)s, revision = revision + 1
        WHERE id = %(run)s AND lease_epoch = %(epoch)s AND state = 'running' AND cancel_requested_at IS NULL
          AND (budget_nusd IS NULL OR spent_nusd + reserved_nusd + %(reserved)s <= budget_nusd)
          AND NOT EXISTS (SELECT FROM earlier)
        RETURNING id, created_by_id),
    bill AS (
        INSERT INTO runs_bill AS bill (team_id, month, budget_nusd, spent_nusd, reserved_nusd)
        SELECT team.id, month.begins, team.budget_nusd, 0, %(reserved)s FROM teams_team AS team, month
        WHERE team.id = %(team)s AND NOT %(simulated)s AND EXISTS (SELECT FROM run)
          AND (team.budget_nusd IS NULL OR %(reserved)s <= team.budget_nusd
               OR EXISTS (SELECT FROM runs_bill WHERE team_id = team.id AND runs_bill.month = month.begins))
        ON CONFLICT (team_id, month) DO UPDATE SET reserved_nusd = bill.reserved_nusd + excluded.reserved_nusd
        WHERE bill.closed_at IS NULL AND (bill.budget_nusd IS NULL
            OR bill.spent_nusd + bill.reserved_nusd + excluded.reserved_nusd <= bill.budget_nusd)
        RETURNING bill.id),
    person AS (
        SELECT run.created_by_id AS id, coalesce(membership.budget_nusd, team.user_budget_nusd) AS budget_nusd
        FROM run JOIN teams_team AS team ON team.id = %(team)s
        LEFT JOIN teams_membership AS membership
            ON membership.team_id = team.id AND membership.user_id = run.created_by_id
        WHERE run.created_by_id IS NOT NULL AND EXISTS (SELECT FROM bill)),
    allowance AS (
        INSERT INTO runs_allowance AS allowance (team_id, user_id, month, budget_nusd, spent_nusd, reserved_nusd)
        SELECT %(team)s, person.id, month.begins, person.budget_nusd, 0, %(reserved)s FROM person, month
        WHERE person.budget_nusd IS NULL OR %(reserved)s <= person.budget_nusd
           OR EXISTS (SELECT FROM runs_allowance AS begun
                      WHERE begun.team_id = %(team)s AND begun.user_id = person.id AND begun.month = month.begins)
        ON CONFLICT (team_id, user_id, month) DO UPDATE
            SET reserved_nusd = allowance.reserved_nusd + excluded.reserved_nusd
        WHERE allowance.budget_nusd IS NULL
           OR allowance.spent_nusd + allowance.reserved_nusd + excluded.reserved_nusd <= allowance.budget_nusd
        RETURNING allowance.id),
    line AS (
        INSERT INTO runs_call ({columns})
        SELECT {values} FROM month
        WHERE EXISTS (SELECT FROM run) AND (%(simulated)s OR EXISTS (SELECT FROM bill)
            AND (EXISTS (SELECT FROM allowance) OR NOT EXISTS (SELECT FROM person)))
        RETURNING id),
    task AS (
        UPDATE runs_taskrun SET waits_for = '', waits_until = NULL
        WHERE id = %(task)s AND waits_for <> '' AND EXISTS (SELECT FROM line))
    SELECT EXISTS (SELECT FROM earlier) AS earlier, EXISTS (SELECT FROM run) AS reserved_on_run,
           (SELECT id FROM bill) AS bill_id, EXISTS (SELECT FROM line) AS written
    FROM pg_notify(%(channel)s, %(run)s::text)
    """,
    this_month=THIS_MONTH,
    columns=listed(_CALL_VALUES),
    values=listed(_CALL_VALUES.values()),
)

_UNSETTLED_CALLS = SQL("""
    SELECT call.id, call.run_id, call.task_run_id, call.team_id, call.billed_month, call.simulated, call.kind,
           call.purpose, call.attempt, call.state, call.input_usd_per_mtok IS NOT NULL AS priced,
           call.reserved_nusd, call.cost_nusd, {tokens}, call.usage_estimated,
           run.lease_epoch = call.epoch AND run.state = 'running' AS holds_run,
           run.finished_at IS NOT NULL AS run_ended, run.created_by_id AS person_id
    FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
""").format(tokens=listed(f"call.{name}" for name in TOKEN_FIELDS))

# Reads the call that an outcome came for, unless it was settled for good, and locks its run and it.
READ_TO_SETTLE = statement(
    """
    {unsettled_calls} WHERE call.id = %s AND call.state IN ('intent', 'unknown')
    FOR NO KEY UPDATE OF run FOR UPDATE OF call
    """,
    unsettled_calls=_UNSETTLED_CALLS,
)

# Reads and locks the open calls of a run that the caller has locked.
READ_OPEN = statement(
    "{unsettled_calls} WHERE call.run_id = %s AND call.state = 'intent' ORDER BY call.id FOR UPDATE OF call",
    unsettled_calls=_UNSETTLED_CALLS,
)

_APPLIED_PRICES = listed(
    f"{name} = CASE WHEN %(repriced)s THEN {value} ELSE {name} END" for name, value in _PRICE_VALUES.items()
)
_ADDED_SUMS = listed(f"{name} = {name} + %(more_{name})s" for name in ROLLUP_FIELDS)

# Writes a call's outcome, adds it to the sums of task, run, bill and allowance, and releases what was reserved for it.
# Lock order: bill before allowance.
SETTLE = statement(
    """
    WITH line AS (
        UPDATE runs_call SET state = %(state)s, cost_class = %(cost_class)s, cost_nusd = %(cost)s, {applied_prices},
            {tokens}, {parts},
            citation_tokens = %(citation_tokens)s, searches = %(searches)s, took_ms = %(took_ms)s,
            provider_nusd = %(provider_nusd)s, provider_is_booked = %(provider_is_booked)s,
            usage_estimated = %(usage_estimated)s, cache_hit = %(cache_hit)s, cache_age_s = %(cache_age_s)s,
            saved_nusd = %(saved)s, cache_key = CASE WHEN %(reusable)s THEN cache_key ELSE '' END,
            error = %(error)s, error_code = %(error_code)s, tool_output = %(tool_output)s,
            latency_ms = %(latency_ms)s, reply = %(reply)s::json, model_answered = %(model_answered)s,
            finish_reason = %(finish_reason)s, provider_request_id = %(provider_request_id)s, ttft_ms = %(ttft_ms)s,
            finished_at = clock_timestamp()
        WHERE id = %(id)s),
    task AS (UPDATE runs_taskrun SET {added_sums} WHERE id = %(task)s),
    run AS (
        UPDATE runs_run SET {added_sums}, reserved_nusd = reserved_nusd - %(released)s, revision = revision + 1,
            fruitless_takeovers = CASE WHEN %(progress)s THEN 0 ELSE fruitless_takeovers END
        WHERE id = %(run)s),
    bill AS (
        UPDATE runs_bill SET spent_nusd = spent_nusd + %(more_spent_nusd)s,
            reserved_nusd = reserved_nusd - %(released)s
        WHERE team_id = %(team)s AND month = %(month)s
        RETURNING id),
    allowance AS (
        UPDATE runs_allowance SET spent_nusd = spent_nusd + %(more_spent_nusd)s,
            reserved_nusd = reserved_nusd - %(released)s
        WHERE team_id = %(team)s AND user_id = %(person)s AND month = %(month)s
          AND (SELECT count(*) FROM bill) > 0)
    SELECT pg_notify(%(channel)s, %(run)s::text)
    """,
    applied_prices=_APPLIED_PRICES,
    tokens=listed(f"{name} = %({name})s" for name in TOKEN_FIELDS),
    parts=listed(f"{part}_nusd = %({part}_nusd)s" for part in CALL_PARTS),
    added_sums=_ADDED_SUMS,
)

# The run, if it is still held at this epoch.
_HELD_RUN = SQL("""
    run AS (
        UPDATE runs_run SET revision = revision + 1
        WHERE id = %(run)s AND lease_epoch = %(epoch)s AND state = 'running' RETURNING id)
""")

# Begins a task of a run that is still held.
START_TASK = statement(
    """
    WITH {held_run}, task AS (
        UPDATE runs_taskrun SET state = 'running', agent = %(agent)s,
            started_at = coalesce(started_at, clock_timestamp())
        FROM run WHERE runs_taskrun.id = %(task)s AND state IN ('pending', 'waiting'))
    SELECT pg_notify(%(channel)s, id::text) FROM run
    """,
    held_run=_HELD_RUN,
)

# Ends a task of a run that is still held, or lets it wait for a person.
END_TASK = statement(
    """
    WITH {held_run}, task AS (
        UPDATE runs_taskrun SET state = %(state)s, cache_key = %(cache_key)s, output_raw = %(raw)s,
            output_json = %(data)s::json, output_note = %(note)s, error = %(error)s, error_code = %(error_code)s,
            waits_for = '', waits_until = NULL,
            finished_at = CASE WHEN %(state)s = 'waiting' THEN NULL ELSE clock_timestamp() END
        FROM run WHERE runs_taskrun.id = %(task)s AND state IN ('pending', 'running', 'waiting'))
    SELECT pg_notify(%(channel)s, id::text) FROM run
    """,
    held_run=_HELD_RUN,
)

# Marks the model call whose answer was refused, of a run that is still held: what it cost was in vain. A reply that was
# taken from a cache cost nothing and stays what it is.
REFUSE_ANSWER = statement(
    """
    WITH {held_run}, answer AS (
        SELECT call.id FROM runs_call AS call JOIN run ON call.run_id = run.id
        WHERE task_run_id = %(task)s AND branch = %(branch)s AND kind = 'model' AND state = 'ok'
          AND (%(step)s::int IS NULL OR step = %(step)s)
        ORDER BY step DESC LIMIT 1),
    refused AS (
        UPDATE runs_call SET refused_by = %(by)s, cost_class = 'rejected' FROM answer
        WHERE runs_call.id = answer.id AND refused_by = '' AND NOT cache_hit)
    SELECT pg_notify(%(channel)s, id::text) FROM run
    """,
    held_run=_HELD_RUN,
)

# Says what the next call of a running task waits for, and until when at most.
TASK_WAITS = statement(
    """
    WITH {held_run}, task AS (
        UPDATE runs_taskrun SET waits_for = %(waits_for)s,
            waits_until = clock_timestamp() + make_interval(secs => %(seconds)s)
        FROM run WHERE runs_taskrun.id = %(task)s AND state = 'running')
    SELECT pg_notify(%(channel)s, id::text) FROM run
    """,
    held_run=_HELD_RUN,
)
