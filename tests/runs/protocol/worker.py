"""A worker as the engine behaves: it goes by what it read at its claim and by what it did since, and by nothing else.

So one that lost its lease goes on in good faith.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine.catalogue.pricing import Usage, cost_usd, worst_case_rates, worst_case_usd
from engine.crew.booking import refused
from engine.errors import Cancelled, ProviderError
from engine.providers.llm import LLMReply
from engine.record.journal import CREW_TASK, CallIntent, CallKind, CallOutcome, CallStatus
from engine.tools.tool import Effect
from runs.ledger.journal import LedgerJournal
from runs.ledger.prices import TeamPrices
from runs.ledger.replay import read_replay
from runs.models import Run
from runs.money import to_nusd
from tests.runs.protocol.model import TASK_KEPT, CallModel, RunModel, Settlement
from tests.runs.protocol.world import MODEL, TASKS, World

Line = tuple[str, str]
"""Task key and branch: the calls of one line follow each other."""

KINDS = ("model", "pure", "unsafe", "reused")
OUTCOMES = ("ok", "ok", "refused", "timed out", "cut off")
PROMPT_TOKENS, MAX_TOKENS = 100, 1000


@dataclass(eq=False, repr=False)
class OpenCall:
    """A call under way: what was meant, what was promised, and once it is open its ticket."""

    line: Line
    intent: CallIntent
    promised: str = ""
    ticket: Any = None
    model: Any = None
    ended: bool = False

    def __repr__(self) -> str:
        return repr(self.model)


@dataclass(eq=False, repr=False)
class Worker:
    """One claim of one run. ``done`` are the tasks that it believes to have ended, ``asking`` those that wait.

    ``stopped``: it was refused a call for good. ``limit``: the budget that it met, and what its next call may cost.
    """

    name: str
    run: RunModel
    claimed: Run
    journal: LedgerJournal
    prices: TeamPrices
    answers: int
    done: dict[str, str]
    ended: set[tuple[str, str, int]]
    lost: dict[tuple[str, str, int], Any]
    open: list[OpenCall] = field(default_factory=list)
    settled: list[tuple[OpenCall, str]] = field(default_factory=list)
    busy: set[Line] = field(default_factory=set)
    started: set[str] = field(default_factory=set)
    asking: set[str] = field(default_factory=set)
    limit: tuple[str, int] | None = None
    stopped: bool = False
    attempts: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def __repr__(self) -> str:
        return f"{self.name}({self.run}@{self.epoch})"

    @property
    def epoch(self) -> int:
        return self.claimed.lease_epoch

    def lines(self) -> list[Line]:
        """Where it could make its next call: in each task that it has begun, and on the crew's own line."""
        if self.stopped:
            return []
        tasks = [task for task in TASKS if task in self.started and task not in self.done and task not in self.asking]
        lines = [*((task, branch) for task in tasks for branch in ("", "1.")), (CREW_TASK, "")]
        return [line for line in lines if line not in self.busy]

    def next_step(self, line: Line) -> tuple[str, str, int]:
        step = 0
        while (*line, step) in self.ended:
            step += 1
        return (*line, step)

    def startable(self) -> list[str]:
        return [task for task in TASKS if task not in self.done and task not in self.started]

    def endable(self) -> list[str]:
        """Tasks with no call under way."""
        return [task for task in TASKS if task in self.started and task not in self.done and not self._calls_in(task)]

    def _calls_in(self, task: str) -> bool:
        return any(line[0] == task for line in self.busy)

    def intend(self, line: Line, kind: str) -> CallIntent:
        """The line's next call; a model's step may take several attempts."""
        place = self.next_step(line)
        kind = self.run.kinds.setdefault(place, kind)
        model = kind in ("model", "reused")
        self.attempts[place] += 1
        price = self.prices.price(MODEL) if model else None
        return CallIntent(
            task=line[0],
            agent="finance",
            branch=line[1],
            step=place[2],
            attempt=self.attempts[place] if model else 1,
            kind=CallKind.MODEL if model else CallKind.TOOL,
            model=MODEL if model else "",
            tool="" if model else "http_request",
            effect=Effect.UNSAFE if kind == "unsafe" else Effect.PURE,
            reserved_usd=worst_case_usd(PROMPT_TOKENS, MAX_TOKENS, price) if kind == "model" else Decimal(0),
            prompt_tokens=PROMPT_TOKENS if kind == "model" else 0,
            price=price,
            simulated=self.run.simulated,
            reuses=kind == "reused",
        )

    def opened(self, call: OpenCall) -> CallModel:
        """As the ledger has it once it is open."""
        intent = call.intent
        rates = intent.price and worst_case_rates(intent.prompt_tokens, intent.price)
        model = call.model = CallModel(
            id=None,
            run=self.run,
            task=intent.task,
            branch=intent.branch,
            step=intent.step,
            attempt=intent.attempt,
            epoch=self.epoch,
            kind=intent.kind.value,
            unsafe=intent.effect is Effect.UNSAFE,
            priced=intent.price is not None,
            reserved=to_nusd(intent.reserved_usd),
            input_price=rates and rates.input_usd_per_mtok,
            output_price=rates and rates.output_usd_per_mtok,
            month=self.run.team.month,
        )
        self.open.append(call)
        return model

    def learned(self, call: OpenCall, outcome: CallOutcome) -> None:
        """What it makes of a call's end, once. An unsafe one that was cut off is not its to repeat."""
        if call.ended:
            return
        call.ended = True
        told = outcome.status is CallStatus.ERROR and outcome.tool_output is not None
        if outcome.status is CallStatus.OK or told:
            self.ended.add((*call.line, call.intent.step))
        if not (outcome.status is CallStatus.UNKNOWN and call.intent.effect is Effect.UNSAFE):
            self.busy.discard(call.line)


