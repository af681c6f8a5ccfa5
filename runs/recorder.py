"""Engine calls to ledger rows, through group commit, and nothing else: the engine's journal kept in PostgreSQL.

State is fenced by the lease's epoch, money never is: a worker that lost its lease opens no new call and writes no
output,
but what a provider billed it for is booked all the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F
from django.db.models.functions import Coalesce

from engine.errors import Cancelled, EngineError, LimitReached
from engine.gathering import to_the_end
from engine.journal import CallIntent, CallOutcome, CallRecord, CallStatus, LostCall, Purpose, Review, TaskResult
from runs import models
from runs.group_commit import GroupCommit
from runs.lanes import Lane, Queues, Wait, note, wait_of
from runs.models import Bill, Call, ClockTimestamp, Run, TaskRun, new_id
from runs.money import to_nusd, to_usd
from runs.notify import run_changed
from runs.replay import Replay
from runs.states import RUN_ENDED, CallState, CostClass, RunState, TaskState
from runs.storable import storable_json, storable_text

LONGEST_WAIT_S = 1.0
"""A waiting call looks again at least so often, so that a lost lease or a shorter pause is seen."""
LOST_LEASE = "Another worker took this run over."
CANCEL_REQUESTED = "The run was asked to stop."


@dataclass(frozen=True, slots=True)
class Ticket:
    """An open call: what it takes to settle it, also after the run has moved on."""

    call_id: UUID
    intent: CallIntent
    lane: Lane | None = None


class LedgerJournal:
    """The journal of one run as claimed by one worker at one epoch."""

    def __init__(
        self,
        run: Run,
        replay: Replay,
        writer: GroupCommit,
        *,
        lane_of: Callable[[CallIntent], Lane | None] = lambda intent: None,
        queues: Queues | None = None,
    ) -> None:
        self._run_id = run.pk
        self._team_id = run.team_id
        self._epoch = run.lease_epoch
        self._replay = replay
        self._writer = writer
        self._lane_of = lane_of
        self._queues = queues or Queues()

    async def finished_task(self, task: str) -> TaskResult | None:
        return self._replay.results.get(task)

    async def finished_call(self, task: str, step: int, *, branch: str = "") -> CallRecord | None:
        return self._replay.calls.get((task, branch, step))

    async def task_started(self, task: str, agent: str) -> None:
        await self._write(lambda: self._start_task(task, agent))

    async def task_ended(self, result: TaskResult) -> None:
        await self._write(lambda: self._end_task(result))

    async def open_call(self, intent: CallIntent) -> Ticket:
        call_id, lane, began = new_id(), self._lane_of(intent), time.monotonic()

        def open_now() -> asyncio.Future[Any]:
            waited_ms = round((time.monotonic() - began) * 1000)
            return self._write(lambda: self._open(call_id, intent, lane, waited_ms))

        opening: asyncio.Future[Any] | None = None
        try:
            queue = self._queues.of(lane) if lane is not None else None
            if queue is not None and queue.locked():
                outcome: Any = Wait(0)
            else:
                outcome = await asyncio.shield(opening := open_now())
            if queue is not None and isinstance(outcome, Wait):
                async with queue:
                    while isinstance(outcome, Wait):
                        await asyncio.sleep(min(outcome.seconds, LONGEST_WAIT_S))
                        outcome = await asyncio.shield(opening := open_now())
        except asyncio.CancelledError:
            if opening is not None:
                await to_the_end(self._take_back(opening, call_id, intent, lane))
            raise
        if isinstance(outcome, EngineError):
            raise outcome
        return Ticket(call_id, intent, lane)

    async def _take_back(
        self, opening: asyncio.Future[Any], call_id: UUID, intent: CallIntent, lane: Lane | None
    ) -> None:
        """Settles at nothing what was opened for somebody who no longer waits for it: nothing was asked."""
        outcome = await opening
        if isinstance(outcome, (Wait, EngineError)):
            return
        nothing = CallOutcome(CallStatus.ERROR, error="Cancelled before it was sent.", error_code=Cancelled.code)
        await self._write(lambda: self._settle(Ticket(call_id, intent, lane), nothing))

    async def settle_call(self, ticket: object, outcome: CallOutcome) -> None:
        assert isinstance(ticket, Ticket)
        # Shielded: a cancelled run still books what it was billed for.
        await asyncio.shield(self._write(lambda: self._settle(ticket, outcome)))

    async def review(self, task: str, number: int, answer: str) -> Review | None:
        known = self._replay.reviews.get((task, number))
        if known is None:
            shown = {"number": number, "call": None, "defaults": {"answer": storable_text(answer)}}
            await self._write(lambda: self._ask_person(task, shown))
        return known

    async def lost_call(self, task: str, step: int, *, branch: str = "") -> LostCall | None:
        call_id, lost = self._replay.lost.get((task, branch, step), (None, None))
        if lost is not None and lost.happened is None:
            asked = {"call_id": call_id, "defaults": {"number": 0}}
            await self._write(lambda: self._ask_person(task, asked))
        return lost

    def _ask_person(self, task: str, question: dict[str, Any]) -> None:
        if self._mine().update(revision=F("revision") + 1):
            models.Review.objects.get_or_create(task_run_id=self._replay.task_ids[task], **question)
            run_changed(self._run_id)

    def _write(self, operation: Callable[[], Any]) -> asyncio.Future[Any]:
        return asyncio.wrap_future(self._writer.submit(operation))

    def _mine(self) -> Any:
        return Run.objects.filter(pk=self._run_id, lease_epoch=self._epoch, state=RunState.RUNNING)

    def _start_task(self, task: str, agent: str) -> None:
        if self._mine().update(revision=F("revision") + 1):
            begins = (TaskState.PENDING, TaskState.WAITING)
            TaskRun.objects.filter(run_id=self._run_id, key=task, state__in=begins).update(
                state=TaskState.RUNNING, started_at=Coalesce("started_at", ClockTimestamp()), agent=agent
            )
            run_changed(self._run_id)

    def _end_task(self, result: TaskResult) -> None:
        if not self._mine().update(revision=F("revision") + 1):
            return
        open_states = (TaskState.PENDING, TaskState.RUNNING, TaskState.WAITING)
        state = TaskState(result.status.value)
        TaskRun.objects.filter(run_id=self._run_id, key=result.task, state__in=open_states).update(
            state=state,
            finished_at=None if state == TaskState.WAITING else ClockTimestamp(),
            cache_key=result.cache_key,
            output_raw=storable_text(result.raw),
            output_json=storable_json(result.data),
            error=storable_text(result.error),
            error_code=result.error_code,
        )
        run_changed(self._run_id)

    def _open(
        self, call_id: UUID, intent: CallIntent, lane: Lane | None, waited_ms: int
    ) -> date | EngineError | Wait | None:
        """Reserves and inserts the intent; the month it is billed in, None for simulated calls, or why it may not."""
        earlier = Call.objects.filter(pk=call_id).values_list("billed_month", "simulated").first()
        if earlier is not None:  # this very operation was committed before its connection was lost
            return None if earlier[1] else earlier[0]
        if lane is not None and (wait := wait_of(lane, tokens=intent.prompt_tokens)):
            return Cancelled(LOST_LEASE) if not self._mine().exists() else wait
        reserved = to_nusd(intent.reserved_usd)
        month = current_month()
        if refusal := self._reserve(reserved):
            return refusal
        if not intent.simulated and not reserve_on_bill(self._team_id, month, reserved):
            self._mine().update(reserved_nusd=F("reserved_nusd") - reserved)
            return LimitReached(
                "The team's budget for this month does not cover the next call. Raise it, or wait for next month.",
                limit="team_budget",
                figure=to_usd(reserved),
            )
        row = intent_row(call_id, intent, month, self._run_id, self._team_id, self._epoch)
        row.waited_ms = waited_ms
        row.credential = lane.credential if lane is not None else ""
        row.save(force_insert=True)
        run_changed(self._run_id)
        return None if intent.simulated else month

    def _reserve(self, reserved: int) -> EngineError | None:
        with connection.cursor() as cursor:
            cursor.execute(RESERVE_ON_RUN, {"run": self._run_id, "epoch": self._epoch, "reserved": reserved})
            if cursor.rowcount == 1:
                return None
        run = Run.objects.get(pk=self._run_id)
        if run.lease_epoch != self._epoch or run.state in RUN_ENDED:
            return Cancelled(LOST_LEASE)
        if run.cancel_requested_at is not None:
            return Cancelled(CANCEL_REQUESTED)
        return LimitReached(
            f"The run's budget of ${to_usd(run.budget_nusd or 0):f} does not cover the next call: "
            f"${to_usd(run.spent_nusd):f} are spent, and it may cost up to ${to_usd(reserved):f}.",
            limit="run_budget",
            figure=to_usd(run.spent_nusd),
        )

    def _settle(self, ticket: Ticket, outcome: CallOutcome) -> None:
        """Books the outcome once: on the call, its task, its run and, if it was real money, the month's bill."""
        call = Call.objects.select_for_update().get(pk=ticket.call_id)
        if call.state not in (CallState.INTENT, CallState.UNKNOWN):
            return
        run = Run.objects.select_for_update().get(pk=self._run_id)
        fresh = run.lease_epoch == self._epoch and run.state == RunState.RUNNING
        state = settled_state(outcome, fresh)
        released = call.reserved_nusd if call.state == CallState.INTENT else 0
        before = contribution(call)
        write_outcome(call, outcome, state)
        book(call, before=before, released=released)
        if ticket.lane is not None:
            note(ticket.lane, outcome, call_id=call.pk)
        if fresh and state == CallState.OK:
            Run.objects.filter(pk=self._run_id).update(fruitless_takeovers=0)
        run_changed(self._run_id)


