"""The engine's journal kept in PostgreSQL: turns what the engine reports into rows of the ledger, through group commit.

Writes of state need the lease's epoch, bookings do not: a worker that lost its lease opens no call and writes no
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
from django.db.models import F, QuerySet

from engine.concurrency import uninterrupted
from engine.errors import Cancelled, EngineError
from engine.record.journal import (
    CallIntent,
    CallOutcome,
    CallRecord,
    CallStatus,
    LostCall,
    RefusedBy,
    TaskResult,
    Verdict,
)
from engine.text import json_text, storable
from engine.tools.http_request import meant_request
from runs import models
from runs.bounds import budgets
from runs.bounds.lanes import LaneLimits, Queues, Wait, note, wait_of
from runs.ledger.call_lines import Opened, Owner, line_to_settle, open_line, settle
from runs.ledger.group_commit import GroupCommit
from runs.ledger.lease import REASONS, Held
from runs.ledger.locks import Locks
from runs.ledger.replay import Replay
from runs.ledger.statements import END_TASK, REFUSE_ANSWER, START_TASK, TASK_WAITS
from runs.live.notify import CHANNEL, run_changed
from runs.models import Bill, Run, new_id
from runs.money import to_nusd
from runs.states import CallWait, RunState
from runs.telemetry import metrics
from runs.telemetry.log_context import OpenCall, mark, mark_call

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 1.0
"""A waiting call tries again at least this often, so that it notices a lost lease or a pause that was shortened."""
SHORTEST_SHOWN_WAIT_S = 0.5
"""A shorter wait is not worth a write."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """An open call, with what settling it takes even after the run has moved on."""

    call_id: UUID
    intent: CallIntent
    lane: LaneLimits | None = None
    log_mark: OpenCall | None = None


@dataclass(slots=True)
class Opening:
    """A call that is being opened."""

    ticket: Ticket
    began: float = field(default_factory=time.monotonic)
    budget_s: float = 0.0  # of that for money that calls in flight held
    writing: asyncio.Future[Any] | None = None  # the write under way, or the last one
    shown: CallWait | None = None  # the wait that people see

    @property
    def waited_s(self) -> float:
        return time.monotonic() - self.began


class LedgerJournal:
    """The journal of one run, held by one worker at one epoch. ``engine.record.journal`` says what each verb means."""

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
            self._held.check()  # the process may have been frozen since: a call of a lost run is not sent
        except (asyncio.CancelledError, Cancelled):
            await uninterrupted(self._take_back(opening))
            raise
        if isinstance(outcome, EngineError):
            raise outcome
        self._held.in_flight += 1
        return replace(opening.ticket, log_mark=mark_call(opening.ticket.call_id))

    async def _until_opened(self, opening: Opening) -> EngineError | None:
        """Tries until the call is open (None) or may not be opened (the error).

        A call that waits for its lane stands in line; one that waits for a budget does not hold the line up.
        """
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
        began = time.monotonic()
        await asyncio.sleep(min(wait.seconds, LONGEST_WAIT_S))
        if wait.what is CallWait.BUDGET:
            opening.budget_s += time.monotonic() - began
        return await self._try(opening)

    async def _try(self, opening: Opening) -> EngineError | Wait | None:
        self._held.check()
        waited_ms = round(opening.waited_s * 1000)
        waits = {"waited_ms": waited_ms, "budget_ms": min(waited_ms, round(opening.budget_s * 1000))}
        ticket = opening.ticket
        opening.writing = self._write(
            lambda: self._open(ticket, waits), lane=ticket.lane, spends=not ticket.intent.simulated
        )
        outcome: EngineError | Wait | None = await asyncio.shield(opening.writing)
        return outcome

    async def _take_back(self, opening: Opening) -> None:
        """Settles a call at nothing that was opened after its caller was cancelled: nothing was sent."""
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
            booking = self._write(
                lambda: self._settle(ticket, outcome),
                lane=ticket.lane,
                begins_lane=outcome.throttled,
                spends=not ticket.intent.simulated,
                settles=ticket.call_id,
            )
            await asyncio.shield(booking)
        finally:
            self._held.in_flight -= 1
            if ticket.log_mark is not None:
                ticket.log_mark.ended()

    async def answer_refused(self, task: str, by: RefusedBy, *, branch: str, step: int | None) -> None:
        refusal = {"by": by.value, "branch": branch, "step": step}
        await self._write(lambda: self._execute(REFUSE_ANSWER, task, refusal))

    async def review(self, task: str, number: int, answer: str) -> Verdict | None:
        verdict = self._replay.reviews.get((task, number))
        if verdict is None:
            question = {"number": number, "call": None, "step": "", "defaults": {"answer": storable(answer)}}
            await self._write(lambda: self._ask_person(task, question))
        return verdict

    async def lost_call(self, task: str, step: int, *, branch: str = "") -> LostCall | None:
        call_id, lost = self._replay.lost.get((task, branch, step), (None, None))
        if lost is not None and lost.happened is None:
            question = {"call_id": call_id, "defaults": {"number": 0}}
            await self._write(lambda: self._ask_person(task, question))
        return lost

    async def permission(self, task: str, request: str, step: int, *, branch: str = "") -> Verdict | None:
        place = f"{branch}{step}"
        asked, verdict = self._replay.permissions.get((task, place), (request, None))
        if verdict is None:
            question = {"step": place, "defaults": {"number": 0, "answer": request}}
            await self._write(lambda: self._ask_person(task, question))
        elif meant_request(asked) != meant_request(request):
            return Verdict(approved=False, comment="another request was allowed in its place.")
        return verdict

    def _ask_person(self, task: str, question: dict[str, Any]) -> None:
        if self._held_run().update(revision=F("revision") + 1):
            models.Review.objects.get_or_create(task_run_id=self._replay.task_ids[task], **question)
            run_changed(self._run_id)

    def _write(self, operation: Callable[[], Any], **shared: Any) -> asyncio.Future[Any]:
        """``shared``: what ``Locks`` has besides team and run."""
        locks = Locks(self._team_id, self._run_id, **shared)
        return asyncio.wrap_future(self._writer.submit(operation, locks=locks))

    def _held_run(self) -> QuerySet[Run]:
        """The run, if it is still held at this epoch; else nothing."""
        return Run.objects.filter(pk=self._run_id, lease_epoch=self._epoch, state=RunState.RUNNING)

    async def _note_wait(self, task: str, what: CallWait, seconds: float) -> None:
        if task:
            await self._write(lambda: self._execute(TASK_WAITS, task, {"waits_for": what.value, "seconds": seconds}))

    def _start_task(self, task: str, agent: str) -> None:
        self._execute(START_TASK, task, {"agent": agent})

    def _end_task(self, result: TaskResult) -> None:
        values = {
            "state": result.status.value,
            "cache_key": result.cache_key,
            "raw": storable(result.raw),
            "data": None if result.data is None else json_text(result.data),
            "note": storable(result.note),
            "error": storable(result.error),
            "error_code": result.error_code,
        }
        self._execute(END_TASK, result.task, values)

    def _execute(self, statement: str, task: str, values: dict[str, Any]) -> None:
        held: dict[str, Any] = {"run": self._run_id, "epoch": self._epoch, "channel": CHANNEL}
        with connection.cursor() as cursor:
            cursor.execute(statement, {**held, "task": self._task_id(task), **values})

    def _open(self, ticket: Ticket, waits: dict[str, int]) -> EngineError | Wait | None:
        """Reserves and writes the call; returns None, or why it may not be opened now. Running it again is harmless."""
        lane, intent = ticket.lane, ticket.intent
        if lane is not None and (wait := wait_of(lane, tokens=intent.prompt_tokens)):
            return self._stopped() or wait
        owner = Owner(self._team_id, self._run_id, self._epoch, self._task_id(intent.task))
        credential = lane.credential if lane is not None else ""
        opened = open_line(ticket.call_id, intent, owner, credential=credential, waits=waits)
        if opened.earlier or opened.written:  # earlier: committed just before the connection was lost
            return None
        reserved_nusd = to_nusd(intent.reserved_usd)
        self._undo_reservations(opened, reserved_nusd)
        return self._stopped() or budgets.refusal(self._run_id, reserved_nusd)

    def _undo_reservations(self, opened: Opened, reserved_nusd: int) -> None:
        """Takes back what was reserved on the run and the bill, since a later budget did not cover the call."""
        without = {"reserved_nusd": F("reserved_nusd") - reserved_nusd}
        if opened.reserved_on_run:
            Run.objects.filter(pk=self._run_id).update(**without)
        if opened.bill_id is not None:
            Bill.objects.filter(pk=opened.bill_id).update(**without)

    def _task_id(self, task: str) -> int | None:
        return self._replay.task_ids[task] if task else None

    def _stopped(self) -> Cancelled | None:
        """Why no call of the run may be opened any more; None if calls may be."""
        run = self._held_run().only("cancel_requested_at").first()
        if run is None:
            return Cancelled(REASONS["lost"])
        return None if run.cancel_requested_at is None else Cancelled(REASONS["cancelled"])

    def _settle(self, ticket: Ticket, outcome: CallOutcome) -> None:
        """Books the outcome; one that is booked already is left alone."""
        line = line_to_settle(ticket.call_id)
        if line is None:
            return
        settle(line, outcome, fresh=line.holds_run)
        metrics.call_settled(ticket.intent, outcome, fresh=line.holds_run)
        if ticket.lane is not None:
            note(ticket.lane, outcome, call_id=ticket.call_id)
