"""The journal: what the engine asks of whoever keeps a run's record, so that a lost run can be replayed and go on.

The calls of one task are numbered in the order in which the engine decides on them; each number is a *step*. A replay
walks the same steps, and reads a step that ended well instead of paying for it again. Two journals exist:
``memory_journal`` here, and ``runs.ledger.journal`` in PostgreSQL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from engine.catalogue.pricing import Parts, Price, Rates, Usage
from engine.errors import ModelRefused
from engine.providers.llm import LLMReply, Message
from engine.tools.tool import Effect

CREW_TASK = ""
"""The task key of calls for the crew as a whole, such as planning."""


class CallKind(StrEnum):
    """What is called. ``task``: nothing, because a whole task's output is reused from an earlier run."""

    MODEL = "model"
    TOOL = "tool"
    TASK = "task"


class Purpose(StrEnum):
    """Why a call is made. Purpose and outcome together give the call's cost class."""

    WORK = "work"
    PLANNING = "planning"
    MANAGER = "manager"
    GUARDRAIL = "guardrail"


class RefusedBy(StrEnum):
    """Who refused an answer: the schema that it should fit, a guardrail, or a person who looked at it."""

    SCHEMA = "schema"
    GUARDRAIL = "guardrail"
    PERSON = "person"


class CallStatus(StrEnum):
    OK = "ok"
    ERROR = "error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CallIntent:
    """A call about to be made. A tool call has no ``messages``, but ``tool``, ``arguments`` and ``effect``.

    ``step`` counts from 0 within the task's ``branch``, which is "" for the task's own steps, and ``3.`` for those of a
    co-worker who is asked at step 3. ``attempt`` counts from 1 within the step. ``reserved_usd`` is the most that the
    call can cost, ``prompt_tokens`` the local count behind it. ``cache_key`` is set where the result may be reused
    later. ``reuses``: nobody is asked, since the result is there already.
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
        """Whether a model is really asked."""
        return self.kind is CallKind.MODEL and not self.reuses


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call ended. ``cost_usd`` is None if the price is unknown; a call that was refused outright costs 0.

    ``parts``: what the cost is made of, None where that is unknown or nothing was asked. ``is_stated``: the cost is the
    provider's own figure. ``rates``: those that apply to the usage, None where the usage is unknown. ``cache_hit``:
    nobody was asked; ``cache_age_s`` is the age of what was reused, ``saved_usd`` what the reuse saved. ``throttled``:
    the provider refused because it was asked too often; ``retry_after_s`` is the pause that it asked for.
    ``reusable``: False if calls with the same ``cache_key`` must not get this result.
    """

    status: CallStatus
    reply: LLMReply | None = None
    tool_output: str | None = None
    usage: Usage = Usage()
    cost_usd: Decimal | None = Decimal(0)
    parts: Parts | None = None
    is_stated: bool = False
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
    """A finished call, as a replay reads it."""

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
    """How a task ended: its output, or why there is none. ``data``: the parsed output, if the task has a schema.

    A ``waiting`` task has not ended: ``raw`` is the answer that a person is to review, or the question to answer.
    ``cache_key`` is set where later runs may reuse the output. ``note``: values in it that were taken for others.
    """

    task: str
    status: TaskStatus
    raw: str = ""
    data: Any = None
    note: str = ""
    error: str = ""
    error_code: str = ""
    cache_key: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A person's decision about a task's answer or a request. ``comment``: what the agent is told if it is no."""

    approved: bool
    comment: str = ""


@dataclass(frozen=True, slots=True)
class LostCall:
    """An unsafe tool call that may have been carried out: its worker was lost before it learned how the call ended.

    ``happened``: what a person said, None while nobody has. ``comment``: what the model is told, such as the result.
    """

    happened: bool | None = None
    comment: str = ""


class Journal(Protocol):
    """Keeps a run's record. A method returns only once what it was told is durable."""

    async def finished_task(self, task: str) -> TaskResult | None:
        """The result of a task that succeeded, failed or was skipped before the run was replayed, else None."""
        ...

    async def task_started(self, task: str, agent: str) -> None: ...

    async def task_ended(self, result: TaskResult) -> None: ...

    async def finished_call(self, task: str, step: int, *, branch: str = "") -> CallRecord | None:
        """The call that ended this step (see ``is_final``), or None. An answer counts before a refusal, and of refusals
        the last one."""
        ...

    async def lost_call(self, task: str, step: int, *, branch: str = "") -> LostCall | None:
        """The lost call at this step, or None. If no person has said whether it happened, one is asked."""
        ...

    async def permission(self, task: str, request: str, step: int, *, branch: str = "") -> Verdict | None:
        """A person's verdict on making the tool call of this step, as they read it in ``request``.

        None if they still have to be asked.
        """
        ...

    async def retrying(self, task: str, seconds: float, *, throttled: bool) -> None:
        """Notes, for whoever watches, that the task's call failed and is made again after so many seconds.

        ``throttled``: it was refused because the provider was asked too often.
        """
        ...

    async def open_call(self, intent: CallIntent) -> object:
        """Reserves the money and records the intent. Returns a ticket, by which ``settle_call`` knows the call.

        Waits for the call's turn where a provider's requests are limited, through a pause that the provider asked for,
        and while a budget would cover the call but for the reservations of calls in flight.
        Raises ``LimitReached`` if a budget does not cover ``reserved_usd``, ``Cancelled`` if the run may not go on.
        """
        ...

    async def settle_call(self, ticket: object, outcome: CallOutcome) -> None:
        """Books the outcome and releases what is left of the reservation, also when the run may not go on."""
        ...

    async def answer_refused(self, task: str, by: RefusedBy, *, branch: str, step: int | None) -> None:
        """Notes that the model call of this step gave an answer that may not be the task's output. ``step`` None: the
        branch's last one. A replay notes it again."""
        ...

    async def review(self, task: str, number: int, answer: str) -> Verdict | None:
        """A person's verdict on the task's answer ``number``, counted from 0; None if they still have to be asked."""
        ...


def is_final(kind: CallKind, outcome: CallOutcome) -> bool:
    """Whether a call ended its step: it was ok, or a tool call whose failure the model was told, or a model's refusal,
    after which only a fallback is asked."""
    model_was_told = kind is CallKind.TOOL and outcome.status is CallStatus.ERROR and outcome.tool_output is not None
    was_refused = outcome.error_code == ModelRefused.code
    return outcome.status is CallStatus.OK or model_was_told or was_refused
