"""Small crews and runtimes for the engine's tests."""

from __future__ import annotations

from typing import Any

from engine.catalogue.price_list import DefaultPrices
from engine.crew.crew import CrewResult, run_crew
from engine.crew.runtime import Runtime
from engine.providers.llm import LLMClient
from engine.providers.simulator import Simulator
from engine.record.limits import Limits, RunLimits
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from engine.tools.registry import ToolRegistry


def agent(key: str = "worker", **fields: Any) -> AgentSpec:
    return AgentSpec(**({"key": key, "role": f"The {key}", "llm": "gpt-4o-mini"} | fields))


def task(key: str, **fields: Any) -> TaskSpec:
    return TaskSpec(**({"key": key, "description": f"Do {key}.", "agent": "worker"} | fields))


def crew(*tasks: TaskSpec, agents: tuple[AgentSpec, ...] = (), **fields: Any) -> CrewSpec:
    return CrewSpec(name="Test", agents=agents or (agent(),), tasks=tasks, **fields)


def runtime(
    *,
    llm: LLMClient | None = None,
    journal: MemoryJournal | None = None,
    limits: RunLimits | None = None,
    tools: ToolRegistry | None = None,
) -> Runtime:
    return Runtime(
        llm=llm or Simulator(),
        journal=journal or MemoryJournal(),
        prices=DefaultPrices(),
        tools=tools or ToolRegistry.simulated(),
        limits=Limits(limits),
    )


async def run(spec: CrewSpec, given: Runtime | None = None, **inputs: str) -> CrewResult:
    return await run_crew(spec, inputs, given or runtime())
