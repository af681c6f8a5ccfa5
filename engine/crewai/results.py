"""What a kickoff gives back, in CrewAI's names: outputs of the crew and its tasks, and the usage that was paid."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from engine.errors import EngineError
from engine.record.journal import CallKind, CallStatus
from engine.record.memory_journal import MemoryJournal


@dataclass(frozen=True)
class UsageMetrics:
    """Sums over every model request that was made, also in runs that failed. ``cost_usd`` None: some price is
    unknown.
    """

    total_tokens: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    completion_tokens: int = 0
    successful_requests: int = 0
    cost_usd: Decimal | None = Decimal(0)

    def __add__(self, other: UsageMetrics) -> UsageMetrics:
        known = self.cost_usd is not None and other.cost_usd is not None
        return UsageMetrics(
            self.total_tokens + other.total_tokens,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_prompt_tokens + other.cached_prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.successful_requests + other.successful_requests,
            (self.cost_usd or Decimal(0)) + (other.cost_usd or Decimal(0)) if known else None,
        )


@dataclass(frozen=True)
class TaskOutput:
    """What one task gave. ``status`` and ``error`` say why there is nothing, where there is nothing."""

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
    """What a crew gave. ``str()`` is ``raw``. A failed run has its ``error``, what was finished, and what it cost."""

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
    """A crew failed. ``output`` holds what was finished before and the usage that was paid."""

    code = "crew_failed"

    def __init__(self, output: CrewOutput) -> None:
        super().__init__(output.error)
        self.output = output


def usage_of(journal: MemoryJournal) -> UsageMetrics:
    """The sums over all model requests of a journal."""
    total = UsageMetrics()
    for call in journal.calls:
        if call.intent.kind is CallKind.MODEL:
            usage, ok = call.outcome.usage, call.outcome.status is CallStatus.OK
            total += UsageMetrics(
                usage.total_tokens,
                usage.prompt_tokens,
                usage.cached_prompt_tokens,
                usage.completion_tokens,
                int(ok and not call.outcome.cache_hit),
                call.outcome.cost_usd,
            )
    return total
