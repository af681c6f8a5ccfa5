"""The protocol between the engine and a model: request, reply, and what a client does. The clients are elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from engine.catalogue.pricing import Usage
from engine.spec.crew_spec import LLMSpec

Message = dict[str, Any]
"""One chat message in OpenAI's shape: ``role``, ``content``, and perhaps ``tool_calls`` or ``tool_call_id``."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool that the model asks for. ``arguments`` is its raw text, which may not be JSON."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class LLMRequest:
    """One model request. ``max_tokens`` is always set, because it bounds what the request can cost.

    ``may_call_tools``: False asks for words only. The tools are described all the same, so that the prompt begins with
    the same bytes in every call. ``prompt_tokens`` is the local count, 0 where nobody counted.
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
    """One reply. ``model`` is the one that answered. ``ttft_ms``: milliseconds to the first token, None if unknown.

    ``reasoning``: what the model thought, as far as its provider shows it; it was paid for, and is no answer.
    ``refusal``: the words with which the model or a filter refused to answer. ``own_fields``: what goes back to the
    provider with this turn (see ``replies.own_fields``). ``simulated``: no provider was asked. ``books_stated``: what
    the provider says that it costs is booked.
    """

    text: str
    usage: Usage
    model: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    ttft_ms: int | None = None
    latency_ms: int = 0
    simulated: bool = False
    provider_request_id: str = ""
    books_stated: bool = False
    reasoning: str = ""
    refusal: str = ""
    own_fields: str = ""

    @property
    def billed_usage(self) -> Usage:
        """The usage with the time that the reply took, which some models are priced by."""
        return replace(self.usage, took_ms=self.latency_ms)


class LLMClient(Protocol):
    """Asks a model once, without retries. Raises ``ProviderError``, also when ``timeout_s`` is over."""

    async def complete(self, request: LLMRequest) -> LLMReply: ...

    def count_tokens(self, request: LLMRequest) -> int:
        """Prompt tokens of the request, counted locally: for reservations, and where a provider reports no usage."""
        ...

    def simulates(self, llm: LLMSpec) -> bool:
        """Whether requests to this model are answered by the simulator, and so cost nothing."""
        ...

    def unsent(self, llm: LLMSpec) -> frozenset[str]:
        """Names of the settings that are not sent, because the model refuses them."""
        ...
