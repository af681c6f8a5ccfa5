"""What a run is given: model clients with the team's keys, tools, prices and limits. Secrets stay in this process's
memory.
"""

from __future__ import annotations

import os
from functools import partial

from django.conf import settings
from django.utils import timezone

from engine import litellm_client
from engine.credential import Credential
from engine.crew import Runtime
from engine.journal import CallIntent, CallKind
from engine.limits import Limits, RunLimits
from engine.models import provider_of
from engine.routing import RoutingClient
from engine.simulator import Simulator
from engine.spec import CrewSpec, LLMSpec, QuestionGuardrail
from engine.tools.registry import ToolRegistry
from runs.knowledge import TeamKnowledge
from runs.lanes import Lane
from runs.lease import Held
from runs.memory import CrewMemory
from runs.models import Run
from runs.prices import TeamPrices
from runs.recorder import LedgerJournal
from runs.replay import Replay
from runs.worker import WorkerProcess
from teams.models import AtLimit, ProviderKey, Team
from teams.secrets import unseal

SEARCH_PROVIDER = "serper"
MCP_PROVIDER = "mcp"
NOT_MODEL_PROVIDERS = frozenset({SEARCH_PROVIDER, MCP_PROVIDER})


def runtime_of(run: Run, spec: CrewSpec, worker: WorkerProcess, replay: Replay, held: Held) -> Runtime:
    """Everything that running this claimed run needs."""
    credentials = TeamCredentials(run.team)
    lanes = partial(lane_of, run, credentials)
    journal = LedgerJournal(run, replay, worker.writer, lane_of=lanes, queues=worker.queues, held=held)
    cheaper_model = run.team.fallback_model if run.at_limit == AtLimit.FALLBACK else ""
    caches = worker.caches.of(run.team_id)
    return Runtime(
        llm=RoutingClient(
            real=litellm_client.LiteLLMClient(credentials),
            simulated=Simulator(latency_s=settings.SIMULATED_LATENCY_S),
            simulate_all=run.simulated,
        ),
        journal=journal,
        prices=TeamPrices(run.team, {*models_of(spec), cheaper_model}),
        tools=tools_of(run, credentials),
        limits=limits_of(run),
        replies=caches.replies,
        outputs=caches.outputs,
        tool_results=caches.tool_results,
        memory=CrewMemory(run),
        cheaper=run.at_limit == AtLimit.FALLBACK,
        cheaper_model=cheaper_model,
    )


def warm_up() -> None:
    """Loads what the first real run of this process would wait for, seconds of it, where any team can have one."""
    if ProviderKey.objects.exclude(provider__in=NOT_MODEL_PROVIDERS).exists():
        litellm_client.load()


def limits_of(run: Run) -> Limits:
    """The run's bounds besides money, which the ledger reserves; what earlier workers used of them counts."""
    bounds = RunLimits(max_calls=run.max_calls, max_tokens=run.max_tokens, max_seconds=run.max_seconds)
    if bounds == RunLimits():
        return Limits()
    calls = run.calls.filter(kind=CallKind.MODEL, cache_hit=False).count()
    elapsed_s = (timezone.now() - run.started_at).total_seconds() if run.started_at else 0.0
    return Limits(bounds, calls=calls, tokens=run.total_tokens, elapsed_s=elapsed_s)


def lane_of(run: Run, credentials: TeamCredentials, intent: CallIntent) -> Lane | None:
    """What a provider counts this request under; None for calls that no provider is asked for."""
    if intent.simulated or not intent.is_request:
        return None
    key = credentials.key_for(LLMSpec(model=intent.model, credential=intent.credential or None))
    if key is None:
        return None
    return Lane(run.team_id, str(key), intent.model, rpm=key.rpm, tpm=key.tpm)


def models_of(spec: CrewSpec) -> set[str]:
    """Every model id that running the crew may ask for."""
    return {model for llm in llms_of(spec).values() for model in (llm.model, *llm.fallbacks)}


def llms_of(spec: CrewSpec) -> dict[str, LLMSpec]:
    """Every model that the crew names and uses, by the field that names it."""
    llms = {f"agents.{agent.key}.llm": agent.llm for agent in spec.agents}
    if spec.process == "hierarchical" and spec.manager_agent is None and spec.manager_llm is not None:
        llms["manager_llm"] = spec.manager_llm
    if spec.planning and spec.planning_llm is not None:
        llms["planning_llm"] = spec.planning_llm
    for task in spec.tasks:
        for rail in task.guardrails:
            if isinstance(rail, QuestionGuardrail) and rail.llm is not None:
                llms[f"tasks.{task.key}.guardrails"] = rail.llm
    return llms


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
        return any(key.provider not in NOT_MODEL_PROVIDERS for key in self._keys)

    def all_of(self, provider: str) -> dict[str, Credential]:
        """Every key of a provider by its name."""
        return {
            key.name: Credential(api_key=unseal(key.secret), base_url=key.base_url or None)
            for key in self._keys
            if key.provider == provider
        }

    def search_key(self) -> Credential | None:
        key = next((key for key in self._keys if key.provider == SEARCH_PROVIDER), None)
        return Credential(api_key=unseal(key.secret), base_url=key.base_url or None) if key else None


def tools_of(run: Run, credentials: TeamCredentials) -> ToolRegistry:
    """The tools of a run, with its team's keys and documents; labelled stand-ins where it is simulated."""
    knowledge = TeamKnowledge(run.team)
    if run.simulated:
        return ToolRegistry.simulated(knowledge=knowledge)
    key = credentials.search_key()
    return ToolRegistry.standard(
        search_api_key=key.api_key if key else os.environ.get("SERPER_API_KEY", ""),
        search_base_url=key.base_url if key else None,
        allowed_private_hosts=frozenset(settings.ALLOWED_PRIVATE_HOSTS),
        knowledge=knowledge,
        allowed_mcp_commands=settings.ALLOWED_MCP_COMMANDS,
        mcp_tokens=credentials.all_of(MCP_PROVIDER),
    )
