"""Engine calls to ledger rows, through group commit, and nothing else: the engine's journal kept in PostgreSQL.

State is fenced by the lease's epoch, money never is: a worker that lost its lease opens no new call and writes no
output, but what a provider billed it for is booked all the same.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F

from engine.concurrency import uninterrupted
from engine.errors import Cancelled, EngineError
from engine.record.journal import CallIntent, CallOutcome, CallRecord, CallStatus, LostCall, TaskResult, Verdict
from engine.text import json_text, storable
from runs import models
from runs.bounds import budgets
from runs.bounds.lanes import LaneLimits, Queues, Wait, note, wait_of
from runs.ledger.group_commit import GroupCommit
from runs.ledger.lease import REASONS, Held
from runs.ledger.lines import Opened, Owner, line_to_settle, open_line, settle
from runs.ledger.locks import Locks
from runs.ledger.replay import Replay
from runs.ledger.sql import END_TASK, START_TASK, TASK_WAITS
from runs.live.notify import CHANNEL, run_changed
from runs.models import Bill, Run, new_id
from runs.money import to_nusd
from runs.states import CallWait, RunState
from runs.telemetry import metrics
from runs.telemetry.log_context import OpenCall, mark, mark_call

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 1.0
"""A waiting call looks again at least so often, so that a lost lease or a shorter pause is seen."""
SHORTEST_SHOWN_WAIT_S = 0.5
"""A wait that is over sooner is not worth a write."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """An open call: what it takes to settle it, also after the run has moved on."""

    call_id: UUID
    intent: CallIntent
    lane: LaneLimits | None = None
    log_mark: OpenCall | None = None


@dataclass(slots=True)
class Opening:
    """A call that is being opened: since when, the write under way, and which wait people were shown."""

    ticket: Ticket
    began: float = field(default_factory=time.monotonic)
    writing: asyncio.Future[Any] | None = None
    shown: CallWait | None = None

    @property
    def waited_s(self) -> float:
        return time.monotonic() - self.began


class LedgerJournal:
    """The journal of one run as claimed by one worker at one epoch."""

    def __init__(
        self,
        run: Run,
        replay: Replay,
        writer: GroupCommit,
        *,
        lane_of: Callable[[CallIntent], LaneLimits | None] = lambda intent: None,
        queues: Queues | None = None,
        held: Held | None = None,
    ) -> None:
        self._run_id = run.pk
        self._team_id = run.team_id
        self._epoch = run.lease_epoch
        self._replay = replay
        self._writer = writer
        self._lane_of = lane_of
        self._queues = queues or Queues()
        self._held = held or Held(run.pk, run.lease_epoch, run.team_id, beaten_at=math.inf)

    async def finished_task(self, task: str) -> TaskResult | None:
        return self._replay.results.get(task)

    async def finished_call(self, task: str, step: int, *, branch: str = "") -> CallRecord | None:
        return self._replay.calls.get((task, branch, step))

    async def task_started(self, task: str, agent: str) -> None:
        mark(task=task)
        await self._write(lambda: self._start_task(task, agent))

    async def task_ended(self, result: TaskResult) -> None:
        await self._write(lambda: self._end_task(result))

    async def retrying(self, task: str, seconds: float, *, throttled: bool) -> None:
        if seconds >= SHORTEST_SHOWN_WAIT_S:
            await self._note_wait(task, CallWait.RATE_LIMIT if throttled else CallWait.RETRY, seconds)

    async def open_call(self, intent: CallIntent) -> Ticket:
        opening = Opening(Ticket(new_id(), intent, self._lane_of(intent)))
        try:
            outcome = await self._until_opened(opening)
        except asyncio.CancelledError:
            await uninterrupted(self._take_back(opening))
            raise
        if isinstance(outcome, EngineError):
            raise outcome
        self._held.in_flight += 1
        return replace(opening.ticket, log_mark=mark_call(opening.ticket.call_id))

    async def _until_opened(self, opening: Opening) -> EngineError | None:
        """Tries until it is open, or may not be. Who waits for a lane does so in line; for a budget, out of it."""
        lane = opening.ticket.lane
        line = self._queues.of(lane) if lane is not None else None
        outcome = Wait(0) if line is not None and line.locked() else await self._try(opening)
        while isinstance(outcome, Wait):
            if line is None or outcome.what is not CallWait.RATE_LIMIT:
                outcome = await self._try_later(opening, outcome)
                continue
            async with line:
                while isinstance(outcome, Wait) and outcome.what is CallWait.RATE_LIMIT:
                    outcome = await self._try_later(opening, outcome)
        return outcome

    async def _try_later(self, opening: Opening, wait: Wait) -> EngineError | Wait | None:
        if wait.what is not opening.shown and max(wait.seconds, opening.waited_s) >= SHORTEST_SHOWN_WAIT_S:
            opening.shown = wait.what
            await self._note_wait(opening.ticket.intent.task, wait.what, wait.seconds)
        await asyncio.sleep(min(wait.seconds, LONGEST_WAIT_S))
        return await self._try(opening)

    async def _try(self, opening: Opening) -> EngineError | Wait | None:
        self._held.check()
        waited_ms = round(opening.waited_s * 1000)
        ticket = opening.ticket
        opening.writing = self._write(lambda: self._open(ticket, waited_ms), ticket.lane)
        outcome: EngineError | Wait | None = await asyncio.shield(opening.writing)
        return outcome

    async def _take_back(self, opening: Opening) -> None:
        """Settles at nothing what was opened for somebody who no longer waits for it: nothing was asked."""
        outcome = Wait(0) if opening.writing is None else await opening.writing
        if isinstance(outcome, (Wait, EngineError)):
            return
        self._held.in_flight += 1
        nothing = CallOutcome(CallStatus.ERROR, error="Cancelled before it was sent.", error_code=Cancelled.code)
        await self.settle_call(opening.ticket, nothing)

    async def settle_call(self, ticket: object, outcome: CallOutcome) -> None:
        assert isinstance(ticket, Ticket)
        facts = {"kind": ticket.intent.kind.value, "status": outcome.status.value, "latency_ms": outcome.latency_ms}
        log.debug("Call ended", extra=facts | {"error_code": outcome.error_code})
        try:
            # Shielded: a cancelled run still books what it was billed for.
            booking = self._write(lambda: self._settle(ticket, outcome), ticket.lane, begins=outcome.throttled)
            await asyncio.shield(booking)
        finally:
            self._held.in_flight -= 1
            if ticket.log_mark is not None:
                ticket.log_mark.ended()

    async def review(self, task: str, number: int, answer: str) -> Verdict | None:
        known = self._replay.reviews.get((task, number))
        if known is None:
            shown = {"number": number, "call": None, "defaults": {"answer": storable(answer)}}
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
        self, operation: Callable[[], Any], lane: LaneLimits | None = None, *, begins: bool = False
    ) -> asyncio.Future[Any]:
        locks = Locks(self._team_id, self._run_id, lane, begins)
        return asyncio.wrap_future(self._writer.submit(operation, locks=locks))

    def _mine(self) -> Any:
        return Run.objects.filter(pk=self._run_id, lease_epoch=self._epoch, state=RunState.RUNNING)

    async def _note_wait(self, task: str, what: CallWait, seconds: float) -> None:
        if task:
            await self._write(lambda: self._execute(TASK_WAITS, task, {"waits_for": what.value, "seconds": seconds}))

    def _start_task(self, task: str, agent: str) -> None:
        self._execute(START_TASK, task, {"agent": agent})

    def _end_task(self, result: TaskResult) -> None:
        ended = {
            "state": result.status.value,
            "cache_key": result.cache_key,
            "raw": storable(result.raw),
            "data": None if result.data is None else json_text(result.data),
            "error": storable(result.error),
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

    def _open(self, ticket: Ticket, waited_ms: int) -> EngineError | Wait | None:
        """Reserves and writes the call; None, or why it may not be opened now. Done twice, it is done once."""
        lane, intent = ticket.lane, ticket.intent
        if lane is not None and (wait := wait_of(lane, tokens=intent.prompt_tokens)):
            return self._stopped() or wait
        owner = Owner(self._team_id, self._run_id, self._epoch, self._task_id(intent.task))
        credential = lane.credential if lane is not None else ""
        opened = open_line(ticket.call_id, intent, owner, credential=credential, waited_ms=waited_ms)
        if opened.earlier or opened.written:  # earlier: committed before its connection was lost
            return None
        reserved = to_nusd(intent.reserved_usd)
        self._give_back(opened, reserved)
        return self._stopped() or budgets.refusal(self._run_id, reserved)

    def _give_back(self, opened: Opened, reserved: int) -> None:
        """What the run, and the bill, were asked for although another budget did not cover the call."""
        less = {"reserved_nusd": F("reserved_nusd") - reserved}
        if opened.on_run:
            Run.objects.filter(pk=self._run_id).update(**less)
        if opened.bill is not None:
            Bill.objects.filter(pk=opened.bill).update(**less)

    def _task_id(self, task: str) -> int | None:
        return self._replay.task_ids[task] if task else None

    def _stopped(self) -> Cancelled | None:
        """Why the run may not go on, if it may not."""
        held = self._mine().values_list("cancel_requested_at", flat=True).first()
        if held is not None:
            return Cancelled(REASONS["cancelled"])
        return None if self._mine().exists() else Cancelled(REASONS["lost"])

    def _settle(self, ticket: Ticket, outcome: CallOutcome) -> None:
        """Books the outcome, once."""
        line = line_to_settle(ticket.call_id)
        if line is None:
            return
        settle(line, outcome, fresh=line.holds_run)
        metrics.call_settled(ticket.intent, outcome, fresh=line.holds_run)
        if ticket.lane is not None:
            note(ticket.lane, outcome, call_id=ticket.call_id)
