"""The durable-replay protocol: what the engine asks of whoever keeps its record, and the in-memory keeper.

A *step* numbers the calls of one task in the order in which the engine decides on them; replay walks the same steps, so
a step that is already ``ok`` is read and not paid again. ``runs.recorder`` keeps the same protocol in PostgreSQL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from engine.llm import LLMReply, Message, Usage
from engine.pricing import Price

CREW_TASK = ""
"""The task key of calls that belong to the crew as a whole, such as planning."""


class CallKind(StrEnum):
    MODEL = "model"
    TOOL = "tool"


class Purpose(StrEnum):
    """Why a call is made; with its outcome this gives the one cost class that the call falls in."""

    WORK = "work"
    PLANNING = "planning"
    MANAGER = "manager"
    GUARDRAIL = "guardrail"


class Effect(StrEnum):
    """What a tool call does to the world: whether a call of unknown outcome may be repeated by itself."""

    PURE = "pure"
    IDEMPOTENT = "idempotent"
    UNSAFE = "unsafe"


class CallStatus(StrEnum):
    OK = "ok"
    ERROR = "error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CallIntent:
    """A call about to be made. For a tool call ``messages`` is empty and ``tool``, ``arguments`` and ``effect`` are
    set.

    ``reserved_usd`` is the most it can cost; ``prompt_tokens`` the local count behind that figure.
    """

    task: str
    agent: str
    step: int
    attempt: int
    kind: CallKind
    purpose: Purpose = Purpose.WORK
    model: str = ""
    messages: tuple[Message, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    tool: str = ""
    arguments: str = ""
    effect: Effect = Effect.PURE
    reserved_usd: Decimal = Decimal(0)
    prompt_tokens: int = 0
    price: Price | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call ended. ``cost_usd`` is None if its price is unknown; a complete refusal costs 0.

    ``cache_hit``: nothing was asked; ``cache_age_s`` is the age of what was reused, ``saved_usd`` what that spared.
    """

    status: CallStatus
    reply: LLMReply | None = None
    tool_output: str | None = None
    usage: Usage = Usage()
    cost_usd: Decimal | None = Decimal(0)
    error: str = ""
    error_code: str = ""
    latency_ms: int = 0
    cache_hit: bool = False
    cache_age_s: float | None = None
    saved_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A finished call as it is replayed."""

    intent: CallIntent
    outcome: CallOutcome


class TaskStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a task ended: its output, or why there is none. ``data`` is the parsed answer of a task with a schema."""

    task: str
    status: TaskStatus
    raw: str = ""
    data: Any = None
    error: str = ""
    error_code: str = ""


class Journal(Protocol):
    """Keeps a run's record. Every method returns only when what it was told is durable."""

    async def finished_task(self, task: str) -> TaskResult | None:
        """The result of a task that succeeded or was skipped earlier in this run's life, else None."""
        ...

    async def task_started(self, task: str, agent: str) -> None: ...

    async def task_ended(self, result: TaskResult) -> None: ...

    async def finished_call(self, task: str, step: int) -> CallRecord | None:
        """The ``ok`` call at this step, if there is one."""
        ...

    async def open_call(self, intent: CallIntent) -> object:
        """Reserves the money and records the intent; returns a ticket to settle it by.

        Raises ``LimitReached`` if the budget does not cover ``reserved_usd``, ``Cancelled`` if the run may not go on.
        """
        ...

    async def settle_call(self, ticket: object, outcome: CallOutcome) -> None:
        """Books the outcome and returns what was reserved but not used. Also books when the run may not go on."""
        ...


class MemoryJournal:
    """The protocol in a list: for the Python API, tests and benchmarks. Replays what it was given as ``calls``."""

    def __init__(self, calls: list[CallRecord] | None = None, results: list[TaskResult] | None = None) -> None:
        self.calls: list[CallRecord] = list(calls or ())
        self.results: list[TaskResult] = list(results or ())

    async def finished_task(self, task: str) -> TaskResult | None:
        done = (TaskStatus.SUCCEEDED, TaskStatus.SKIPPED)
        return next((result for result in self.results if result.task == task and result.status in done), None)

    async def task_started(self, task: str, agent: str) -> None:
        pass

    async def task_ended(self, result: TaskResult) -> None:
        self.results.append(result)

    async def finished_call(self, task: str, step: int) -> CallRecord | None:
        for call in self.calls:
            if (call.intent.task, call.intent.step, call.outcome.status) == (task, step, CallStatus.OK):
                return call
        return None

    async def open_call(self, intent: CallIntent) -> CallIntent:
        return intent

    async def settle_call(self, ticket: object, outcome: CallOutcome) -> None:
        assert isinstance(ticket, CallIntent)
        self.calls.append(CallRecord(ticket, outcome))
