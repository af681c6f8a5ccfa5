"""What the protocol promises, in plain Python: what each operation must answer, and how each row must stand after it.

There is no database and no clock here: a lease is live, expired or free because somebody said so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.runs.protocol.purses import Purse, Row, TeamModel

FREE, LIVE, EXPIRED = "", "live", "expired"
ENDED = ("succeeded", "failed", "cancelled")
TASK_KEPT = ("succeeded", "failed", "skipped")
TASK_ENDED = (*TASK_KEPT, "cancelled")
BUDGETS = ("run_budget", "team_budget", "user_budget")
WORKER_LOST, CANCELLED = "worker_lost", "cancelled"


@dataclass(eq=False, repr=False)
class CallModel(Row):
    """A line of the ledger. ``month`` is the number of the team's month in which it was opened."""

    FIELDS = (
        *("state", "cost_class", "cost", "reserved", "prompt_tokens", "completion_tokens", "error_code"),
        *("input_price", "output_price", "epoch", "attempt"),
    )

    id: Any
    run: RunModel
    task: str
    branch: str
    step: int
    attempt: int
    epoch: int
    kind: str
    unsafe: bool
    priced: bool
    reserved: int
    input_price: Decimal | None
    output_price: Decimal | None
    month: int
    state: str = "intent"
    cost_class: str = "work"
    cost: int | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error_code: str = ""
    told: bool = False
    correction: Correction | None = None

    def __repr__(self) -> str:
        return f"{self.run}:{self.task or 'crew'}/{self.branch}{self.step}#{self.attempt}@{self.epoch}"

    @property
    def open(self) -> bool:
        return self.state == "intent"

    def booked(self, month: int) -> int:
        """What a month's bill holds of it: a closed one keeps what it took, and the present one has the difference."""
        corrected, cost = self.correction, self.cost or 0
        if corrected is None or corrected.month == self.month:
            return cost if month == self.month else 0
        return {self.month: corrected.booked or 0, corrected.month: cost - (corrected.booked or 0)}.get(month, 0)

    @property
    def place(self) -> tuple[str, str, int]:
        return (self.task, self.branch, self.step)

    @property
    def ends_step(self) -> bool:
        """Whether whoever takes the run over reads it instead of calling again."""
        late = self.state == "late" and self.unsafe and not self.run.simulated
        return self.state == "ok" or late or (self.state == "error" and self.told)

    @property
    def lost(self) -> bool:
        return self.state == "unknown" and self.unsafe and not self.run.simulated

    def settle(self, how: Settlement) -> None:
        """Booked once for good; one of unknown outcome may become better known."""
        if self.state not in ("intent", "unknown") or (self.state, how.status) == ("unknown", "unknown"):
            return
        if self.state == "unknown":
            self._correct(how.cost)
        if how.prices is not None:
            self.input_price, self.output_price = how.prices
        fresh = self.run.held_at(self.epoch)
        self.state = ("ok" if fresh else "late") if how.status == "ok" else how.status
        self.cost, self.error_code, self.told = how.cost, how.error_code, how.told
        self.prompt_tokens, self.completion_tokens = how.tokens
        self.cost_class = self._class(how)
        if fresh and self.state == "ok":
            self.run.fruitless = 0

    def _correct(self, cost: int | None) -> None:
        team, person = self.run.team, self.run.person
        self.correction = Correction(self, self.cost, cost, team.month_of_corrections(self.month))
        if self.correction.month != self.month:
            team.begin_bill()
            if (person, self.month) in team.allowances:
                team.begin_allowance(person)

    def lose(self) -> None:
        """Nobody will settle it: a simulated one costs nothing, any other its worst case."""
        if self.run.simulated:
            self.settle(Settlement("error", 0, error_code=WORKER_LOST))
        else:
            known = self.priced or self.kind != "model"
            self.settle(Settlement("unknown", self.reserved if known else None, error_code=WORKER_LOST))

    def _class(self, how: Settlement) -> str:
        if how.cache_hit:
            return "cache_hit"
        if self.state == "late":
            return "duplicate"
        if self.state != "ok":
            return "cancelled" if how.error_code == CANCELLED else "failed"
        return "retry" if self.attempt > 1 else "work"