RESERVE_ON_RUN = """
    UPDATE runs_run SET reserved_nusd = reserved_nusd + %(reserved)s, revision = revision + 1
    WHERE id = %(run)s AND lease_epoch = %(epoch)s AND state = 'running' AND cancel_requested_at IS NULL
      AND (budget_nusd IS NULL OR spent_nusd + reserved_nusd + %(reserved)s <= budget_nusd)
"""

RESERVE_ON_BILL = """
    INSERT INTO runs_bill AS bill (team_id, month, budget_nusd, spent_nusd, reserved_nusd)
    SELECT id, %(month)s, budget_nusd, 0, %(reserved)s FROM teams_team
    WHERE id = %(team)s AND (budget_nusd IS NULL OR %(reserved)s <= budget_nusd)
       OR id = %(team)s AND EXISTS (SELECT FROM runs_bill WHERE team_id = %(team)s AND month = %(month)s)
    ON CONFLICT (team_id, month) DO UPDATE SET reserved_nusd = bill.reserved_nusd + excluded.reserved_nusd
    WHERE bill.closed_at IS NULL AND (
        bill.budget_nusd IS NULL OR bill.spent_nusd + bill.reserved_nusd + excluded.reserved_nusd <= bill.budget_nusd)
"""


def reserve_on_bill(team_id: int, month: date, reserved: int) -> bool:
    """Reserves on the team's bill of the month, which is begun at its first call; False if the budget is used up."""
    with connection.cursor() as cursor:
        cursor.execute(RESERVE_ON_BILL, {"team": team_id, "month": month, "reserved": reserved})
        return bool(cursor.rowcount == 1)


