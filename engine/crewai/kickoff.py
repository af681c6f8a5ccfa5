"""CrewAI's way to run a crew: ``Crew`` and its kickoffs.

The work is done by ``akickoff``; ``kickoff`` is no more than ``asyncio.run`` of it.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.cache import Cache
from engine.catalogue.model_ids import is_simulated
from engine.catalogue.price_list import DefaultPrices
from engine.catalogue.pricing import PriceTable
from engine.concurrency import all_of
from engine.crew.crew import CrewResult, run_crew
from engine.crew.runtime import Runtime
from engine.crewai.blueprints import LLM, Agent, Process, SerperDevTool, Task, llm_of
from engine.crewai.own_tools import BaseTool
from engine.crewai.results import CrewOutput, KickoffFailed, TaskOutput, UsageMetrics, usage_of
from engine.crewai.terminal import at_terminal
from engine.errors import EngineError, InvalidCrew
from engine.providers.credential import environment_credential
from engine.providers.library.ahead import get_ready
from engine.providers.llm import LLMClient
from engine.providers.simulated_or_real import RoutingClient
from engine.providers.simulator import Simulator
from engine.providers.throttle import Throttle
from engine.record.journal import TaskResult, TaskStatus
from engine.record.limits import Limits, RunLimits
from engine.record.memory_journal import MemoryJournal, Reviewer
from engine.record.progress import ignore
from engine.spec.crew_spec import CrewSpec, TaskSpec
from engine.spec.json_schema import schema_fault
from engine.spec.named_models import models_of
from engine.spec.placeholders import input_text, with_inputs
from engine.text import latin
from engine.tools.knowledge_search import KnowledgeSource
from engine.tools.memory import Memory, TextMemory
from engine.tools.registry import ToolRegistry

if TYPE_CHECKING:
    from engine.crewai.verbose import VerboseRun


@dataclass
class Crew:
    """Agents and tasks, ready to run.

    Making the first crew of a process waits until real models can be asked at once: for some seconds if LiteLLM's
    import has just begun.

    ``usage_metrics``: those of the last kickoff, also if it failed; for several inputs their sum.
    ``memory``: gives every agent a memory. ``verbose``: prints what happens while the crew runs; an agent's own
    ``verbose`` prints what that agent does.

    Not in CrewAI: ``llm_client`` and ``prices``, to use other ones; ``max_usd``, a budget for each run; ``knowledge``,
    documents to search; ``notes``, where memories are kept; ``throttle``, to share rate limits with other crews;
    ``reviewer``, who is asked about the answers of tasks with ``human_input``, by default a person at the terminal.
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
    manager_agent: Agent | None = None
    planning_llm: LLM | str | None = None
    llm_client: LLMClient | None = None
    prices: PriceTable = field(default_factory=DefaultPrices)
    max_usd: Decimal | None = None
    knowledge: KnowledgeSource | None = None
    notes: Memory = field(default_factory=TextMemory)
    throttle: Throttle | None = None
    reviewer: Reviewer | None = None
    usage_metrics: UsageMetrics | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.spec = self._spec()
        self._replies, self._outputs = Cache(), Cache()
        self._tool_results = Cache(shares_failures=True)
        models = [model for model in models_of(self.spec) if not is_simulated(model)]
        if models and self.llm_client is None:
            self._get_ready(models)

    def _get_ready(self, models: Iterable[str]) -> None:
        """Has loaded and started what the first kickoff would else wait for. Each is done once in a process."""
        get_ready(models)
        self._tools()  # which imports what they need
        if self._own_tools() or any(task.output_schema or task.guardrails for task in self.spec.tasks):
            schema_fault({"type": "object"})  # which starts the child process in which answers are checked

    def kickoff(self, inputs: Mapping[str, Any] | None = None) -> CrewOutput:
        """Runs the crew: see ``akickoff``, which must be awaited instead where an event loop is running."""
        return _run_here(self.akickoff(inputs), "akickoff")

    async def akickoff(self, inputs: Mapping[str, Any] | None = None) -> CrewOutput:
        """Runs the crew. Raises ``InvalidCrew`` before anything is spent, ``KickoffFailed`` if the crew fails."""
        journal = self._journal(self.throttle or Throttle())
        try:
            output = await self._run(inputs or {}, journal)
        finally:
            self.usage_metrics = usage_of(journal)
        if output.status != TaskStatus.SUCCEEDED:
            raise KickoffFailed(output)
        return output

    kickoff_async = akickoff

    def kickoff_for_each(self, inputs: Iterable[Mapping[str, Any]]) -> list[CrewOutput]:
        """Runs the crew for each of the inputs: see ``akickoff_for_each``."""
        return _run_here(self.akickoff_for_each(inputs), "akickoff_for_each")

    async def akickoff_for_each(self, inputs: Iterable[Mapping[str, Any]]) -> list[CrewOutput]:
        """Runs the crew for all inputs at once. Gives one output for each, in order; a failed one has an ``error``."""
        throttle = self.throttle or Throttle()
        rows = [(row, self._journal(throttle)) for row in inputs]
        try:
            return await all_of(
                self._run_row(row, journal, f"#{number}") for number, (row, journal) in enumerate(rows, 1)
            )
        finally:
            self.usage_metrics = sum((usage_of(journal) for _, journal in rows), UsageMetrics())

    kickoff_for_each_async = akickoff_for_each

    async def _run_row(self, inputs: Mapping[str, Any], journal: MemoryJournal, label: str) -> CrewOutput:
        try:
            return await self._run(inputs, journal, label)
        except InvalidCrew as invalid:
            return CrewOutput("", None, None, [], UsageMetrics(), status="failed", error=str(invalid))

    def _journal(self, throttle: Throttle) -> MemoryJournal:
        return MemoryJournal(reviewer=self.reviewer or at_terminal(), throttle=throttle)

    async def _run(self, inputs: Mapping[str, Any], journal: MemoryJournal, label: str = "") -> CrewOutput:
        texts = {name: input_text(value) for name, value in inputs.items()}
        verbose = self._verbose(texts, label)
        runtime = Runtime(
            llm=self.llm_client or self._client(),
            journal=journal,
            prices=self.prices,
            tools=self._tools(),
            limits=Limits(RunLimits(max_usd=self.max_usd)),
            memory=self.notes,
            replies=self._replies,
            outputs=self._outputs,
            tool_results=self._tool_results,
            emit=verbose or ignore,
        )
        try:
            result = await run_crew(self.spec, texts, runtime)
        except InvalidCrew:
            raise
        except EngineError as error:
            result = CrewResult(TaskStatus.FAILED, "", None, tuple(journal.results), str(error), error.code)
        output = self._output(result, usage_of(journal))
        if verbose is not None:
            verbose.ended(output.token_usage, error=output.error)
        return output

    def _verbose(self, inputs: Mapping[str, str], label: str) -> VerboseRun | None:
        """Who prints the run's events; None if nobody asked for that."""
        talkative = {self._agent_keys[id(agent)] for agent in self._all_agents() if agent.verbose}
        if not (self.verbose or talkative):
            return None
        from engine.crewai.verbose import VerboseRun  # late: it imports rich, which a silent crew does without

        secrets = [llm.credential.api_key for llm in self._llms() if llm.credential]
        secrets += [tool.api_key for tool in self._own_tools() if isinstance(tool, SerperDevTool) and tool.api_key]
        agents = None if self.verbose else talkative
        return VerboseRun(with_inputs(self.spec, inputs), agents, secrets=secrets, label=label)

    def _spec(self) -> CrewSpec:
        agents = list({id(agent): agent for agent in self._all_agents()}.values())
        by_agent = dict(zip(map(id, agents), _keys([agent.role for agent in agents]), strict=True))
        self._agent_keys = by_agent
        names = [task.name or f"task_{number}" for number, task in enumerate(self.tasks, 1)]
        by_task = dict(zip(map(id, self.tasks), _keys(names), strict=True))
        specs = [agent.spec(by_agent[id(agent)]) for agent in agents]
        manager, planner = llm_of(self.manager_llm), llm_of(self.planning_llm)
        return CrewSpec(
            name=self.name,
            agents=tuple(spec.model_copy(update={"memory": True}) for spec in specs) if self.memory else tuple(specs),
            tasks=tuple(task.spec(by_task[id(task)], agents=by_agent, tasks=by_task) for task in self.tasks),
            process=Process(self.process).value,
            cache=self.cache,
            max_rpm=self.max_rpm,
            planning=self.planning,
            planning_llm=planner.spec if planner else None,
            manager_llm=manager.spec if manager else None,
            manager_agent=by_agent[id(self.manager_agent)] if self.manager_agent else None,
        )

    def _client(self) -> LLMClient:
        from engine.providers.litellm_client import LiteLLMClient  # late: it imports an HTTP client, which takes time

        own_keys = {llm.spec.credential: llm.credential for llm in self._llms() if llm.credential}
        return RoutingClient(
            real=LiteLLMClient(lambda llm: own_keys.get(llm.credential) or environment_credential(llm)),
            simulated=Simulator(),
        )

    def _tools(self) -> ToolRegistry:
        from engine.web.addresses import Reach  # late: it imports an HTTP client

        tools = self._own_tools()
        search = next((tool for tool in tools if isinstance(tool, SerperDevTool)), SerperDevTool())
        registry = ToolRegistry.standard(
            search_api_key=search.api_key or os.environ.get("SERPER_API_KEY", ""),
            search_base_url=search.base_url,
            reach=Reach.allowing(os.environ.get("ALLOWED_PRIVATE_HOSTS", "").replace(",", " ").split()),
            knowledge=self.knowledge,
        )
        return registry.with_tools([tool for tool in tools if isinstance(tool, BaseTool)])

    def _llms(self) -> list[LLM]:
        """Models that the crew's agents, its manager and its planner name."""
        llms = [agent.llm for agent in self._all_agents()]
        return llms + [llm for llm in map(llm_of, (self.manager_llm, self.planning_llm)) if llm is not None]

    def _own_tools(self) -> list[Any]:
        """What its agents and tasks name as tools."""
        tools = [tool for agent in self._all_agents() for tool in agent.tools]
        return tools + [tool for task in self.tasks for tool in task.tools or ()]

    def _all_agents(self) -> list[Agent]:
        """Agents that the crew, its manager and its tasks name; an agent that is named twice is in it twice."""
        managers = [self.manager_agent] if self.manager_agent else []
        return [*self.agents, *managers, *(task.agent for task in self.tasks if task.agent)]

    def _output(self, result: CrewResult, usage: UsageMetrics) -> CrewOutput:
        results = {task_result.task: task_result for task_result in result.results}
        tasks = [
            _task_output(task, spec, results.get(spec.key))
            for task, spec in zip(self.tasks, self.spec.tasks, strict=True)
        ]
        last = next((task for task in reversed(tasks) if task.status == TaskStatus.SUCCEEDED), None)
        failed = any(task.status == TaskStatus.FAILED for task in tasks)
        status = TaskStatus.FAILED if failed else result.status
        return CrewOutput(
            raw=result.raw,
            json_dict=last.json_dict if last and result.raw else None,
            pydantic=last.pydantic if last and result.raw else None,
            tasks_output=tasks,
            token_usage=usage,
            status=status.value,
            error=result.error or _why_no_output(tasks),
        )


