"""Which client answers for a model: the simulator or a provider's. A run is of one kind unless its models say
otherwise.
"""

from __future__ import annotations

from engine.catalogue.model_ids import is_simulated
from engine.providers.llm import LLMClient, LLMReply, LLMRequest
from engine.spec.crew_spec import LLMSpec


class RoutingClient:
    """``simulate_all`` sends every model to the simulator; else only those named ``simulated/…``."""

    def __init__(self, *, real: LLMClient, simulated: LLMClient, simulate_all: bool = False) -> None:
        self._real = real
        self._simulated = simulated
        self._simulate_all = simulate_all

    async def complete(self, request: LLMRequest) -> LLMReply:
        return await self._for(request.llm).complete(request)

    def count_tokens(self, request: LLMRequest) -> int:
        return self._for(request.llm).count_tokens(request)

    def simulates(self, llm: LLMSpec) -> bool:
        return self._for(llm).simulates(llm)

    def _for(self, llm: LLMSpec) -> LLMClient:
        return self._simulated if self._simulate_all or is_simulated(llm.model) else self._real
