"""Lines of the ledger as they are written: opened with what is reserved for them, settled with what they took.

Both keep the sums of task, run and bill in the same statement. Who may open a call is not decided here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from engine.catalogue.pricing import Rates, worst_case_rates
from engine.errors import Cancelled
from engine.record.journal import CallIntent, CallOutcome, CallStatus, Purpose
from engine.text import json_text, storable
from runs.ledger.sql import CORRECT, OPEN, READ_OPEN, READ_TO_SETTLE, ROLLUP_FIELDS, SETTLE, TOKEN_FIELDS
from runs.live.notify import CHANNEL
from runs.money import to_nusd
from runs.states import CallState, CostClass

CLASS_OF_PURPOSE = {
    Purpose.WORK: CostClass.WORK,
    Purpose.PLANNING: CostClass.PLANNING,
    Purpose.MANAGER: CostClass.MANAGER,
    Purpose.GUARDRAIL: CostClass.GUARDRAIL,
}


@dataclass(frozen=True, slots=True)
class Opened:
    """Which of the things that opening a call takes were done; ``earlier``: the line was already there.

    ``on_run``: it was reserved on the run, ``bill``: and on this month's bill.
    """

    earlier: bool
    on_run: bool
    bill: int | None
    written: bool


@dataclass(frozen=True, slots=True)
class UnsettledCall:
    """A call that is not settled, or of unknown outcome, as it stands; its row is locked.

    ``holds_run``: the epoch that opened it still runs the run.
    """

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
    priced: bool
    reserved_nusd: int
    cost_nusd: int | None
    prompt_tokens: int
    cached_prompt_tokens: int
    cache_write_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    usage_estimated: bool
    holds_run: bool
    person_id: int | None


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose call it is: the run as claimed at an epoch, and the task's row, None for the crew as a whole."""

    team: int
    run: UUID
    epoch: int
    task: int | None


def open_line(call_id: UUID, intent: CallIntent, owner: Owner, *, credential: str, waited_ms: int) -> Opened:
    """Reserves on run and bill and writes the line, or reserves and writes nothing but what is said."""
    price = intent.price
    given: dict[str, Any] = {
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
        "waited_ms": waited_ms,
        **_prices(price and worst_case_rates(intent.prompt_tokens, price)),
        "channel": CHANNEL,
    }
    with connection.cursor() as cursor:
        cursor.execute(OPEN, given)
        return Opened(*cursor.fetchone()[:4])


def line_to_settle(call_id: UUID) -> UnsettledCall | None:
    """None if the call was settled for good."""
    return next(iter(_locked(READ_TO_SETTLE, call_id)), None)


def open_lines(run_id: UUID) -> list[UnsettledCall]:
    """The calls of a run that nobody has settled."""
    return _locked(READ_OPEN, run_id)


def _locked(query: str, of: UUID) -> list[UnsettledCall]:
    with connection.cursor() as cursor:
        cursor.execute(query, [of])
        return [UnsettledCall(*row) for row in cursor.fetchall()]


def settle(line: UnsettledCall, outcome: CallOutcome, *, fresh: bool) -> None:
    """Books the outcome on the line, its task, its run and, if it was real money, the month's bill and whose it was.

    ``fresh``: it came to the worker that holds the run. An exact figure is booked in place of an assumption, with a
    correction that keeps what was assumed; that nobody knows, once more, changes nothing.
    """
    if line.state == CallState.UNKNOWN and outcome.status is CallStatus.UNKNOWN:
        return
    state = _settled_state(outcome, fresh)
    cost = None if outcome.cost_usd is None else to_nusd(outcome.cost_usd)
    now = {name: getattr(outcome.usage, name) for name in TOKEN_FIELDS} | {
        "successful_requests": int(_is_request(line, outcome, state)),
        "spent_nusd": cost or 0,
        "unpriced_calls": int(cost is None),
        "estimated_calls": int(outcome.usage.estimated),
    }
    before = _contribution(line)
    given = _of_outcome(line, outcome, state) | {
        **{f"more_{name}": now[name] - before[name] for name in ROLLUP_FIELDS},
        **{name: now[name] for name in TOKEN_FIELDS},
        **_prices(outcome.rates),
        "repriced": outcome.rates is not None,
        "cost": cost,
        "released": line.reserved_nusd if line.state == CallState.INTENT else 0,
        "progress": fresh and state == CallState.OK,
        "channel": CHANNEL,
    }
    with connection.cursor() as cursor:
        if line.state == CallState.UNKNOWN:
            cursor.execute(CORRECT, _of_correction(line, cost))
            if not line.simulated:
                given["month"] = cursor.fetchone()[0]
        cursor.execute(SETTLE, given)


def _of_correction(line: UnsettledCall, cost: int | None) -> dict[str, Any]:
    return {
        "id": line.id,
        "booked": line.cost_nusd,
        "cost": cost,
        "team": line.team_id,
        "person": line.person_id,
        "month": line.billed_month,
    }


def _of_outcome(line: UnsettledCall, outcome: CallOutcome, state: CallState) -> dict[str, Any]:
    reply = outcome.reply
    return {
        "id": line.id,
        "run": line.run_id,
        "task": line.task_run_id,
        "team": line.team_id,
        "person": line.person_id,
        "month": None if line.simulated else line.billed_month,
        "state": state.value,
        "cost_class": _cost_class(line, outcome, state).value,
        "usage_estimated": outcome.usage.estimated,
        "cache_hit": outcome.cache_hit,
        "cache_age_s": outcome.cache_age_s,
        "saved": None if outcome.saved_usd is None else to_nusd(outcome.saved_usd),
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


def _prices(rates: Rates | None) -> dict[str, Any]:
    """The prices that are kept with a call: those of its reservation, until it is known which ones were applied."""
    return {
        "input": rates and rates.input_usd_per_mtok,
        "output": rates and rates.output_usd_per_mtok,
        "cached": rates and rates.cached_usd_per_mtok,
        "cache_write": rates and rates.cache_write_usd_per_mtok,
        "above_tokens": rates.above_tokens if rates else 0,
    }


def _contribution(line: UnsettledCall) -> dict[str, int]:
    """What the line adds to each sum so far: nothing while it is open."""
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
