"""The CrewAI-shaped Python API over the specs: ``Agent``, ``Task``, ``Crew``, ``LLM``, ``Process`` and their kickoffs.

The objects are blueprints and hold no state of a run, so one agent may be in many crews and runs at once. There is one
asynchronous way to run, ``akickoff``; ``kickoff`` is ``asyncio.run`` of it.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ValidationError

from engine.crew import CrewOutput as EngineOutput
from engine.crew import run_crew
from engine.custom_tools import BaseTool
from engine.errors import EngineError, InvalidCrew
from engine.gathering import all_of
from engine.journal import MemoryJournal, TaskResult, TaskStatus
from engine.kickoff_results import CrewOutput, KickoffFailed, TaskOutput, UsageMetrics, usage_of
from engine.limits import Limits, RunLimits
from engine.litellm_client import Credential, LiteLLMClient
from engine.llm import LLMClient
from engine.models import provider_of
from engine.placeholders import input_text
from engine.price_list import DefaultPrices
from engine.pricing import PriceTable
from engine.routing import RoutingClient
from engine.runtime import Runtime
from engine.simulator import Simulator
from engine.spec import DEFAULT_MODEL, AgentSpec, CrewSpec, LLMSpec, TaskSpec, ToolSpec
from engine.tools.knowledge import KnowledgeSource
from engine.tools.registry import ToolRegistry

KEY_VARIABLES = {"gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"), "together_ai": ("TOGETHERAI_API_KEY",)}
NEEDS_NO_KEY = frozenset({"ollama"})


class Process(StrEnum):
    sequential = "sequential"
    parallel = "parallel"
    hierarchical = "hierarchical"


class LLM:
    """A model and how to ask it; keyword arguments are ``LLMSpec``'s, besides ``api_key`` and ``base_url``."""

    def __init__(
        self, model: str = DEFAULT_MODEL, *, api_key: str = "", base_url: str | None = None, **options: Any
    ) -> None:
        if "timeout" in options:
            options["timeout_s"] = options.pop("timeout")
        if isinstance(options.get("stop"), str):
            options["stop"] = (options["stop"],)
        self.spec = LLMSpec(model=model, **options)
        self.credential = Credential(api_key=api_key, base_url=base_url) if api_key or base_url else None


@dataclass(frozen=True, eq=False)
class SerperDevTool:
    """Web search. Without ``api_key`` the environment's ``SERPER_API_KEY`` is used."""

    api_key: str | None = None
    base_url: str | None = None
    n_results: int = 10


@dataclass(frozen=True, eq=False)
class ScrapeWebsiteTool:
    """Reads a web page; with ``website_url`` always that one."""

    website_url: str = ""


class Agent:
    """Who does the work. Keyword arguments are ``AgentSpec``'s; ``verbose`` and ``memory`` of CrewAI are accepted."""

    def __init__(
        self, *, role: str, goal: str = "", backstory: str = "", llm: LLM | str | None = None, **options: Any
    ) -> None:
        options.pop("verbose", None)
        _refuse_memory(options)
        self.llm = llm if isinstance(llm, LLM) else LLM(llm or os.environ.get("OPENAI_MODEL_NAME") or DEFAULT_MODEL)
        self.tools: tuple[Any, ...] = tuple(options.pop("tools", None) or ())
        if "max_execution_time" in options:
            options["max_execution_time_s"] = options.pop("max_execution_time")
        self.role = role
        self._fields = {"role": role, "goal": goal, "backstory": backstory, **options}
        self.spec("agent")  # a wrong argument is refused here, where it was written

    def spec(self, key: str) -> AgentSpec:
        return AgentSpec(key=key, llm=self.llm.spec, tools=tuple(map(tool_spec, self.tools)), **self._fields)


class Task:
    """One assignment. ``context`` holds tasks; ``output_pydantic`` and ``output_json`` are pydantic models."""

    def __init__(
        self,
        *,
        description: str,
        expected_output: str = "",
        agent: Agent | None = None,
        context: Sequence[Task] | None = None,
        **options: Any,
    ) -> None:
        self.agent = agent
        self.context = None if context is None else tuple(context)
        self.output_pydantic: type[BaseModel] | None = options.pop("output_pydantic", None)
        self.output_json: type[BaseModel] | None = options.pop("output_json", None)
        self.tools = options.pop("tools", None)
        schema = self.output_pydantic or self.output_json
        if schema is not None:
            options.setdefault("output_schema", schema.model_json_schema())
        self.name: str = options.pop("name", None) or ""
        self._fields = {"description": description, "expected_output": expected_output, **options}
        self.spec("task", agents={}, tasks={})

    def spec(self, key: str, *, agents: Mapping[int, str], tasks: Mapping[int, str]) -> TaskSpec:
        """Keys of agents and tasks are looked up by the objects' identity; unknown context is named as such."""
        context = (
            None if self.context is None else tuple(tasks.get(id(task), "not_in_this_crew") for task in self.context)
        )
        tools = None if self.tools is None else tuple(map(tool_spec, self.tools))
        return TaskSpec(
            key=key, name=self.name, agent=agents.get(id(self.agent)), context=context, tools=tools, **self._fields
        )