def begin_work(world: World, name: str, run: RunModel, claimed: Run) -> Worker:
    """What ``runs.worker.execution`` does after a claim, up to where the engine begins."""
    replay = read_replay(claimed)
    return Worker(
        name=name,
        run=run,
        claimed=claimed,
        journal=LedgerJournal(claimed, replay, world.writer),
        prices=TeamPrices(claimed.team, [MODEL]),
        answers=replay.decisions,
        done={key: result.status.value for key, result in replay.results.items()},
        ended=set(replay.calls),
        lost={place: call_id for place, (call_id, _) in replay.lost.items()},
    )


def expected_belief(run: RunModel) -> tuple[dict[str, str], set[tuple[str, str, int]], int]:
    """What a worker must read at its claim: tasks that were kept, steps of the others that ended, and answers."""
    done = {key: task.state for key, task in run.tasks.items() if task.state in TASK_KEPT}
    ended = {call.place for call in run.calls if call.ends_step and call.task not in done}
    return done, ended, run.answers


def outcome_of(intent: CallIntent, how: str) -> CallOutcome:
    """How the engine books it, for a call that ended so."""
    model, unsafe = intent.kind is CallKind.MODEL, intent.effect is Effect.UNSAFE
    unknown = refused(ProviderError("Nobody answered.", retryable=True, outcome_unknown=True), intent)
    if how == "ok":
        return _answered(intent)
    if how == "refused" and model:
        return refused(ProviderError("429", retryable=True), intent)
    if how == "refused":
        return CallOutcome(CallStatus.ERROR, tool_output="Error: no", error="no", error_code="tool_failed")
    if how == "timed out" and model and not intent.simulated:
        return unknown
    known = intent.simulated or not (model or unsafe)
    return CallOutcome(
        CallStatus.ERROR if known else CallStatus.UNKNOWN,
        cost_usd=unknown.cost_usd if model and not known else Decimal(0),
        error_code=Cancelled.code,
    )


def _answered(intent: CallIntent) -> CallOutcome:
    if intent.kind is not CallKind.MODEL:
        return CallOutcome(CallStatus.OK, tool_output="done")
    if intent.reuses:
        return CallOutcome(CallStatus.OK, cache_hit=True, cache_age_s=1.0, saved_usd=Decimal("0.001"))
    usage = Usage(prompt_tokens=PROMPT_TOKENS + 7, completion_tokens=333)
    reply = LLMReply("Here.", usage, MODEL)
    rates = intent.price and intent.price.rates(usage.prompt_tokens)
    return CallOutcome(CallStatus.OK, reply=reply, usage=usage, cost_usd=cost_usd(usage, intent.price), rates=rates)


def settlement_of(outcome: CallOutcome) -> Settlement:
    return Settlement(
        status=outcome.status.value,
        cost=None if outcome.cost_usd is None else to_nusd(outcome.cost_usd),
        tokens=(outcome.usage.prompt_tokens, outcome.usage.completion_tokens),
        error_code=outcome.error_code,
        told=outcome.tool_output is not None and outcome.status is CallStatus.ERROR,
        cache_hit=outcome.cache_hit,
        prices=outcome.rates and (outcome.rates.input_usd_per_mtok, outcome.rates.output_usd_per_mtok),
    )


def opening(worker: Worker, call: OpenCall) -> Coroutine[Any, Any, Any]:
    worker.busy.add(call.line)
    return worker.journal.open_call(call.intent)
