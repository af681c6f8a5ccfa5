"""What a run is given: model clients with the team's keys, tools, prices and limits. Secrets stay in this process's
memory.
"""

from __future__ import annotations

import os

from django.conf import settings

from engine.crew import Runtime
from engine.journal import Journal
from engine.limits import Limits
from engine.litellm_client import Credential, LiteLLMClient
from engine.models import provider_of
from engine.routing import RoutingClient
from engine.simulator import Simulator
from engine.spec import CrewSpec, LLMSpec
from engine.tools.registry import ToolRegistry
from runs.knowledge import TeamKnowledge
from runs.models import Run
from runs.prices import TeamPrices
from teams.models import ProviderKey, Team
from teams.secrets import unseal

SEARCH_PROVIDER = "serper"


def runtime_of(run: Run, spec: CrewSpec, journal: Journal) -> Runtime:
    """Everything that running this claimed run needs."""
    return Runtime(
        llm=RoutingClient(
            real=LiteLLMClient(TeamCredentials(run.team)),
            simulated=Simulator(latency_s=settings.SIMULATED_LATENCY_S),
            simulate_all=run.simulated,
        ),
        journal=journal,
        prices=TeamPrices(run.team, models_of(spec)),
        tools=_tools(run),
        limits=Limits(),
    )


def models_of(spec: CrewSpec) -> set[str]:
    """Every model id that running the crew may ask for."""
    llms = [agent.llm for agent in spec.agents]
    llms += [llm for llm in (spec.manager_llm, spec.planning_llm) if llm is not None]
    return {model for llm in llms for model in (llm.model, *llm.fallbacks)}


class TeamCredentials:
    """Finds the provider key for a model: the one the spec names, else ``default``, else the provider's only one."""

    def __init__(self, team: Team) -> None:
        self._keys = list(ProviderKey.objects.filter(team=team))

    def __call__(self, llm: LLMSpec) -> Credential | None:
        key = self.key_for(llm)
        if key is None:
            return None
        return Credential(api_key=unseal(key.secret), base_url=key.base_url or None)

    def key_for(self, llm: LLMSpec) -> ProviderKey | None:
        """The key that would be used, without opening it."""
        candidates = {key.name: key for key in self._keys if key.provider == provider_of(llm.model)}
        if llm.credential:
            return candidates.get(llm.credential)
        return candidates.get("default") or (next(iter(candidates.values())) if len(candidates) == 1 else None)

    @property
    def any_model_key(self) -> bool:
        """Whether the team keeps a key of any model provider at all."""
        return any(key.provider != SEARCH_PROVIDER for key in self._keys)

    def search_key(self) -> Credential | None:
        key = next((key for key in self._keys if key.provider == SEARCH_PROVIDER), None)
        return Credential(api_key=unseal(key.secret), base_url=key.base_url or None) if key else None


def _tools(run: Run) -> ToolRegistry:
    knowledge = TeamKnowledge(run.team)
    if run.simulated:
        return ToolRegistry.simulated(knowledge=knowledge)
    key = TeamCredentials(run.team).search_key()
    return ToolRegistry.standard(
        search_api_key=key.api_key if key else os.environ.get("SERPER_API_KEY", ""),
        search_base_url=key.base_url if key else None,
        allowed_private_hosts=frozenset(settings.ALLOWED_PRIVATE_HOSTS),
        knowledge=knowledge,
    )