def contribution(call: Call) -> dict[str, int]:
    """What a call adds to each rollup: nothing while it is open."""
    if call.state == CallState.INTENT:
        return dict.fromkeys(ROLLUP_FIELDS, 0)
    figures = {field: getattr(call, field) for field in TOKEN_FIELDS}
    return figures | {
        "successful_requests": int(_is_request(call)),
        "spent_nusd": call.cost_nusd or 0,
        "unpriced_calls": int(call.cost_nusd is None),
        "estimated_calls": int(call.usage_estimated),
    }


def book(call: Call, *, before: dict[str, int], released: int) -> None:
    """Brings the rollups of task, run and bill up to what the call adds now, where ``before`` is what it added so
    far.
    """
    now = contribution(call)
    delta = {field: F(field) + now[field] - before[field] for field in ROLLUP_FIELDS}
    money = {"spent_nusd": delta["spent_nusd"], "reserved_nusd": F("reserved_nusd") - released}
    Run.objects.filter(pk=call.run_id).update(**(delta | money), revision=F("revision") + 1)
    if call.task_run_id is not None:
        TaskRun.objects.filter(pk=call.task_run_id).update(**delta)
    if not call.simulated:
        Bill.objects.filter(team_id=call.team_id, month=call.billed_month).update(**money)


