"""Whether a spec can run: all complaints at once, each with the path of its field (``tasks.report.context``).

Nothing is corrected here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from engine.catalogue.abilities import takes_tools
from engine.spec.crew_spec import (
    AgentSpec,
    CrewSpec,
    LengthGuardrail,
    QuestionGuardrail,
    RegexGuardrail,
    SchemaGuardrail,
    TaskSpec,
    ToolSpec,
)
from engine.spec.json_schema import schema_fault
from engine.spec.patterns import pattern_fault
from engine.spec.plan import find_cycle, make_plan
from engine.spec.tool_names import BUILT_IN_TOOLS
from engine.spec.tool_settings import fault_of

MAX_TASKS = 1000
MAX_AGENTS = 500


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a spec cannot run (``error``) or may surprise (``warning``).

    ``field`` is the path by keys. ``code`` is stable and for machines, ``message`` tells people what to do.
    """

    field: str
    message: str
    code: str
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def validate(spec: CrewSpec, *, tools: frozenset[str] = BUILT_IN_TOOLS) -> tuple[Complaint, ...]:
    """Every complaint about the spec, which can run if none of them is an error. ``tools``: the names that exist."""
    complaints = [*_crew(spec)]
    for agent in spec.agents:
        complaints += _agent(agent, tools)
    for task in spec.tasks:
        complaints += _task(task, spec, tools)
    return (*complaints, *_cycle(spec))


def _crew(spec: CrewSpec) -> Iterator[Complaint]:
    if not spec.agents:
        yield Complaint("agents", "Add at least one agent.", "no_agents")
    if not spec.tasks:
        yield Complaint("tasks", "Add at least one task.", "no_tasks")
    if len(spec.agents) > MAX_AGENTS or len(spec.tasks) > MAX_TASKS:
        yield Complaint("tasks", f"At most {MAX_AGENTS} agents and {MAX_TASKS} tasks.", "too_large")
    for kind, keys in (("agents", [agent.key for agent in spec.agents]), ("tasks", [task.key for task in spec.tasks])):
        for key, count in Counter(keys).items():
            if count > 1:
                yield Complaint(f"{kind}.{key}.key", f"{count} {kind} share the key {key!r}.", "duplicate_key")
    yield from _manager(spec)


def _manager(spec: CrewSpec) -> Iterator[Complaint]:
    if spec.manager_agent is not None and spec.agent(spec.manager_agent) is None:
        yield Complaint("manager_agent", f"There is no agent {spec.manager_agent!r}.", "unknown_agent")
    if spec.process != "hierarchical":
        return
    if spec.manager_agent is None and spec.manager_llm is None:
        yield Complaint("manager_llm", "Choose the manager's model, or an agent as manager.", "no_manager")
    if all(agent.key == spec.manager_agent for agent in spec.agents):
        yield Complaint("agents", "A manager needs at least one other agent to hand tasks to.", "no_agents")
    for task in spec.tasks:
        if task.agent is not None and task.agent == spec.manager_agent:
            message = "The manager does no tasks itself. Choose another agent, or none."
            yield Complaint(f"tasks.{task.key}.agent", message, "manager_does_task")


def _agent(agent: AgentSpec, tools: frozenset[str]) -> Iterator[Complaint]:
    field = f"agents.{agent.key}"
    if not agent.role.strip():
        yield Complaint(f"{field}.role", "Say what this agent is: its role.", "empty")
    yield from _tools(field, agent.tools, tools)
    if agent.tools and not takes_tools(agent.llm.model):
        message = f"{agent.llm.model} does not call functions; its tools are described to it in words."
        yield Complaint(f"{field}.llm", message, "model_without_tools", "warning")


