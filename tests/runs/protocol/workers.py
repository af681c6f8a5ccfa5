"""What workers do, those that hold their run and those that only believe so."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from django.db import IntegrityError

from engine.errors import Cancelled, LimitReached
from engine.journal import CREW_TASK, TaskResult, TaskStatus
from runs import claim, execution
from runs.money import to_nusd
from runs.recorder import Ticket
from runs.states import RunState
from tests.runs.protocol.facts import Violated
from tests.runs.protocol.model import EXPIRED, LIVE, RunModel
from tests.runs.protocol.stage import Stage, act
from tests.runs.protocol.worker import (
    KINDS,
    OUTCOMES,
    Line,
    OpenCall,
    Worker,
    begin_work,
    expected_belief,
    opening,
    outcome_of,
    settlement_of,
)
from tests.runs.protocol.world import TASKS

MAX_WORKERS = 4
ONCE_OR_TWICE = (False, False, False, True)
Operation = tuple[Coroutine[Any, Any, Any], Callable[[Any], None]]
"""What a worker asks of its journal, and what is made of the answer."""


class LeaseActs(Stage):
    @act(weight=4, when=lambda self: self.runs and len(self.workers) < MAX_WORKERS)
    def claim(self) -> None:
        """Mostly one that is to be had; but a message may come for any run."""
        free = [run for run in self.runs if run.claimable]
        runs = free if free and self.pick("free", (True, True, True, False)) else self.runs
        self.claim_run(self.pick("run", runs), racing=self.pick("racing", (1, 1, 1, 3)))

    @act(weight=5, when=lambda self: any(run.lease == LIVE for run in self.runs))
    def expire(self) -> None:
        """Its worker was silent for a lease; mostly another takes the run over at once."""
        run = self.pick("run", [run for run in self.runs if run.lease == LIVE])
        self.world.expire(run)
        run.lease = EXPIRED
        if len(self.workers) < MAX_WORKERS and self.pick("taken over", (True, True, False)):
            self.claim_run(run)

    def claim_run(self, run: RunModel, *, racing: int = 1) -> None:
        """Of several at once one gets it, if it is to be had at all."""
        asked = [lambda: claim.claim(run.id, owner="worker")] * racing
        answers = self.world.together(asked) if racing > 1 else [asked[0]()]
        claimed = [answer for answer in answers if answer is not None]
        takeover = run.epoch > 0
        promised = run.claim()
        self.expect("claim", "a run has one holder at a time", len(claimed), int(promised))
        if promised and takeover:
            self.seen["taken over"] += 1
        if claimed:
            self._begin(run, claimed[0])

    def _begin(self, run: RunModel, claimed: Any) -> None:
        self.expect("epoch", "each claim has an epoch of its own", claimed.lease_epoch, run.epoch)
        worker = begin_work(self.world, f"w{next(self.numbers)}", run, claimed)
        self.expect("read", "what was finished is read", (worker.done, worker.ended, worker.answers), expected_belief(run))
        if claimed.cancel_requested_at is not None:
            self._end(worker, RunState.CANCELLED)
        elif claimed.fruitless_takeovers > claim.MAX_FRUITLESS_TAKEOVERS:
            self._end(worker, RunState.FAILED)
            self.seen[execution.POISON] += 1
        else:
            self.workers.append(worker)

    def _end(self, worker: Worker, state: RunState) -> None:
        real = claim.end(worker.claimed, state=state, raw=worker.name)
        self.expect("end", "only who holds a run ends it", real, worker.run.end(worker.epoch, state.value))

    @act(when=lambda self: self.workers)
    def beat(self) -> None:
        beating = [worker for worker in self.workers if self.pick(f"{worker} too", (True, False))]
        lost = claim.beat([(worker.run.id, worker.epoch) for worker in beating])
        promised = {worker.run.id for worker in beating if not worker.run.beat(worker.epoch)}
        self.expect("beat", "a lost lease is told", lost, promised)
        self.seen["beat", "lost" if lost else "all held"] += 1

    @act(when=lambda self: self.workers)
    def kill(self) -> None:
        """It forgets everything; what it opened stays open."""
        self.workers.remove(self.pick("worker", self.workers))

    @act(when=lambda self: self.workers)
    def release(self) -> None:
        worker = self.pick("worker", self.workers)
        claim.release([(worker.run.id, worker.epoch)])
        worker.run.release(worker.epoch)
        self.workers.remove(worker)

    @act(when=lambda self: self.workers)
    def end(self) -> None:
        """It succeeds if it believes that all its tasks did."""
        worker = self.pick("worker", self.workers)
        states = (RunState.SUCCEEDED,) if self._may_succeed(worker) else (RunState.FAILED, RunState.CANCELLED)
        self._end(worker, self.pick("state", states))
        self.workers.remove(worker)

    def _may_succeed(self, worker: Worker) -> bool:
        return not worker.open and [worker.done.get(task, "failed") for task in TASKS].count("failed") == 0

class TaskActs(Stage):
    @act(weight=4, when=lambda self: any(worker.startable() for worker in self.workers))
    def start_tasks(self) -> None:
        worker = self.pick("worker", [one for one in self.workers if one.startable()])
        tasks = worker.startable()
        self.start(worker, tasks if self.pick("all", (True, False)) else tasks[:1])

    def start(self, worker: Worker, tasks: list[str]) -> None:
        for task in tasks:
            self.ask_journal(worker.journal.task_started(task, "finance"))
            worker.started.add(task)
            worker.run.start_task(worker.epoch, task)

    @act(weight=3, when=lambda self: any(worker.endable() for worker in self.workers))
    def end_task(self) -> None:
        """One that asks a person waits instead."""
        worker = self.pick("worker", [one for one in self.workers if one.endable()])
        task = self.pick("task", worker.endable())
        statuses = (TaskStatus.SUCCEEDED, TaskStatus.SUCCEEDED, TaskStatus.FAILED)
        self._end_task(worker, task, TaskStatus.WAITING if task in worker.asking else self.pick("status", statuses))

    def _end_task(self, worker: Worker, task: str, status: TaskStatus) -> None:
        raw = f"{task} by {worker.epoch}"
        self.ask_journal(worker.journal.task_ended(TaskResult(task, status, raw=raw)))
        worker.run.end_task(worker.epoch, task, status.value, raw)
        if status is not TaskStatus.WAITING:
            worker.done[task] = status.value

    @act(weight=3, when=lambda self: any(worker.endable() for worker in self.workers))
    def ask_person(self) -> None:
        """About an answer: the first that nobody has sent back."""
        worker = self.pick("worker", [one for one in self.workers if one.endable()])
        task = self.pick("task", worker.endable())
        number, word = 0, self.ask_journal(worker.journal.review(task, 0, "An answer"))
        while word is not None and not word.approved:
            number += 1
            word = self.ask_journal(worker.journal.review(task, number, "Another answer"))
        if word is None:
            worker.run.ask(worker.epoch, task, number)
            worker.asking.add(task)

    @act(weight=5, when=lambda self: any(worker.asking and not worker.open for worker in self.workers))
    def set_aside(self) -> None:
        """Until a person has answered: what asks is told to wait first."""
        worker = self.pick("worker", [one for one in self.workers if one.asking and not one.open])
        for task in TASKS:
            if task in worker.asking and task not in worker.done:
                self._end_task(worker, task, TaskStatus.WAITING)
        real = claim.pause(worker.claimed, waiting_for="person", decisions=worker.answers)
        self.expect("pause", "only who holds a run sets it aside", real, worker.run.pause(worker.epoch, worker.answers))
        self.workers.remove(worker)

    def ask_journal(self, work: Coroutine[Any, Any, Any]) -> Any:
        (answer,) = self.world.wait(work)
        if isinstance(answer, BaseException):
            raise answer
        return answer


class CallActs(TaskActs):
    @act(weight=8, when=lambda self: any(worker.lines() for worker in self.workers))
    def open_call(self) -> None:
        self._do(self._opening(), twice=self.pick("twice", ONCE_OR_TWICE))

    @act(weight=6, when=lambda self: any(worker.open for worker in self.workers))
    def settle_call(self) -> None:
        self._do(self._settling(), twice=self.pick("twice", ONCE_OR_TWICE))

    @act(weight=3, when=lambda self: sum(bool(worker.lines()) for worker in self.workers) > 1)
    def do_several_at_once(self) -> None:
        """Of any workers, in one transaction of the writer if it comes so."""
        made = (self._opening, self._opening, self._settling)
        self._do(*(self.pick("what", made)() for _ in range(self.pick("how many", (2, 3, 4, 5)))))

    @act(when=lambda self: any(worker.settled for worker in self.workers))
    def settle_again(self) -> None:
        """The same outcome a second time, whatever happened since."""
        worker = self.pick("worker", [one for one in self.workers if one.settled])
        call, how = self.pick("call", worker.settled)
        self._do(self._settlement(worker, call, how))

    def _do(self, *operations: Operation | None, twice: bool = False) -> None:
        wanted = [operation for operation in operations if operation is not None]
        self.world.writer.twice = twice
        try:
            answers = self.world.wait(*(work for work, _ in wanted))
        finally:
            self.world.writer.twice = False
        for (_, then), answer in zip(wanted, answers, strict=True):
            then(answer)

    def _opening(self) -> Operation | None:
        able = [worker for worker in self.workers if worker.lines()]
        if not able:
            return None
        worker = self.pick("worker", able)
        line = self.pick("line", worker.lines())
        kind = self.pick("kind", KINDS if line[0] else ("model",))
        if not self._may_repeat(worker, line):
            return None
        call = OpenCall(line, worker.intend(line, kind))
        return opening(worker, call), lambda answer: self._opened(worker, call, answer)

    def _may_repeat(self, worker: Worker, line: Line) -> bool:
        """Asks what became of an unsafe call whose worker was lost, if there is one at the next step."""
        if line[0] == CREW_TASK:
            return True
        place = worker.next_step(line)
        lost = self.ask_journal(worker.journal.lost_call(line[0], place[2], branch=line[1]))
        if lost is None or lost.happened is False:
            return True
        if lost.happened:
            worker.ended.add(place)
        else:
            call_id = worker.lost[place]
            worker.run.ask(worker.epoch, line[0], 0, call_id)
            worker.asking.add(line[0])
        return False

    def _opened(self, worker: Worker, call: OpenCall, answer: Any) -> None:
        promised = worker.run.may_open(worker.epoch, to_nusd(call.intent.reserved_usd))
        self.expect("open", "a call is opened by who holds the run, and within the budgets", _named(answer), promised)
        if isinstance(answer, Ticket):
            call.ticket = answer
            worker.run.open(worker.opened(call))
        else:
            worker.busy.discard(call.line)

    def _settling(self) -> Operation | None:
        able = [worker for worker in self.workers if worker.open]
        if not able:
            return None
        worker = self.pick("worker", able)
        call = self.pick("call", worker.open)
        worker.open.remove(call)
        how = self.pick("outcome", OUTCOMES)
        worker.settled.append((call, how))
        return self._settlement(worker, call, how)

    def _settlement(self, worker: Worker, call: OpenCall, how: str) -> Operation:
        outcome = outcome_of(call.intent, how)
        return worker.journal.settle_call(call.ticket, outcome), lambda answer: self._settled(worker, call, how, answer)

    def _settled(self, worker: Worker, call: OpenCall, how: str, answer: Any) -> None:
        if isinstance(answer, IntegrityError):
            raise Violated("a step is ok at most once", answer)
        if answer is not None:
            raise answer
        assert call.model is not None
        outcome = outcome_of(call.intent, how)
        call.model.settle(settlement_of(outcome))
        worker.learned(call, outcome)
        self.seen["settled", call.model.state] += 1


def _named(answer: Any) -> str:
    if isinstance(answer, Ticket):
        return "opened"
    if isinstance(answer, LimitReached):
        return answer.limit
    if isinstance(answer, Cancelled):
        return "cancelled"
    raise answer
