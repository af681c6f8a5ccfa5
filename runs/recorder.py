"""Engine calls to ledger rows, through group commit, and nothing else: the engine's journal kept in PostgreSQL.

State is fenced by the lease's epoch, money never is: a worker that lost its lease opens no new call and writes no
output, but what a provider billed it for is booked all the same.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F

from engine.errors import Cancelled, EngineError, LimitReached
from engine.gathering import to_the_end
from engine.journal import CallIntent, CallOutcome, CallRecord, CallStatus, LostCall, Review, TaskResult
from runs import metrics, models
from runs.group_commit import GroupCommit
from runs.lanes import Lane, Queues, Wait, note, wait_of
from runs.ledger_lines import Owner, line_to_settle, open_line, settle
from runs.ledger_sql import END_TASK, START_TASK
from runs.locks import Locks
from runs.log_context import OpenCall, mark, mark_call
from runs.models import Run, new_id
from runs.money import to_nusd, to_usd
from runs.notify import CHANNEL, run_changed
from runs.replay import Replay
from runs.states import RunState
from runs.storable import json_text, storable_text

log = logging.getLogger(__name__)

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
    log_mark: OpenCall | None = None


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
        mark(task=task)
        await self._write(lambda: self._start_task(task, agent))

    async def task_ended(self, result: TaskResult) -> None:
        await self._write(lambda: self._end_task(result))

    async def open_call(self, intent: CallIntent) -> Ticket:
        call_id, lane, began = new_id(), self._lane_of(intent), time.monotonic()

        def open_now() -> asyncio.Future[Any]:
            waited_ms = round((time.monotonic() - began) * 1000)
            return self._write(lambda: self._open(call_id, intent, lane, waited_ms), lane)

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
                await to_the_end(self._take_back(opening, Ticket(call_id, intent, lane)))
            raise
        if isinstance(outcome, EngineError):
            raise outcome
        return Ticket(call_id, intent, lane, mark_call(call_id))

    async def _take_back(self, opening: asyncio.Future[Any], nothing_asked: Ticket) -> None:
        """Settles at nothing what was opened for somebody who no longer waits for it: nothing was asked."""
        outcome = await opening
        if isinstance(outcome, (Wait, EngineError)):
            return
        nothing = CallOutcome(CallStatus.ERROR, error="Cancelled before it was sent.", error_code=Cancelled.code)
        await self.settle_call(nothing_asked, nothing)

    async def settle_call(self, ticket: object, outcome: CallOutcome) -> None:
        assert isinstance(ticket, Ticket)
        facts = {"kind": ticket.intent.kind.value, "status": outcome.status.value, "latency_ms": outcome.latency_ms}
        log.debug("Call ended", extra=facts | {"error_code": outcome.error_code})
        # Shielded: a cancelled run still books what it was billed for.
        await asyncio.shield(self._write(lambda: self._settle(ticket, outcome), ticket.lane, begins=outcome.throttled))
        if ticket.log_mark is not None:
            ticket.log_mark.ended()

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

    def _write(
        self, operation: Callable[[], Any], lane: Lane | None = None, *, begins: bool = False
    ) -> asyncio.Future[Any]:
        locks = Locks(self._team_id, self._run_id, lane, begins)
        return asyncio.wrap_future(self._writer.submit(operation, locks=locks))

    def _mine(self) -> Any:
        return Run.objects.filter(pk=self._run_id, lease_epoch=self._epoch, state=RunState.RUNNING)

    def _start_task(self, task: str, agent: str) -> None:
        self._execute(START_TASK, task, {"agent": agent})

    def _end_task(self, result: TaskResult) -> None:
        ended = {
            "state": result.status.value,
            "cache_key": result.cache_key,
            "raw": storable_text(result.raw),
            "data": None if result.data is None else json_text(result.data),
            "error": storable_text(result.error),
            "error_code": result.error_code,
        }
        self._execute(END_TASK, result.task, ended)

    def _execute(self, statement: str, task: str, values: dict[str, Any]) -> None:
        given: dict[str, Any] = {
            "run": self._run_id,
            "epoch": self._epoch,
            "task": self._task_id(task),
            "channel": CHANNEL,
        }
        with connection.cursor() as cursor:
            cursor.execute(statement, given | values)

    def _open(self, call_id: UUID, intent: CallIntent, lane: Lane | None, waited_ms: int) -> EngineError | Wait | None:
        """Reserves and writes the call; None, or why it may not be opened now. Done twice, it is done once."""
        if lane is not None and (wait := wait_of(lane, tokens=intent.prompt_tokens)):
            return self._stopped() or wait
        owner = Owner(self._team_id, self._run_id, self._epoch, self._task_id(intent.task))
        credential = lane.credential if lane is not None else ""
        opened = open_line(call_id, intent, owner, credential=credential, waited_ms=waited_ms)
        if opened.earlier or opened.written:  # earlier: committed before its connection was lost
            return None
        reserved = to_nusd(intent.reserved_usd)
        if not opened.reserved:
            return self._stopped() or self._budget_reached(reserved)
        Run.objects.filter(pk=self._run_id).update(reserved_nusd=F("reserved_nusd") - reserved)
        return self._team_budget_reached(reserved)

    def _task_id(self, task: str) -> int | None:
        return self._replay.task_ids[task] if task else None

    def _stopped(self) -> Cancelled | None:
        """Why the run may not go on, if it may not."""
        held = self._mine().values_list("cancel_requested_at", flat=True).first()
        if held is not None:
            return Cancelled(CANCEL_REQUESTED)
        return None if self._mine().exists() else Cancelled(LOST_LEASE)

    def _budget_reached(self, reserved: int) -> LimitReached:
        run = Run.objects.get(pk=self._run_id)
        return LimitReached(
            f"The run's budget of ${to_usd(run.budget_nusd or 0):f} does not cover the next call: "
            f"${to_usd(run.spent_nusd):f} are spent, and it may cost up to ${to_usd(reserved):f}.",
            limit="run_budget",
            figure=to_usd(run.spent_nusd),
        )

    def _team_budget_reached(self, reserved: int) -> LimitReached:
        bill = models.Bill.objects.filter(team_id=self._team_id, month=datetime.now(UTC).date().replace(day=1)).first()
        spent = to_usd(bill.spent_nusd if bill is not None else 0)
        return LimitReached(
            "The team's budget for this month does not cover the next call: "
            f"${spent:f} are spent, and it may cost up to ${to_usd(reserved):f}. Raise it, or wait for next month.",
            limit="team_budget",
            figure=spent,
        )

    def _settle(self, ticket: Ticket, outcome: CallOutcome) -> None:
        """Books the outcome, once."""
        line = line_to_settle(ticket.call_id)
        if line is None:
            return
        settle(line, outcome, fresh=line.holds_run)
        metrics.call_settled(ticket.intent, outcome, fresh=line.holds_run)
        if ticket.lane is not None:
            note(ticket.lane, outcome, call_id=ticket.call_id)
