"""Puts together what the engine runs a crew with: model clients with the team's keys, tools, prices and limits.

Secrets stay in this process's memory.
"""

from __future__ import annotations

import os
from functools import partial

from django.conf import settings
from django.db import connection

from engine.catalogue.model_ids import MCP_PROVIDER, NOT_MODEL_PROVIDERS
from engine.crew.runtime import Runtime
from engine.providers import litellm_client
from engine.providers.simulated_or_real import RoutingClient
from engine.providers.simulator import Simulator
from engine.record.journal import CallIntent, CallKind
from engine.record.limits import Limits, RunLimits
from engine.spec.crew_spec import CrewSpec, LLMSpec
from engine.spec.named_models import models_of
from engine.tools.registry import ToolRegistry
from runs.bounds.lanes import LaneLimits
from runs.bounds.unpriced import budgets_over
from runs.ledger.journal import LedgerJournal
from runs.ledger.lease import Held
from runs.ledger.prices import TeamPrices
from runs.ledger.replay import Replay
from runs.models import Run
from runs.months import now
from runs.worker.crew_memory import CrewMemory
from runs.worker.knowledge import TeamKnowledge
from runs.worker.process import WorkerProcess
from runs.worker.reading import Reading
from teams.credentials import TeamCredentials
from teams.models import AtLimit, ProviderKey
from teams.reach import provider_reach, reach


def runtime_of(run: Run, spec: CrewSpec, worker: WorkerProcess, replay: Replay, held: Held) -> Runtime:
    """Everything that the engine needs to carry out this claimed run."""
    credentials = TeamCredentials(run.team)
    lanes = partial(lane_of, run, credentials)
    journal = LedgerJournal(run, replay, worker.writer, lane_of=lanes, queues=worker.queues, held=held)
    reading = Reading(run.team_id)
    cheaper_model = run.team.fallback_model if run.at_limit == AtLimit.FALLBACK else ""
    caches = worker.caches.of(run.team_id)
    return Runtime(
        llm=RoutingClient(
            real=litellm_client.LiteLLMClient(credentials, provider_reach()),
            simulated=Simulator(pace=settings.SIMULATED_PACE),
            simulate_all=run.simulated,
        ),
        journal=journal,
        prices=TeamPrices(run.team, {*models_of(spec), cheaper_model}),
        tools=tools_of(run, credentials, reading),
        limits=limits_of(run),
        replies=caches.replies,
        outputs=caches.outputs,
        tool_results=caches.tool_results,
        memory=CrewMemory(run, reading),
        cheaper=run.at_limit == AtLimit.FALLBACK,
        cheaper_model=cheaper_model,
    )


def get_ready(run: Run, spec: CrewSpec) -> None:
    """Loads what the run's first requests would wait seconds for, so that this counts as no model's time. Blocks."""
    if not run.simulated:
        litellm_client.get_ready(sorted(models_of(spec)))


def warm_up() -> None:
    """Loads what the first real run of this process would wait seconds for, if any team can have a real run."""
    keys = ProviderKey.objects.exclude(provider__in=NOT_MODEL_PROVIDERS)
    if providers := list(keys.order_by("provider").values_list("provider", flat=True).distinct()):
        litellm_client.get_ready([f"{provider}/any" for provider in providers])


def limits_of(run: Run) -> Limits:
    """The run's bounds besides money, which the ledger reserves.

    What earlier workers used counts, except the time in which the run waited for a person or for money.
    """
    bounds = RunLimits(
        max_calls=run.max_calls,
        max_tokens=run.max_tokens,
        max_seconds=run.max_seconds,
        only_priced=_only_priced(run),
    )
    text = _kept_text(run)
    if bounds == RunLimits():
        return Limits(text=text)
    calls = run.calls.filter(kind=CallKind.MODEL, cache_hit=False).count()
    elapsed_s = (now() - run.started_at).total_seconds() if run.started_at else 0.0  # both by the database's clock
    elapsed_s = max(0.0, elapsed_s - run.paused_s)
    return Limits(bounds, calls=calls, tokens=run.total_tokens, elapsed_s=elapsed_s, text=text)


def _only_priced(run: Run) -> bool:
    """Whether calls without a price are refused. A launch sees to it, but a price may be taken back after that."""
    if run.simulated or run.accepts_unpriced or run.max_tokens is not None:
        return False
    return bool(budgets_over(run.team, run.created_by_id, run.budget_nusd))


def _kept_text(run: Run) -> int:
    """Bytes that its calls' texts take, as PostgreSQL packs them: a little less than their characters."""
    with connection.cursor() as cursor:
        cursor.execute(KEPT_TEXT, [run.pk])
        kept: int = cursor.fetchone()[0]
    return kept


def lane_of(run: Run, credentials: TeamCredentials, intent: CallIntent) -> LaneLimits | None:
    """The lane that the request goes by; None for a call that asks no provider."""
    if intent.simulated or not intent.is_request:
        return None
    key = credentials.key_for(LLMSpec(model=intent.model, credential=intent.credential or None))
    if key is None:
        return None
    return LaneLimits(run.team_id, str(key), intent.model, rpm=key.rpm, tpm=key.tpm)


def tools_of(run: Run, credentials: TeamCredentials, reading: Reading) -> ToolRegistry:
    """The run's tools with its team's keys and documents; labelled stand-ins if the run is simulated."""
    knowledge = TeamKnowledge(run.team, reading)
    if run.simulated:
        return ToolRegistry.simulated(knowledge=knowledge)
    key = credentials.search_key()
    return ToolRegistry.standard(
        search_api_key=key.api_key if key else os.environ.get("SERPER_API_KEY", ""),
        search_base_url=key.base_url if key else None,
        reach=reach(),
        knowledge=knowledge,
        allowed_mcp_commands=settings.ALLOWED_MCP_COMMANDS,
        mcp_tokens=credentials.all_of(MCP_PROVIDER),
    )


# Sizes are read without unpacking what they are the sizes of.
KEPT_TEXT = """
    SELECT coalesce(sum(pg_column_size(messages) + coalesce(pg_column_size(reply), 0) + pg_column_size(tool_output)
                        + pg_column_size(arguments) + pg_column_size(error)), 0)::bigint
    FROM runs_call WHERE run_id = %s
"""
