"""What the protocol promises, in plain Python: what each operation must answer, and how each row must stand after it.

There is no database and no clock here: a lease is live, expired or free because somebody said so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

FREE, LIVE, EXPIRED = "", "live", "expired"
ENDED = ("succeeded", "failed", "cancelled")
TASK_KEPT = ("succeeded", "failed", "skipped")
TASK_ENDED = (*TASK_KEPT, "cancelled")
WORKER_LOST, CANCELLED = "worker_lost", "cancelled"


class Row:
    """Something that the database keeps as a row; ``FIELDS`` are those that it must agree with the model in."""

    FIELDS: ClassVar[tuple[str, ...]]

    def row(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.FIELDS)

    def take(self, row: tuple[Any, ...]) -> None:
        for name, value in zip(self.FIELDS, row, strict=True):
            setattr(self, name, value)


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

    def __repr__(self) -> str:
        return f"{self.run}:{self.task or 'crew'}/{self.branch}{self.step}#{self.attempt}@{self.epoch}"

    @property
    def open(self) -> bool:
        return self.state == "intent"

    @property
    def committed(self) -> int:
        return self.reserved if self.open else self.cost or 0

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
        if self.state not in ("intent", "unknown"):
            return
        fresh = self.run.held_at(self.epoch)
        self.state = ("ok" if fresh else "late") if how.status == "ok" else how.status
        self.cost, self.error_code, self.told = how.cost, how.error_code, how.told
        self.prompt_tokens, self.completion_tokens = how.tokens
        self.cost_class = self._class(how)
        if fresh and self.state == "ok":
            self.run.fruitless = 0

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


@dataclass(frozen=True)
class Settlement:
    """How a call ended: ``ok``, ``error`` or ``unknown``. ``told``: a tool's error that the model was told."""

    status: str
    cost: int | None
    tokens: tuple[int, int] = (0, 0)
    error_code: str = ""
    told: bool = False
    cache_hit: bool = False


@dataclass(eq=False, repr=False)
class TaskModel(Row):
    FIELDS = ("state", "raw")

    state: str = "pending"
    raw: str = ""


@dataclass(eq=False, repr=False)
class TeamModel:
    """``bills`` are the budgets of its bills by month: each is begun at the month's first real call."""

    name: str
    budget: int | None = None
    month: int = 0
    bills: dict[int, int | None] = field(default_factory=dict)
    calls: list[CallModel] = field(default_factory=list)

    def __repr__(self) -> str:
        return self.name

    def committed(self, month: int) -> int:
        return sum(call.committed for call in self.calls if call.month == month and not call.run.simulated)

    def covers(self, nusd: int) -> bool:
        budget = self.bills.get(self.month, self.budget)
        return budget is None or self.committed(self.month) + nusd <= budget


@dataclass(eq=False, repr=False)
class RunModel(Row):
    """``rung_long_ago``: a sweeper may ring for it. ``ended_long_ago``: a lease has passed since its end."""

    FIELDS = ("state", "epoch", "lease", "cancel", "fruitless", "waiting_for", "rung_long_ago", "budget")

    id: Any
    name: str
    team: TeamModel
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
    waiting_for: str = ""
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

    def claim(self) -> bool:
        if not self.claimable:
            return False
        self.fruitless += self.epoch > 0
        self.state, self.lease, self.epoch = "running", LIVE, self.epoch + 1
        self.close_calls()
        return True

    def close_calls(self) -> None:
        for call in self.calls:
            if call.open:
                call.lose()

    def beat(self, epoch: int) -> bool:
        if self.held_at(epoch):
            self.lease = LIVE
        return self.held_at(epoch)

    def release(self, epoch: int) -> None:
        if self.held_at(epoch):
            self.lease, self.rung_long_ago = FREE, True

    def end(self, epoch: int, state: str) -> bool:
        if not self.held_at(epoch):
            return False
        self._end(state)
        return True

    def _end(self, state: str) -> None:
        self.state, self.lease, self.waiting_for = state, FREE, ""
        for task in self.tasks.values():
            if task.state not in TASK_ENDED:
                task.state = "cancelled"

    def pause(self, epoch: int, answers: int) -> bool:
        if not self.held_at(epoch):
            return False
        self.state, self.lease, self.waiting_for = "waiting", FREE, "person"
        if self.cancel:
            self._end("cancelled")
        elif self.answers > answers:
            self.queue_again()
        return True

    def queue_again(self) -> None:
        if self.state == "waiting":
            self.state, self.waiting_for, self.fruitless, self.rung_long_ago = "queued", "", 0, True

    def request_cancel(self) -> None:
        self.cancel = True
        if self.state in ("queued", "waiting"):
            self._end("cancelled")

    def may_open(self, epoch: int, nusd: int) -> str:
        """``opened``, or what stands in the way."""
        if not self.held_at(epoch) or self.cancel:
            return "cancelled"
        if self.budget is not None and sum(call.committed for call in self.calls) + nusd > self.budget:
            return "run_budget"
        return "opened" if self.simulated or self.team.covers(nusd) else "team_budget"

    def open(self, call: CallModel) -> None:
        self.calls.append(call)
        self.team.calls.append(call)
        if not self.simulated:
            self.team.bills.setdefault(self.team.month, self.team.budget)

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
