"""What workers do with calls: open them and settle them, alone, together, twice, and with a takeover in between."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError

from engine.errors import Cancelled, LimitReached
from engine.record.journal import CREW_TASK
from runs.ledger.journal import Ticket
from runs.money import to_nusd
from tests.runs.protocol.acts_of_workers import MAX_WORKERS, LeaseActs, TaskActs
from tests.runs.protocol.facts import Violated
from tests.runs.protocol.model import EXPIRED, LIVE, RunModel
from tests.runs.protocol.stage import act
from tests.runs.protocol.worker import KINDS, OUTCOMES, Line, OpenCall, Worker, opening, outcome_of, settlement_of
from tests.runs.protocol.world import LONG_S

OPENED, WAIT = "opened", "wait"
A_MOMENT_S = 0.02
"""How long who waits for money is let wait: it looks again only much later."""


@dataclass
class Asked:
    """What a worker asks of its journal. ``predict`` does it in the model, as often as it is done; ``judge`` looks at
    the answer.
    """

    worker: Worker
    call: OpenCall
    work: Coroutine[Any, Any, Any]
    predict: Callable[[], None]
    judge: Callable[[Any], None]

    @property
    def at_most_s(self) -> float:
        return A_MOMENT_S if self.call.promised == WAIT else LONG_S


class CallActs(TaskActs, LeaseActs):
    @act(weight=8, when=lambda self: any(worker.lines() for worker in self.workers))
    def open_call(self) -> None:
        self._do(self._opening())

    @act(weight=6, when=lambda self: any(worker.open for worker in self.workers))
    def settle_call(self) -> None:
        self._do(self._settling())

    @act(weight=2, when=lambda self: any(worker.lines() for worker in self.workers))
    def open_call_twice(self) -> None:
        """The answer to its COMMIT was lost, so that it is done again, perhaps after another worker took the run."""
        self._do_twice(self._opening())

    @act(weight=2, when=lambda self: any(worker.open for worker in self.workers))
    def settle_call_twice(self) -> None:
        self._do_twice(self._settling())

    @act(weight=3, when=lambda self: sum(bool(worker.lines()) for worker in self.workers) > 1)
    def do_several_at_once(self) -> None:
        """Of any workers, in one transaction of the writer if it comes so."""
        made = (self._opening, self._opening, self._settling)
        self._do(*(self.pick("what", made)() for _ in range(self.pick("how many", (2, 3, 4, 5)))))

    @act(when=lambda self: any(worker.settled for worker in self.workers))
    def settle_again(self) -> None:
        """The same outcome a second time, whatever happened since."""
        worker = self.pick_worker([one for one in self.workers if one.settled])
        self._do(self._settlement(worker, *self.pick("call", worker.settled)))

    def _do(self, *several: Asked | None) -> None:
        wanted = [asked for asked in several if asked is not None]
        for asked in wanted:
            asked.predict()
        answers = self.world.wait(*(one.work for one in wanted), at_most_s=[one.at_most_s for one in wanted])
        for asked, answer in zip(wanted, answers, strict=True):
            asked.judge(answer)

    def _do_twice(self, asked: Asked | None) -> None:
        if asked is None:
            return
        run, claimed = asked.worker.run, []
        may_be_taken = run.lease == LIVE and len(self.workers) < MAX_WORKERS
        taken = may_be_taken and self.pick("taken over in between", (True, False))
        asked.predict()
        if taken:
            run.lease = EXPIRED
            run.claim(self.runs)
        asked.predict()
        with self.world.writer.twice(lambda: claimed.append(self.world.take_over(run)) if taken else None):
            (answer,) = self.world.wait(asked.work, at_most_s=[asked.at_most_s])
        asked.judge(answer)
        if taken:
            self._taken_in_between(run, *claimed)

    def _taken_in_between(self, run: RunModel, claimed: Any) -> None:
        self.expect("claim", "an expired lease may be taken over", claimed is not None, True)
        self.seen["taken over in between"] += 1
        self.take_up(run, claimed)

    def _opening(self, worker: Worker | None = None) -> Asked | None:
        able = [worker] if worker else [one for one in self.workers if one.lines()]
        if not able:
            return None
        worker = self.pick_worker(able)
        line = self.pick("line", worker.lines())
        kind = self.pick("kind", KINDS if line[0] else ("model",))
        if not self._may_repeat(worker, line):
            return None
        call = OpenCall(line, worker.intend(line, kind))
        return Asked(
            worker,
            call,
            opening(worker, call),
            predict=lambda: self._predict_opening(worker, call),
            judge=lambda answer: self._judge_opening(worker, call, answer),
        )

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
            worker.run.ask(worker.epoch, line[0], 0, worker.lost[place])
            worker.asking.add(line[0])
        return False

    def _predict_opening(self, worker: Worker, call: OpenCall) -> None:
        """One that was written is not refused when it is done again."""
        if call.promised != OPENED:
            call.promised = worker.run.may_open(worker.epoch, to_nusd(call.intent.reserved_usd))
            if call.promised == OPENED:
                worker.run.open(worker.opened(call))

    def _judge_opening(self, worker: Worker, call: OpenCall, answer: Any) -> None:
        real = _named(answer)
        self.expect("open", "only who holds a run opens calls, within its budgets", real, call.promised)
        if real == OPENED and call.promised != OPENED:  # where nobody judges by the model
            worker.run.open(worker.opened(call))
        if real == OPENED:
            call.ticket = answer
            call.model.id = answer.call_id
        elif call.promised == OPENED:
            worker.run.forget(call.model)
            worker.open.remove(call)
        if real != OPENED:
            worker.busy.discard(call.line)
        worker.stopped |= isinstance(answer, Cancelled)
        if isinstance(answer, LimitReached):
            worker.limit = real, to_nusd(call.intent.reserved_usd)

    def _settling(self, worker: Worker | None = None) -> Asked | None:
        able = [worker] if worker else [one for one in self.workers if one.open]
        if not able:
            return None
        worker = self.pick_worker(able)
        call = self.pick("call", [call for call in worker.open if call.ticket is not None])
        worker.open.remove(call)
        how = self.pick("outcome", OUTCOMES)
        worker.settled.append((call, how))
        return self._settlement(worker, call, how)

    @act(weight=2, when=lambda self: any(worker.open and worker.lines() for worker in self.workers))
    def settle_while_another_waits(self) -> None:
        """What a settled call gives back opens the next one that waited for it."""
        worker = self.pick_worker([one for one in self.workers if one.open and one.lines()])
        opening = self._opening(worker)
        if opening is None:
            return
        opening.predict()
        waited = opening.call.promised == WAIT
        settling = self._settling(worker)
        settling.predict()
        if waited:
            opening.predict()
        works = self.world.wait(opening.work, settling.work, at_most_s=[opening.at_most_s, LONG_S])
        settling.judge(works[1])
        opening.judge(works[0])
        if waited:
            self.seen["waited, then", opening.call.promised] += 1

    def _settlement(self, worker: Worker, call: OpenCall, how: str) -> Asked:
        outcome = outcome_of(call.intent, how)

        def judge(answer: Any) -> None:
            if isinstance(answer, IntegrityError) and "call_one_ok_per_step" in str(answer):
                raise Violated("a step is ok at most once", answer)
            if answer is not None:
                raise answer
            worker.learned(call, outcome)
            self.seen["settled", call.model.state] += 1

        return Asked(
            worker,
            call,
            worker.journal.settle_call(call.ticket, outcome),
            predict=lambda: call.model.settle(settlement_of(outcome)),
            judge=judge,
        )


def _named(answer: Any) -> str:
    if isinstance(answer, Ticket):
        return OPENED
    if isinstance(answer, LimitReached):
        return answer.limit
    if isinstance(answer, Cancelled):
        return "cancelled"
    if isinstance(answer, TimeoutError):
        return WAIT
    raise answer