@dataclass
class Crew:
    """A team at its work. ``usage_metrics`` are those of the last kickoff, failed ones too; of a batch, the whole.

    ``llm_client``, ``prices`` and ``max_usd`` are ours: another client, another price list, a budget for each run.
    """

    agents: Sequence[Agent]
    tasks: Sequence[Task]
    process: Process | str = Process.sequential
    name: str = "Crew"
    verbose: bool = False
    cache: bool = True
    max_rpm: int | None = None
    planning: bool = False
    memory: bool = False
    manager_llm: LLM | str | None = None
    llm_client: LLMClient | None = None
    prices: PriceTable = field(default_factory=DefaultPrices)
    max_usd: Decimal | None = None
    knowledge: KnowledgeSource | None = None
    usage_metrics: UsageMetrics | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        _refuse_memory({"memory": self.memory})
        self.spec = self._spec()

    def kickoff(self, inputs: Mapping[str, Any] | None = None) -> CrewOutput:
        """Runs the crew and waits. Raises ``InvalidCrew`` or ``KickoffFailed``; inside a running loop, await
        ``akickoff``.
        """
        return _run_here(self.akickoff(inputs), "akickoff")

    async def akickoff(self, inputs: Mapping[str, Any] | None = None) -> CrewOutput:
        """Runs the crew. Raises ``InvalidCrew`` before anything is spent, and ``KickoffFailed`` with what was paid."""
        journal = MemoryJournal()
        try:
            output = await self._run(inputs or {}, journal)
        finally:
            self.usage_metrics = usage_of(journal)
        if output.status != TaskStatus.SUCCEEDED:
            raise KickoffFailed(output)
        return output

    kickoff_async = akickoff

    def kickoff_for_each(self, inputs: Iterable[Mapping[str, Any]]) -> list[CrewOutput]:
        """Runs the crew for each inputs, at once, and waits: see ``akickoff_for_each``."""
        return _run_here(self.akickoff_for_each(inputs), "akickoff_for_each")

    async def akickoff_for_each(self, inputs: Iterable[Mapping[str, Any]]) -> list[CrewOutput]:
        """An output for each inputs, in their order. One that fails has its ``status`` and ``error`` and loses no
        other.
        """
        rows = [(one, MemoryJournal()) for one in inputs]
        try:
            return await all_of(self._run_contained(one, journal) for one, journal in rows)
        finally:
            self.usage_metrics = sum((usage_of(journal) for _, journal in rows), UsageMetrics())

    kickoff_for_each_async = akickoff_for_each

    async def _run_contained(self, inputs: Mapping[str, Any], journal: MemoryJournal) -> CrewOutput:
        try:
            return await self._run(inputs, journal)
        except InvalidCrew as invalid:
            return CrewOutput("", None, None, [], UsageMetrics(), status="failed", error=str(invalid))

    async def _run(self, inputs: Mapping[str, Any], journal: MemoryJournal) -> CrewOutput:
        runtime = Runtime(
            llm=self.llm_client or self._client(),
            journal=journal,
            prices=self.prices,
            tools=self._tools(),
            limits=Limits(RunLimits(max_usd=self.max_usd)),
        )
        try:
            output = await run_crew(self.spec, {name: input_text(value) for name, value in inputs.items()}, runtime)
        except InvalidCrew:
            raise
        except EngineError as error:
            output = EngineOutput(TaskStatus.FAILED, "", None, tuple(journal.results), str(error), error.code)
        return self._output(output, usage_of(journal))

    def _spec(self) -> CrewSpec:
        agents = list(
            {id(agent): agent for agent in (*self.agents, *(t.agent for t in self.tasks if t.agent))}.values()
        )
        agent_keys = _keys([agent.role for agent in agents])
        task_keys = _keys([task.name or f"task_{number}" for number, task in enumerate(self.tasks, 1)])
        by_agent = {id(agent): key for agent, key in zip(agents, agent_keys, strict=True)}
        by_task = {id(task): key for task, key in zip(self.tasks, task_keys, strict=True)}
        manager = self.manager_llm
        return CrewSpec(
            name=self.name,
            agents=tuple(agent.spec(by_agent[id(agent)]) for agent in agents),
            tasks=tuple(task.spec(by_task[id(task)], agents=by_agent, tasks=by_task) for task in self.tasks),
            process=Process(self.process).value,
            cache=self.cache,
            max_rpm=self.max_rpm,
            planning=self.planning,
            manager_llm=(manager if isinstance(manager, LLM) else LLM(manager)).spec if manager else None,
        )

    def _client(self) -> LLMClient:
        own = {agent.llm.spec: agent.llm.credential for agent in self._all_agents() if agent.llm.credential}
        return RoutingClient(
            real=LiteLLMClient(lambda llm: own.get(llm) or environment_credential(llm)), simulated=Simulator()
        )

    def _tools(self) -> ToolRegistry:
        used = [tool for agent in self._all_agents() for tool in agent.tools]
        used += [tool for task in self.tasks for tool in task.tools or ()]
        search = next((tool for tool in used if isinstance(tool, SerperDevTool)), SerperDevTool())
        registry = ToolRegistry.standard(
            search_api_key=search.api_key or os.environ.get("SERPER_API_KEY", ""),
            search_base_url=search.base_url,
            allowed_private_hosts=os.environ.get("ALLOWED_PRIVATE_HOSTS", "").replace(",", " ").split(),
            knowledge=self.knowledge,
        )
        return registry.with_tools([tool for tool in used if isinstance(tool, BaseTool)])

    def _all_agents(self) -> list[Agent]:
        return [*self.agents, *(task.agent for task in self.tasks if task.agent)]

    def _output(self, output: EngineOutput, usage: UsageMetrics) -> CrewOutput:
        results = {result.task: result for result in output.results}
        tasks = [
            _task_output(task, spec, results.get(spec.key))
            for task, spec in zip(self.tasks, self.spec.tasks, strict=True)
        ]
        last = next((task for task in reversed(tasks) if task.status == TaskStatus.SUCCEEDED), None)
        misfit = next((task for task in tasks if task.status == TaskStatus.FAILED), None)
        status = TaskStatus.FAILED if misfit else output.status
        return CrewOutput(
            raw=output.raw,
            json_dict=last.json_dict if last and output.raw else None,
            pydantic=last.pydantic if last and output.raw else None,
            tasks_output=tasks,
            token_usage=usage,
            status=status.value,
            error=output.error or _why_no_output(tasks),
        )


