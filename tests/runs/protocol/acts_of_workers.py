"""What workers do with runs and tasks, those that hold their run and those that only believe so."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

from engine.record.journal import TaskResult, TaskStatus
from runs.ledger import transitions
from runs.states import PERSON, RunState
from runs.worker import claim, execution, next_run
from teams.models import AtLimit
from tests.runs.protocol.model import EXPIRED, LIVE, RunModel, next_in_line, places
from tests.runs.protocol.purses import TeamModel
from tests.runs.protocol.stage import Stage, act
from tests.runs.protocol.worker import (
    Worker,
    begin_work,
    expected_belief,
)
from tests.runs.protocol.world import TASKS

MAX_WORKERS = 4


class LeaseActs(Stage):
    @act(weight=4, when=lambda self: self._may_claim() and any(run.claimable for run in self.runs))
    def claim(self) -> None:
        run = self.pick("run", [run for run in self.runs if run.claimable])
        self.claim_run(run, racing=self.pick("racing", (1, 1, 1, 3)))

    @act(when=lambda self: self._may_claim() and self.runs)
    def claim_any(self) -> None:
        """A message may come for any run, and again."""
        self.claim_run(self.pick("run", self.runs), racing=self.pick("racing", (1, 3)))

    def _may_claim(self) -> bool:
        return len(self.workers) < MAX_WORKERS

    @act(weight=2, when=lambda self: len(self.workers) < MAX_WORKERS)
    def claim_next(self) -> None:
        """Whoever is rung takes the run whose turn it is."""
        wary = self.pick("wary", (False, True))
        run = next_in_line(self.runs, wary=wary)
        claimed = next_run.claim_next(owner="worker", wary=wary)
        real = claimed and claimed.pk
        self.expect("next", "runs take turns between teams", real, run and run.id)
        if run is not None and claimed is not None:
            run.claim(self.runs)
            self.take_up(run, claimed)

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
        answers = self.world.overlapping(asked) if racing > 1 else [asked[0]()]
        claimed = sorted((one for one in answers if one is not None), key=lambda one: one.lease_epoch)
        takeover = run.epoch > 0
        promised = run.claim(self.runs)
        self.expect("claim", "a run has one holder at a time", len(claimed), int(promised))
        if promised and takeover:
            self.seen["taken over"] += 1
        if claimed:
            self.take_up(run, claimed[-1])

    @act(when=lambda self: self._may_claim() and any(len(self._queued_of(team)) > 1 for team in self.teams))
    def claim_several(self) -> None:
        """Runs of one team, by several workers at once: as many are claimed as there are places."""
        team = self.pick("team", [team for team in self.teams if len(self._queued_of(team)) > 1])
        queued = self._queued_of(team)[: MAX_WORKERS - len(self.workers)]
        promised = min(len(queued), places(team, self.runs))
        answers = self.world.overlapping([partial(claim.claim, run.id, owner="worker") for run in queued])
        claimed = {one.pk: one for one in answers if one is not None}
        self.expect("claim several", "a team has no more runs under way than it may have", len(claimed), promised)
        for run in queued:
            if run.id in claimed:
                run.take_place()
                self.take_up(run, claimed[run.id])

    def _queued_of(self, team: TeamModel) -> list[RunModel]:
        return [run for run in self.runs if run.team is team and run.state == "queued"]

    def take_up(self, run: RunModel, claimed: Any) -> None:
        self.expect("epoch", "each claim has an epoch of its own", claimed.lease_epoch, run.epoch)
        worker = begin_work(self.world, f"w{next(self.numbers)}", run, claimed)
        self.expect(
            "read", "what was finished is read", (worker.done, worker.ended, worker.answers), expected_belief(run)
        )
        if claimed.cancel_requested_at is not None:
            self._end(worker, RunState.CANCELLED)
        elif claimed.fruitless_takeovers > claim.MAX_FRUITLESS_TAKEOVERS:
            self._end(worker, RunState.FAILED)
            self.seen[execution.POISON] += 1
        else:
            self.workers.append(worker)

    def _end(self, worker: Worker, state: RunState) -> None:
        real = transitions.end(worker.claimed, state=state, raw=worker.name)
        self.expect("end", "only who holds a run ends it", real, worker.run.end(worker.epoch, state.value))

    @act(when=lambda self: self.workers)
    def beat(self) -> None:
        beating = [worker for worker in self.workers if self.pick(f"{worker} too", (True, False))]
        self._beat(beating)

    def _beat(self, beating: Sequence[Worker]) -> None:
        lost = claim.beat([(worker.run.id, worker.epoch) for worker in beating])
        promised = {(worker.run.id, worker.epoch) for worker in beating if not worker.run.beat(worker.epoch)}
        self.expect("beat", "a lost lease is told", lost, promised)
        self.seen["beat", "lost" if lost else "all held"] += 1

    @act(weight=2, when=lambda self: self.workers)
    def kill(self) -> None:
        """It forgets everything; what it opened stays open."""
        useless = [worker for worker in self.workers if worker.stopped and not worker.open]
        self.workers.remove(self.pick_worker(useless or self.workers))

    @act(when=lambda self: self.workers)
    def release(self) -> None:
        worker = self.pick_worker(self.workers)
        claim.release([(worker.run.id, worker.epoch)])
        worker.run.release(worker.epoch)
        self.workers.remove(worker)
        if self.pick("beats once more", (False, True)):
            self._beat([worker])

    @act(weight=6, when=lambda self: any(worker.limit and not worker.open for worker in self.workers))
    def stop_at_limit(self) -> None:
        """Waits until the budget that was met covers its next call, or ends if it was to stop there."""
        worker = self.pick_worker([one for one in self.workers if one.limit and not one.open])
        name, needs = worker.limit
        if worker.run.order.at_limit == AtLimit.STOP:
            self._end(worker, RunState.FAILED)
        else:
            real = transitions.pause(worker.claimed, waiting_for=name, needs_nusd=needs)
            promised = worker.run.pause(worker.epoch, name, needs=needs)
            self.expect("wait for money", "only who holds a run sets it aside", real, promised)
        self.workers.remove(worker)

    @act(when=lambda self: self.workers)
    def end(self) -> None:
        """It succeeds if it believes that all its tasks did."""
        worker = self.pick_worker(self.workers)
        states = (RunState.SUCCEEDED,) if self._may_succeed(worker) else (RunState.FAILED, RunState.CANCELLED)
        self._end(worker, self.pick("state", states))
        self.workers.remove(worker)

    def _may_succeed(self, worker: Worker) -> bool:
        return not worker.open and [worker.done.get(task, "failed") for task in TASKS].count("failed") == 0


class TaskActs(Stage):
    @act(weight=4, when=lambda self: any(worker.startable() for worker in self.workers))
    def start_tasks(self) -> None:
        worker = self.pick_worker([one for one in self.workers if one.startable()])
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
        worker = self.pick_worker([one for one in self.workers if one.endable()])
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
        worker = self.pick_worker([one for one in self.workers if one.endable()])
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
        worker = self.pick_worker([one for one in self.workers if one.asking and not one.open])
        for task in TASKS:
            if task in worker.asking and task not in worker.done:
                self._end_task(worker, task, TaskStatus.WAITING)
        real = transitions.pause(worker.claimed, waiting_for=PERSON, decisions=worker.answers)
        promised = worker.run.pause(worker.epoch, PERSON, answers=worker.answers)
        self.expect("pause", "only who holds a run sets it aside", real, promised)
        self.workers.remove(worker)

    def ask_journal(self, work: Coroutine[Any, Any, Any]) -> Any:
        (answer,) = self.world.wait(work)
        if isinstance(answer, BaseException):
            raise answer
        return answer
