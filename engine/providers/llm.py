"""The protocol between the engine and a model: what is asked, what is answered, what was used. No client lives here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from engine.catalogue.pricing import Usage
from engine.spec.crew_spec import LLMSpec

Message = dict[str, Any]
"""One chat message in OpenAI's shape: ``role``, ``content``, and ``tool_calls`` or ``tool_call_id`` where they
apply.
"""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool the model asked for. ``arguments`` is the model's raw text, which need not parse."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class LLMRequest:
    """One model request. ``max_tokens`` is always set, because it bounds what the request can cost.

    ``may_call_tools`` False asks for words only, with the tools still described, so that the prompt's prefix stays the
    same from call to call. ``prompt_tokens`` is the local count, 0 where nobody counted.
    """

    llm: LLMSpec
    messages: tuple[Message, ...]
    max_tokens: int
    tools: tuple[dict[str, Any], ...] = ()
    may_call_tools: bool = True
    response_schema: dict[str, Any] | None = None
    prompt_tokens: int = 0


@dataclass(frozen=True, slots=True)
class LLMReply:
    """One model answer. ``model`` is the one that answered; ``simulated`` is true if no provider was asked."""

    text: str
    usage: Usage
    model: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    ttft_ms: int | None = None
    latency_ms: int = 0
    simulated: bool = False
    provider_request_id: str = ""


class LLMClient(Protocol):
    """Asks a model once, without retries of its own. Raises ``errors.ProviderError``; a hang ends at ``timeout_s``."""

    async def complete(self, request: LLMRequest) -> LLMReply: ...

    def count_tokens(self, request: LLMRequest) -> int:
        """Prompt tokens of the request, counted locally: for reservations, and for usage a provider left out."""
        ...

    def simulates(self, llm: LLMSpec) -> bool:
        """Whether requests to this model are answered here instead of by a provider, and cost nothing."""
        ...