def environment_credential(llm: LLMSpec) -> Credential | None:
    """The key that the environment holds for the model's provider, named as LiteLLM and CrewAI name it."""
    provider = provider_of(llm.model) or "openai"
    names = KEY_VARIABLES.get(provider, (f"{provider.upper()}_API_KEY",))
    key = next((os.environ[name] for name in names if os.environ.get(name)), "")
    bases = (f"{provider.upper()}_BASE_URL", f"{provider.upper()}_API_BASE")
    base_url = next((os.environ[name] for name in bases if os.environ.get(name)), None)
    return Credential(api_key=key, base_url=base_url) if key or provider in NEEDS_NO_KEY else None


def tool_spec(tool: Any) -> ToolSpec:
    """The spec of a tool object. Raises ``TypeError`` for what is none."""
    if isinstance(tool, SerperDevTool):
        return ToolSpec(name="web_search")
    if isinstance(tool, ScrapeWebsiteTool):
        return ToolSpec(name="scrape_website", config={"website_url": tool.website_url} if tool.website_url else {})
    if isinstance(tool, BaseTool):
        return ToolSpec(name=tool.facts.name)
    if isinstance(tool, (str, ToolSpec)):
        return ToolSpec(name=tool) if isinstance(tool, str) else tool
    raise TypeError(
        f"{tool!r} is not a tool. Use SerperDevTool(), ScrapeWebsiteTool(), @tool functions or BaseTool objects."
    )


def _task_output(task: Task, spec: TaskSpec, result: TaskResult | None) -> TaskOutput:
    data = result.data if result else None
    status, error = (result.status if result else TaskStatus.CANCELLED), (result.error if result else "")
    typed = None
    if task.output_pydantic is not None and data is not None:
        try:
            typed = task.output_pydantic.model_validate(data)
        except ValidationError as misfit:  # a validator in Python that the JSON Schema could not tell the model of
            status, error = TaskStatus.FAILED, f"The answer does not fit {task.output_pydantic.__name__}: {misfit}"
    return TaskOutput(
        name=spec.title,
        description=spec.description,
        agent=task.agent.role if task.agent else "",
        raw=result.raw if result else "",
        json_dict=data if isinstance(data, dict) and task.output_pydantic is None else None,
        pydantic=typed,
        status=status.value,
        error=error,
    )


def _why_no_output(tasks: Sequence[TaskOutput]) -> str:
    """The first task that failed, or that waits for a person, in words; "" if none does."""
    for task in tasks:
        if task.status == TaskStatus.FAILED:
            return f"The task {task.name!r} failed: {task.error}"
        if task.status == TaskStatus.WAITING:
            return f"The task {task.name!r} waits for a person to look at its answer, and nobody can be asked here."
    return ""


def _keys(names: Sequence[str]) -> list[str]:
    keys: list[str] = []
    for name in names:
        stem = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:50] or "item"
        key, number = stem, 1
        while key in keys:
            number += 1
            key = f"{stem}_{number}"
        keys.append(key)
    return keys


def _refuse_memory(options: dict[str, Any]) -> None:
    if options.pop("memory", False):
        raise NotImplementedError("memory=True is not supported yet. Leave it out.")


def _run_here(work: Any, instead: str) -> Any:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    work.close()
    raise RuntimeError(f"An event loop is already running here. Use: await crew.{instead}(...)")