@dataclass(eq=False, repr=False)
class Correction(Row):
    """What a call of unknown outcome had been booked at, and which month's bill took the difference."""

    call: CallModel
    booked: int | None
    cost: int | None
    month: int

    def row(self) -> tuple[Any, ...]:
        return (self.booked, self.cost, self.call.run.team.month - self.month)


@dataclass(frozen=True)
class Settlement:
    """How a call ended: ``ok``, ``error`` or ``unknown``. ``told``: a tool's error that the model was told. ``prices``
    are those that were applied, where it says what was used."""

    status: str
    cost: int | None
    tokens: tuple[int, int] = (0, 0)
    error_code: str = ""
    told: bool = False
    cache_hit: bool = False
    prices: tuple[Decimal, Decimal] | None = None


@dataclass(eq=False, repr=False)
class TaskModel(Row):
    FIELDS = ("state", "raw")

    state: str = "pending"
    raw: str = ""


@dataclass(eq=False, repr=False)
class RunModel(Row):
    """``rung_long_ago``: a sweeper may ring for it. ``ended_long_ago``: a lease has passed since its end."""

    FIELDS = (
        *("state", "epoch", "lease", "cancel", "fruitless", "takeovers", "waiting_for", "needs", "rung_long_ago"),
        "budget",
    )

    id: Any
    name: str
    team: TeamModel
    person: int
    order: Any
    key: str | None
    simulated: bool
    budget: int | None
    tasks: dict[str, TaskModel]
    state: str = "queued"
    epoch: int = 0
    lease: str = FREE
    cancel: bool = False
    fruitless: int = 0
    takeovers: int = 0
    waiting_for: str = ""
    needs: int | None = None
    rung_long_ago: bool = False
    ended_long_ago: bool = False
    calls: list[CallModel] = field(default_factory=list)
    questions: dict[tuple[str, int, Any], Question] = field(default_factory=dict)
    kinds: dict[tuple[str, str, int], str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.name

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def claimable(self) -> bool:
        return self.state in ("queued", "running") and self.lease != LIVE

    @property
    def answers(self) -> int:
        return sum(question.approved is not None for question in self.questions.values())

    def held_at(self, epoch: int) -> bool:
        return self.state == "running" and self.epoch == epoch

    def claim(self, runs: Sequence[RunModel]) -> bool:
        """``runs``: all that there are."""
        if not self.claimable or (self.state == "queued" and not places(self.team, runs)):
            return False
        self.take_place()
        return True

    def take_place(self) -> None:
        """Whatever the cap says."""
        self.fruitless += self.lease == EXPIRED
        self.takeovers += self.state == "running"
        self.state, self.lease, self.epoch = "running", LIVE, self.epoch + 1
        self.close_calls()

    def close_calls(self) -> None:
        for call in self.calls:
            if call.open:
                call.lose()

    def beat(self, epoch: int) -> bool:
        """One that was given back is not taken again."""
        beats = self.held_at(epoch) and self.lease != FREE
        if beats:
            self.lease = LIVE
        return beats

    def release(self, epoch: int) -> None:
        if self.held_at(epoch):
            self.lease, self.rung_long_ago = FREE, True

    def end(self, epoch: int, state: str) -> bool:
        if not self.held_at(epoch):
            return False
        self._end(state)
        return True

    def _end(self, state: str) -> None:
        self.state, self.lease, self.waiting_for, self.needs = state, FREE, "", None
        for task in self.tasks.values():
            if task.state not in TASK_ENDED:
                task.state = "cancelled"

    def pause(self, epoch: int, waiting_for: str, *, answers: int = 0, needs: int | None = None) -> bool:
        if not self.held_at(epoch):
            return False
        self.state, self.lease, self.waiting_for, self.needs = "waiting", FREE, waiting_for, needs
        for task in self.tasks.values():
            if task.state == "running":
                task.state = "waiting"
        if self.cancel:
            self._end("cancelled")
        elif needs is None and self.answers > answers:
            self.queue_again()
        return True

    def queue_again(self) -> None:
        if self.state == "waiting":
            self.state, self.waiting_for, self.needs, self.fruitless = "queued", "", None, 0
            self.rung_long_ago = True

    def request_cancel(self) -> None:
        self.cancel = True
        if self.state in ("queued", "waiting"):
            self._end("cancelled")

    def may_open(self, epoch: int, nusd: int) -> str:
        """``opened``; or what stands in the way; or ``wait``, where that is only what calls in flight hold."""
        if not self.held_at(epoch) or self.cancel:
            return "cancelled"
        purses = self.purses()
        if all(purse.covers(nusd) for purse in purses):
            return "opened"
        if not self.simulated and all(purse.covers(nusd) for purse in purses[:2]):
            self.team.begin_bill()  # although the person's part does not cover it
        return next((purse.name for purse in purses if not purse.would_cover(nusd)), "wait")

    def purses(self) -> list[Purse]:
        own = Purse("run_budget", self.budget, sum(call.cost or 0 for call in self.calls), self.held)
        return [own] if self.simulated else [own, *self.team.purses(self.person)]

    @property
    def held(self) -> int:
        return sum(call.reserved for call in self.calls if call.open)

    def open(self, call: CallModel) -> None:
        self.calls.append(call)
        self.team.calls.append(call)
        if not self.simulated:
            self.team.begin_bill()
            self.team.begin_allowance(self.person)

    def forget(self, call: CallModel) -> None:
        self.calls.remove(call)
        self.team.calls.remove(call)

    def start_task(self, epoch: int, task: str) -> None:
        if self.held_at(epoch) and self.tasks[task].state in ("pending", "waiting"):
            self.tasks[task].state = "running"

    def end_task(self, epoch: int, task: str, state: str, raw: str) -> None:
        if self.held_at(epoch) and self.tasks[task].state in ("pending", "running", "waiting"):
            self.tasks[task].take((state, raw))

    def ask(self, epoch: int, task: str, number: int, call: Any = None) -> None:
        if self.held_at(epoch):
            self.questions.setdefault((task, number, call), Question(task, number, call))


@dataclass(eq=False)
class Question(Row):
    FIELDS = ("approved",)

    task: str
    number: int
    call: Any
    approved: bool | None = None
    comment: str = ""


def wake_covered(runs: Sequence[RunModel]) -> list[RunModel]:
    """Queues again what waited for budgets that now cover all of it together; each person has a turn after another."""
    waiting = [run for run in runs if run.waiting_for in BUDGETS and run.purses()[0].covers(run.needs or 0)]
    places: Counter[Any] = Counter()
    turns = []
    for run in sorted(waiting, key=lambda run: run.id):
        turns.append((places[run.team, run.person], run.id, run))
        places[run.team, run.person] += 1
    promised: Counter[TeamModel] = Counter()
    woken = []
    for _, _, run in sorted(turns, key=lambda turn: turn[:2]):
        needs = run.needs or 0
        if all(purse.covers(needs + promised[run.team]) for purse in run.purses()[1:]):
            run.queue_again()
            promised[run.team] += needs
            woken.append(run)
    return woken


def places(team: TeamModel, runs: Sequence[RunModel]) -> int:
    """How many more runs of the team may be under way. Those that lost their worker keep their places."""
    under_way = sum(run.team is team and run.state == "running" for run in runs)
    return len(runs) if team.at_once is None else max(0, team.at_once - under_way)


def next_in_line(runs: Sequence[RunModel], *, wary: bool) -> RunModel | None:
    """What was under way before what is queued; then of the team that has the fewest in progress, if it has a place.

    ``wary``: nothing whose workers were lost twice in a row.
    """
    orphans = [(0, run.id, run) for run in runs if run.state == "running" and run.lease != LIVE]
    orphans = [turn for turn in orphans if not (wary and turn[2].fruitless + (turn[2].lease == EXPIRED) >= 2)]
    turns = Counter(run.team for run in runs if run.state == "running")
    waiting = [run for run in runs if run.state == "queued" and places(run.team, runs)]
    for run in sorted(waiting, key=lambda run: run.id):
        turns[run.team] += 1
        orphans.append((turns[run.team], run.id, run))
    return min(orphans, key=lambda turn: turn[:2])[2] if orphans else None