def _task_output(task: Task, spec: TaskSpec, result: TaskResult | None) -> TaskOutput:
    data = result.data if result else None
    status, error = (result.status if result else TaskStatus.CANCELLED), (result.error if result else "")
    typed = None
    if task.output_pydantic is not None and data is not None:
        try:
            typed = task.output_pydantic.model_validate(data)
        except (
            ValidationError
        ) as misfit:  # by a validator in Python, which is not in the JSON Schema that the model got
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
    """What kept the first task that failed, or that waits for a person, from an output; "" if there is none."""
    for task in tasks:
        if task.status == TaskStatus.FAILED:
            return f"The task {task.name!r} failed: {task.error}"
        if task.status == TaskStatus.WAITING:
            return f"The task {task.name!r} waits for a person to look at its answer, and nobody can be asked here."
    return ""


def _keys(names: Sequence[str]) -> list[str]:
    """A key for each name, made of its letters and digits; equal ones get a number."""
    keys: list[str] = []
    for name in names:
        stem = re.sub(r"[^a-z0-9]+", "_", latin(name).lower()).strip("_")[:50] or "item"
        key, number = stem, 1
        while key in keys:
            number += 1
            key = f"{stem}_{number}"
        keys.append(key)
    return keys


def _run_here(work: Any, instead: str) -> Any:
    """The coroutine's result. Raises ``RuntimeError`` that names the method to await where a loop is running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    work.close()
    raise RuntimeError(f"An event loop is already running here. Use: await crew.{instead}(...)")