def _task(task: TaskSpec, spec: CrewSpec, tools: frozenset[str]) -> Iterator[Complaint]:
    field = f"tasks.{task.key}"
    if not task.description.strip():
        yield Complaint(f"{field}.description", "Say what is to be done.", "empty")
    if task.agent is None and spec.process != "hierarchical":
        yield Complaint(f"{field}.agent", "Choose the agent that does this task.", "no_agent")
    if task.agent is not None and spec.agent(task.agent) is None:
        yield Complaint(f"{field}.agent", f"There is no agent {task.agent!r}.", "unknown_agent")
    if task.human_input and task.cache_ttl_s is not None:
        message = "An output that a person approved is not taken over by other runs. Turn one of the two off."
        yield Complaint(f"{field}.cache_ttl_s", message, "cached_approval")
    yield from _tools(field, task.tools or (), tools)
    yield from _context(task, spec)
    yield from _schemas(task)


def _tools(field: str, tools: tuple[ToolSpec, ...], known_tools: frozenset[str]) -> Iterator[Complaint]:
    for tool in tools:
        if tool.name not in known_tools:
            known = ", ".join(sorted(known_tools))
            yield Complaint(f"{field}.tools", f"There is no tool {tool.name!r}. Known are: {known}.", "unknown_tool")
        elif fault := fault_of(tool):
            yield Complaint(f"{field}.tools", f"{tool.name}: {fault}", "bad_tool_settings")


def _context(task: TaskSpec, spec: CrewSpec) -> Iterator[Complaint]:
    position = {other.key: index for index, other in enumerate(spec.tasks)}
    awaited = [("context", key) for key in task.context or ()]
    if task.condition is not None:
        awaited.append(("condition", task.condition.task))
    for part, key in awaited:
        field = f"tasks.{task.key}.{part}"
        if key not in position:
            yield Complaint(field, f"There is no task {key!r}.", "unknown_task")
        elif key == task.key:
            yield Complaint(field, "A task cannot wait for itself.", "cycle")
        elif spec.process != "parallel" and position[key] > position[task.key]:
            message = f"The task {key!r} comes later. Move it up, or choose the parallel process."
            yield Complaint(field, message, "later_task")


def _schemas(task: TaskSpec) -> Iterator[Complaint]:
    field = f"tasks.{task.key}"
    if task.output_schema is not None:
        yield from _schema(f"{field}.output_schema", task.output_schema)
    for guardrail in task.guardrails:
        if isinstance(guardrail, SchemaGuardrail):
            yield from _schema(f"{field}.guardrails", guardrail.json_schema)
        elif isinstance(guardrail, QuestionGuardrail) and not guardrail.question.strip():
            yield Complaint(f"{field}.guardrails", "Write the question that a model is to answer.", "empty")
        elif isinstance(guardrail, LengthGuardrail) and _fits_no_text(guardrail):
            yield Complaint(f"{field}.guardrails", "The least number of words is above the most.", "empty_range")
        elif isinstance(guardrail, RegexGuardrail):
            yield from _regex(f"{field}.guardrails", guardrail.pattern)
    if task.condition is not None and task.condition.matches is not None:
        yield from _regex(f"{field}.condition", task.condition.matches)


def _fits_no_text(guardrail: LengthGuardrail) -> bool:
    bounds = (guardrail.min_words, guardrail.max_words)
    return None not in bounds and guardrail.min_words > guardrail.max_words  # type: ignore[operator]


def _schema(field: str, schema: dict[str, Any]) -> Iterator[Complaint]:
    if fault := schema_fault(schema):
        yield Complaint(field, f"This is not a usable JSON Schema: {fault}", "bad_schema")


def _regex(field: str, pattern: str) -> Iterator[Complaint]:
    if fault := pattern_fault(pattern):
        yield Complaint(field, f"This is not a usable regular expression: {fault}", "bad_regex")


def _cycle(spec: CrewSpec) -> Iterator[Complaint]:
    cycle = find_cycle(make_plan(spec).waits_for)
    if cycle:
        yield Complaint(f"tasks.{cycle[0]}.context", f"These wait for each other: {' → '.join(cycle)}.", "cycle")
