"""The durable-replay protocol: what the engine asks of whoever keeps its record, and the in-memory keeper.

A *step* numbers the calls of one task in the order in which the engine decides on them; replay walks the same steps, so
a step that is already ``ok`` is read and not paid again. ``runs.ledger.journal`` keeps the same protocol in PostgreSQL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from engine.catalogue.pricing import Price, Rates, Usage
from engine.providers.llm import LLMReply, Message
from engine.tools.protocol import Effect

CREW_TASK = ""
"""The task key of calls that belong to the crew as a whole, such as planning."""


class CallKind(StrEnum):
    """What is called. ``task`` is a whole task's output taken over from an earlier run."""

    MODEL = "model"
    TOOL = "tool"
    TASK = "task"


class Purpose(StrEnum):
    """Why a call is made; with its outcome this gives the one cost class that the call falls in."""

    WORK = "work"
    PLANNING = "planning"
    MANAGER = "manager"
    GUARDRAIL = "guardrail"


class CallStatus(StrEnum):
    OK = "ok"
    ERROR = "error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CallIntent:
    """A call about to be made. For a tool call ``messages`` is empty and ``tool``, ``arguments`` and ``effect`` are
    set.

    ``branch`` is the line of steps within the task, "" for the task's own. ``reserved_usd`` is the most it can cost;
    ``prompt_tokens`` the local count behind that figure. ``cache_key`` is set where the result may be reused later.
    ``reuses``: nobody will be asked, since the result is at hand already.
    """

    task: str
    agent: str
    step: int
    attempt: int
    kind: CallKind
    branch: str = ""
    purpose: Purpose = Purpose.WORK
    model: str = ""
    credential: str = ""
    messages: tuple[Message, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    tool: str = ""
    arguments: str = ""
    effect: Effect = Effect.PURE
    reserved_usd: Decimal = Decimal(0)
    prompt_tokens: int = 0
    price: Price | None = None
    simulated: bool = False
    cache_key: str = ""
    reuses: bool = False

    @property
    def is_request(self) -> bool:
        """Whether a model is asked for it, and not what is at hand already."""
        return self.kind is CallKind.MODEL and not self.reuses


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call ended. ``cost_usd`` is None if its price is unknown; a complete refusal costs 0. ``rates`` are those
    in force for what was used, None where nothing says what was used.

    ``cache_hit``: nothing was asked; ``cache_age_s`` is the age of what was reused, ``saved_usd`` what that spared.
    ``throttled``: the provider refused because it was asked too often; ``retry_after_s`` is what it asked for.
    ``reusable``: where a ``cache_key`` was set, whether the result is worth keeping for others.
    """

    status: CallStatus
    reply: LLMReply | None = None
    tool_output: str | None = None
    usage: Usage = Usage()
    cost_usd: Decimal | None = Decimal(0)
    rates: Rates | None = None
    error: str = ""
    error_code: str = ""
    latency_ms: int = 0
    cache_hit: bool = False
    cache_age_s: float | None = None
    saved_usd: Decimal | None = None
    throttled: bool = False
    retry_after_s: float | None = None
    reusable: bool = True


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A finished call as it is replayed."""

    intent: CallIntent
    outcome: CallOutcome


class TaskStatus(StrEnum):
    """The states of a task. ``waiting``: for a person to look at its answer, or for money."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a task ended: its output, or why there is none. ``data`` is the parsed answer of a task with a schema.

    A ``waiting`` task has not ended: ``raw`` is the answer that a person is to look at. ``cache_key`` is set where the
    output may be taken over by later runs.
    """

    task: str
    status: TaskStatus
    raw: str = ""
    data: Any = None
    error: str = ""
    error_code: str = ""
    cache_key: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person said about a task's answer. ``comment`` is what the agent is told when it is sent back."""

    approved: bool
    comment: str = ""


@dataclass(frozen=True, slots=True)
class LostCall:
    """An unsafe tool call whose worker was lost before it learned how the call ended, and what a person says of it.

    ``happened`` is None while nobody has said. ``comment`` is for the model, such as what the call gave.
    """

    happened: bool | None = None
    comment: str = ""


class Journal(Protocol):
    """Keeps a run's record. Every method returns only when what it was told is durable."""

    async def finished_task(self, task: str) -> TaskResult | None:
        """The result of a task that succeeded, failed or was skipped earlier in this run's life, else None."""
        ...

    async def task_started(self, task: str, agent: str) -> None: ...

    async def task_ended(self, result: TaskResult) -> None: ...

    async def finished_call(self, task: str, step: int, *, branch: str = "") -> CallRecord | None:
        """The call that ended this step: an ``ok`` one, or a tool call that failed and told the model so."""
        ...

    async def lost_call(self, task: str, step: int, *, branch: str = "") -> LostCall | None:
        """The unsafe tool call at this step that may have been carried out; a person is asked if nobody has said."""
        ...

    async def retrying(self, task: str, seconds: float, *, throttled: bool) -> None:
        """The task's call failed, or was refused for haste, and is made again after so many seconds.

        Told so that it can be seen.
        """
        ...

    async def open_call(self, intent: CallIntent) -> object:
        """Reserves the money and records the intent; returns a ticket to settle it by.

        Waits for its turn where a provider's requests are limited, while the provider asked for a pause, and while
        only what calls in flight hold keeps a budget from covering it.
        Raises ``LimitReached`` if a budget does not cover ``reserved_usd``, ``Cancelled`` if the run may not go on.
        """
        ...

    async def settle_call(self, ticket: object, outcome: CallOutcome) -> None:
        """Books the outcome and returns what was reserved but not used. Also books when the run may not go on."""
        ...

    async def review(self, task: str, number: int, answer: str) -> Verdict | None:
        """What a person said about the task's ``number``-th answer, from 0; None if nobody has, who then is asked."""
        ...


def is_final(kind: CallKind, outcome: CallOutcome) -> bool:
    """Whether a recorded call ended its step, so that a replay reads it instead of calling again."""
    told = kind is CallKind.TOOL and outcome.status is CallStatus.ERROR and outcome.tool_output is not None
    return outcome.status is CallStatus.OK or told
