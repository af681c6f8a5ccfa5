"""What a kickoff returns, under CrewAI's names: the outputs of the crew and its tasks, and the usage."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from engine.errors import EngineError
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus
from engine.record.memory_journal import MemoryJournal


@dataclass(frozen=True)
class UsageMetrics:
    """Sums over all model requests, also of runs that failed. ``cost_usd`` is None if a price is unknown."""

    total_tokens: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    completion_tokens: int = 0
    successful_requests: int = 0
    cost_usd: Decimal | None = Decimal(0)

    def __add__(self, other: UsageMetrics) -> UsageMetrics:
        is_priced = self.cost_usd is not None and other.cost_usd is not None
        return UsageMetrics(
            self.total_tokens + other.total_tokens,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_prompt_tokens + other.cached_prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.successful_requests + other.successful_requests,
            (self.cost_usd or Decimal(0)) + (other.cost_usd or Decimal(0)) if is_priced else None,
        )


@dataclass(frozen=True)
class TaskOutput:
    """The output of one task; if it has none, ``status`` and ``error`` say why."""

    name: str
    description: str
    agent: str
    raw: str
    json_dict: dict[str, Any] | None
    pydantic: BaseModel | None
    status: str
    error: str = ""

    def __str__(self) -> str:
        return self.raw


@dataclass(frozen=True)
class CrewOutput:
    """The output of a crew; ``str()`` of it is ``raw``. A failed run has an ``error``, and what was done and used."""

    raw: str
    json_dict: dict[str, Any] | None
    pydantic: BaseModel | None
    tasks_output: list[TaskOutput]
    token_usage: UsageMetrics
    status: str = "succeeded"
    error: str = ""

    def __str__(self) -> str:
        return self.raw

    def to_dict(self) -> dict[str, Any]:
        return self.json_dict or (self.pydantic.model_dump() if self.pydantic else {})


class KickoffFailed(EngineError):
    """A crew failed. ``output`` holds the finished tasks and the usage."""

    code = "crew_failed"

    def __init__(self, output: CrewOutput) -> None:
        super().__init__(output.error)
        self.output = output


def usage_of(journal: MemoryJournal) -> UsageMetrics:
    """The sums over all model requests in the journal."""
    return sum((metrics_of(call.intent, call.outcome) for call in journal.calls), UsageMetrics())


def metrics_of(intent: CallIntent, outcome: CallOutcome) -> UsageMetrics:
    """What one call adds to the sums: nothing for a tool's. A reused reply is no request, and costs nothing."""
    if intent.kind is not CallKind.MODEL:
        return UsageMetrics()
    usage = outcome.usage
    return UsageMetrics(
        usage.total_tokens,
        usage.prompt_tokens,
        usage.cached_prompt_tokens,
        usage.completion_tokens,
        int(outcome.status is CallStatus.OK and not outcome.cache_hit),
        outcome.cost_usd,
    )
