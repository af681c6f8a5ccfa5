"""Opens a line of the ledger with what is reserved for it, and settles it with what the call took.

Either statement also keeps the sums of task, run, bill and allowance. Who may open a call is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from engine.catalogue.pricing import PARTS, Parts, Rates, worst_case_rates
from engine.errors import Cancelled
from engine.record.journal import CallIntent, CallOutcome, CallStatus, Purpose
from engine.text import json_text, storable
from runs.ledger import rollups
from runs.ledger.corrections import keep_correction, open_month
from runs.ledger.statements import OPEN, READ_OPEN, READ_TO_SETTLE, ROLLUP_FIELDS, SETTLE, TOKEN_FIELDS
from runs.live.notify import CHANNEL
from runs.models.call import CALL_PARTS
from runs.money import to_nusd
from runs.sql import rows_as
from runs.states import CallState, CostClass

CLASS_OF_PURPOSE = {
    Purpose.WORK: CostClass.WORK,
    Purpose.PLANNING: CostClass.PLANNING,
    Purpose.MANAGER: CostClass.MANAGER,
    Purpose.GUARDRAIL: CostClass.GUARDRAIL,
}


@dataclass(frozen=True, slots=True)
class Opened:
    """Which of the things that opening a call takes were done."""

    earlier: bool  # the line was there already
    reserved_on_run: bool
    bill_id: int | None  # this month's bill, if it was reserved there too
    written: bool


@dataclass(frozen=True, slots=True)
class UnsettledCall:
    """A call that is open, or whose outcome is unknown, as its locked row has it."""

    id: UUID
    run_id: UUID
    task_run_id: int | None
    team_id: int
    billed_month: Any
    simulated: bool
    kind: str
    purpose: str
    attempt: int
    state: str
    priced: bool  # its price is known
    reserved_nusd: int
    cost_nusd: int | None
    prompt_tokens: int
    cached_prompt_tokens: int
    cache_write_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    usage_estimated: bool
    holds_run: bool  # the lease that opened it still holds the run
    run_ended: bool
    person_id: int | None  # who launched the run


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose call it is. Ids of rows, and the epoch at which the run is held."""

    team: int
    run: UUID
    epoch: int
    task: int | None  # None: the crew as a whole


def open_line(call_id: UUID, intent: CallIntent, owner: Owner, *, credential: str, waits: dict[str, int]) -> Opened:
    """Reserves on run, bill and allowance and writes the line.

    Where a later reservation failed, the line is not written and the earlier ones stay: ``Opened`` says which to undo.
    """
    price = intent.price
    parameters: dict[str, Any] = {
        "id": call_id,
        "team": owner.team,
        "run": owner.run,
        "task": owner.task,
        "epoch": owner.epoch,
        "reserved": to_nusd(intent.reserved_usd),
        "agent": intent.agent,
        "branch": intent.branch,
        "step": intent.step,
        "attempt": intent.attempt,
        "kind": intent.kind.value,
        "purpose": intent.purpose.value,
        "simulated": intent.simulated,
        "model": intent.model,
        "credential": credential,
        "params": json_text(intent.params),
        "messages": json_text(intent.messages),
        "tool": storable(intent.tool),
        "arguments": storable(intent.arguments),
        "effect": intent.effect.value,
        "counted_tokens": intent.prompt_tokens,
        "cache_key": intent.cache_key,
        **waits,
        **_prices(price and worst_case_rates(intent.prompt_tokens, price)),
        "quote": price and price.quote_id,
        "request_usd": price and price.request_usd,
        "search_usd": price and price.search_usd,
        "citation_usd_per_mtok": price and price.citation_usd_per_mtok,
        "second_usd": price and price.second_usd,
        "channel": CHANNEL,
    }
    with connection.cursor() as cursor:
        cursor.execute(OPEN, parameters)
        return rows_as(Opened, cursor)[0]


def line_to_settle(call_id: UUID) -> UnsettledCall | None:
    """The call, with its row locked; None if it was settled for good."""
    return next(iter(_locked(READ_TO_SETTLE, call_id)), None)


def open_lines(run_id: UUID) -> list[UnsettledCall]:
    """The open calls of a run, with their rows locked. The caller has locked the run."""
    return _locked(READ_OPEN, run_id)


def _locked(query: str, key: UUID) -> list[UnsettledCall]:
    with connection.cursor() as cursor:
        cursor.execute(query, [key])
        return rows_as(UnsettledCall, cursor)


def settle(line: UnsettledCall, outcome: CallOutcome, *, fresh: bool) -> None:
    """Books the outcome on line, task and run and, if it was real money, on the month's bill and allowance.

    ``fresh``: it came to the worker that holds the run. If the line's outcome was unknown, an exact figure takes the
    place of the assumed one and a correction keeps that; another unknown outcome changes nothing.
    """
    if line.state == CallState.UNKNOWN and outcome.status is CallStatus.UNKNOWN:
        return
    state = _settled_state(outcome, fresh)
    cost = to_nusd(outcome.cost_usd)
    now = _figures(line, outcome, state)
    before = _contribution(line)
    parameters = _of_outcome(line, outcome, state) | {
        **{f"more_{name}": now[name] - before[name] for name in ROLLUP_FIELDS},
        **{name: now[name] for name in TOKEN_FIELDS},
        **_prices(outcome.rates),
        **parts_of(outcome.parts),
        "repriced": outcome.rates is not None,
        "cost": cost,
        "released": line.reserved_nusd if line.state == CallState.INTENT else 0,
        "progress": fresh and state == CallState.OK,
        "channel": CHANNEL,
    }
    with connection.cursor() as cursor:
        parameters["month"] = _month_of(cursor, line)
        if line.state == CallState.UNKNOWN:
            month = parameters["month"] or line.billed_month
            keep_correction(cursor, line.id, booked=line.cost_nusd, cost=cost, month=month)
        with _kept_in_rollups(line):
            cursor.execute(SETTLE, parameters)