def intent_row(call_id: UUID, intent: CallIntent, month: date, run_id: UUID, team_id: int, epoch: int) -> Call:
    """An unsaved ledger line for a call about to be made."""
    price = intent.price
    task_run = TaskRun.objects.filter(run_id=run_id, key=intent.task).first() if intent.task else None
    return Call(
        id=call_id,
        team_id=team_id,
        run_id=run_id,
        task_run=task_run,
        agent=intent.agent,
        branch=intent.branch,
        step=intent.step,
        attempt=intent.attempt,
        epoch=epoch,
        kind=intent.kind.value,
        purpose=intent.purpose.value,
        simulated=intent.simulated,
        model=intent.model,
        params=storable_json(intent.params),
        messages=storable_json(intent.messages),
        tool=intent.tool,
        arguments=storable_text(intent.arguments),
        effect=intent.effect.value,
        prompt_tokens=0,
        counted_tokens=intent.prompt_tokens,
        cache_key=intent.cache_key,
        input_usd_per_mtok=price.input_usd_per_mtok if price else None,
        output_usd_per_mtok=price.output_usd_per_mtok if price else None,
        cached_usd_per_mtok=price.cached_usd_per_mtok if price else None,
        cache_write_usd_per_mtok=price.cache_write_usd_per_mtok if price else None,
        reserved_nusd=to_nusd(intent.reserved_usd),
        billed_month=month,
    )


def write_outcome(call: Call, outcome: CallOutcome, state: CallState) -> None:
    """Sets and saves what is known of a call once it ended."""
    reply = outcome.reply
    call.state = state
    call.cost_class = cost_class(call, outcome, state)
    for field in TOKEN_FIELDS:
        setattr(call, field, getattr(outcome.usage, field))
    call.usage_estimated = outcome.usage.estimated
    call.cost_nusd = None if outcome.cost_usd is None else to_nusd(outcome.cost_usd)
    call.cache_hit = outcome.cache_hit
    call.cache_age_s = outcome.cache_age_s
    call.saved_nusd = None if outcome.saved_usd is None else to_nusd(outcome.saved_usd)
    call.error = storable_text(outcome.error)
    call.error_code = outcome.error_code
    call.tool_output = storable_text(outcome.tool_output or "")
    call.latency_ms = outcome.latency_ms
    if reply is not None:
        call.reply = storable_json(asdict(reply))
        call.model_answered = storable_text(reply.model)[:200]
        call.finish_reason = storable_text(reply.finish_reason)[:40]
        call.provider_request_id = storable_text(reply.provider_request_id)[:200]
        call.ttft_ms = reply.ttft_ms
    call.finished_at = ClockTimestamp()
    call.save()


def settled_state(outcome: CallOutcome, fresh: bool) -> CallState:
    """``late`` if an answer came to a worker that no longer holds the run."""
    if outcome.status is CallStatus.OK:
        return CallState.OK if fresh else CallState.LATE
    return CallState.ERROR if outcome.status is CallStatus.ERROR else CallState.UNKNOWN


def cost_class(call: Call, outcome: CallOutcome, state: CallState) -> CostClass:
    """The one class that the call's cost falls in."""
    if outcome.cache_hit:
        return CostClass.CACHE_HIT
    if state == CallState.LATE:
        return CostClass.DUPLICATE
    if state != CallState.OK:
        return CostClass.CANCELLED if outcome.error_code == Cancelled.code else CostClass.FAILED
    if call.attempt > 1:
        return CostClass.RETRY
    return CLASS_OF_PURPOSE[Purpose(call.purpose)]


def current_month() -> date:
    """The first day of the month in UTC, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')::date")
        month: date = cursor.fetchone()[0]
    return month


def _is_request(call: Call) -> bool:
    return call.kind == "model" and call.state in (CallState.OK, CallState.LATE) and not call.cache_hit


TOKEN_FIELDS = (
    "prompt_tokens",
    "cached_prompt_tokens",
    "cache_write_tokens",
    "completion_tokens",
    "reasoning_tokens",
)

ROLLUP_FIELDS = (*TOKEN_FIELDS, "successful_requests", "spent_nusd", "unpriced_calls", "estimated_calls")

CLASS_OF_PURPOSE = {
    Purpose.WORK: CostClass.WORK,
    Purpose.PLANNING: CostClass.PLANNING,
    Purpose.MANAGER: CostClass.MANAGER,
    Purpose.GUARDRAIL: CostClass.GUARDRAIL,
}
