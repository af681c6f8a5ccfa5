"""Which client answers for a model: the simulator, or the one that asks its provider."""

from __future__ import annotations

from engine.catalogue.model_ids import is_simulated
from engine.providers.llm import LLMClient, LLMReply, LLMRequest
from engine.spec.crew_spec import LLMSpec


class RoutingClient:
    """With ``simulate_all`` every model is simulated, else only those named ``simulated/…``."""

    def __init__(self, *, real: LLMClient, simulated: LLMClient, simulate_all: bool = False) -> None:
        self._real = real
        self._simulated = simulated
        self._simulate_all = simulate_all

    async def complete(self, request: LLMRequest) -> LLMReply:
        return await self._client_for(request.llm).complete(request)

    def count_tokens(self, request: LLMRequest) -> int:
        return self._client_for(request.llm).count_tokens(request)

    def simulates(self, llm: LLMSpec) -> bool:
        return self._client_for(llm).simulates(llm)

    def unsent(self, llm: LLMSpec) -> frozenset[str]:
        return self._client_for(llm).unsent(llm)

    def _client_for(self, llm: LLMSpec) -> LLMClient:
        return self._simulated if self._simulate_all or is_simulated(llm.model) else self._real