def _month_of(cursor: Any, line: UnsettledCall) -> date | None:
    """The month whose bill takes the call's cost, or the difference that a late figure makes; None for a simulated
    call, which is on no bill. Where rollups or a second bill follow, that bill is locked. Lock order: bills first."""
    if line.simulated:
        return None
    if line.state == CallState.UNKNOWN:
        return open_month(cursor, team=line.team_id, person=line.person_id, month=line.billed_month)
    if line.run_ended:
        cursor.execute(LOCK_BILL, [line.team_id, line.billed_month])
    month: date = line.billed_month
    return month


@contextmanager
def _kept_in_rollups(line: UnsettledCall) -> Iterator[None]:
    """The rollups follow what is written within."""
    if not line.run_ended:
        yield
        return
    rollups.take_out(line.run_id)
    yield
    rollups.add(line.run_id)


LOCK_BILL = "SELECT FROM runs_bill WHERE team_id = %s AND month = %s FOR NO KEY UPDATE"


def _figures(line: UnsettledCall, outcome: CallOutcome, state: CallState) -> dict[str, int]:
    """What the call adds to each sum."""
    return {name: getattr(outcome.usage, name) for name in TOKEN_FIELDS} | {
        "successful_requests": int(_is_request(line, outcome, state)),
        "spent_nusd": to_nusd(outcome.cost_usd) or 0,
        "unpriced_calls": int(outcome.cost_usd is None),
        "estimated_calls": int(outcome.usage.estimated),
    }


def _of_outcome(line: UnsettledCall, outcome: CallOutcome, state: CallState) -> dict[str, Any]:
    reply = outcome.reply
    return {
        "id": line.id,
        "run": line.run_id,
        "task": line.task_run_id,
        "team": line.team_id,
        "person": line.person_id,
        "state": state.value,
        "cost_class": _cost_class(line, outcome, state).value,
        "usage_estimated": outcome.usage.estimated,
        "citation_tokens": outcome.usage.citation_tokens,
        "searches": outcome.usage.searches,
        "took_ms": outcome.usage.took_ms,
        "provider_nusd": outcome.usage.stated_nusd,
        "provider_is_booked": outcome.is_stated,
        "cache_hit": outcome.cache_hit,
        "cache_age_s": outcome.cache_age_s,
        "saved": to_nusd(outcome.saved_usd),
        "reusable": outcome.reusable,
        "error": storable(outcome.error),
        "error_code": outcome.error_code,
        "tool_output": storable(outcome.tool_output or ""),
        "latency_ms": outcome.latency_ms,
        "reply": json_text(asdict(reply)) if reply else None,
        "model_answered": storable(reply.model)[:200] if reply else "",
        "finish_reason": storable(reply.finish_reason)[:40] if reply else "",
        "provider_request_id": storable(reply.provider_request_id)[:200] if reply else "",
        "ttft_ms": reply.ttft_ms if reply else None,
    }


def parts_of(parts: Parts | None) -> dict[str, int | None]:
    """What the cost is made of, by column."""
    columns = {f"{column}_nusd": part for column, part in zip(CALL_PARTS, PARTS, strict=True)}
    if parts is None:
        return dict.fromkeys(columns) | {"seconds_nusd": 0}
    return {column: getattr(parts, part) for column, part in columns.items()}


def _prices(rates: Rates | None) -> dict[str, Any]:
    """The prices that are kept with a call: its reservation's until it is known which ones apply."""
    return {
        "input": rates and rates.input_usd_per_mtok,
        "output": rates and rates.output_usd_per_mtok,
        "cached": rates and rates.cached_usd_per_mtok,
        "cache_write": rates and rates.cache_write_usd_per_mtok,
        "reasoning": rates and rates.reasoning_usd_per_mtok,
        "above_tokens": rates.above_tokens if rates else 0,
    }


def _contribution(line: UnsettledCall) -> dict[str, int]:
    """What the line has added to each sum so far: nothing while it is open."""
    if line.state == CallState.INTENT:
        return dict.fromkeys(ROLLUP_FIELDS, 0)
    return {name: getattr(line, name) for name in TOKEN_FIELDS} | {
        "successful_requests": 0,
        "spent_nusd": line.cost_nusd or 0,
        "unpriced_calls": int(line.cost_nusd is None),
        "estimated_calls": int(line.usage_estimated),
    }


def _settled_state(outcome: CallOutcome, fresh: bool) -> CallState:
    """``late`` if an answer came to a worker that no longer holds the run."""
    if outcome.status is CallStatus.OK:
        return CallState.OK if fresh else CallState.LATE
    return CallState.ERROR if outcome.status is CallStatus.ERROR else CallState.UNKNOWN


def _cost_class(line: UnsettledCall, outcome: CallOutcome, state: CallState) -> CostClass:
    """The one class that the call's cost falls in."""
    if outcome.cache_hit:
        return CostClass.CACHE_HIT
    if state == CallState.LATE:
        return CostClass.DUPLICATE
    if state != CallState.OK:
        return CostClass.CANCELLED if outcome.error_code == Cancelled.code else CostClass.FAILED
    if line.attempt > 1:
        return CostClass.RETRY
    return CLASS_OF_PURPOSE[Purpose(line.purpose)]


def _is_request(line: UnsettledCall, outcome: CallOutcome, state: CallState) -> bool:
    return line.kind == "model" and state in (CallState.OK, CallState.LATE) and not outcome.cache_hit
