"""Whether a spec can run: all complaints at once, each with the path of its field (``tasks.report.context``).

Nothing is corrected here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from engine.bounded import Patience
from engine.catalogue.abilities import takes_tools
from engine.errors import TooBusy
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
from engine.spec.lookalikes import lookalikes
from engine.spec.named_models import llms_of
from engine.spec.patterns import pattern_fault
from engine.spec.placeholders import lost_texts, unused_inputs
from engine.spec.plan import find_cycle, make_plan
from engine.spec.size import excesses
from engine.spec.tool_names import BUILT_IN_TOOLS
from engine.spec.tool_settings import fault_of

TRYING_SECONDS = 5.0
"""Of the clock, for all schemas and patterns of a spec. Below what a transaction may stand still."""
MAX_COMPLAINTS = 500
"""More are not listed: who mends these sees the next ones."""


Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a spec cannot run (``error``) or may surprise (``warning``).

    ``field`` is the path by keys. ``code`` is stable and for machines, ``message`` tells people what to do.
    """

    field: str
    message: str
    code: str
    level: Level = "error"

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def validate(
    spec: CrewSpec,
    *,
    tools: frozenset[str] = BUILT_IN_TOOLS,
    patience: Patience | None = None,
    was_saved: bool = False,
) -> tuple[Complaint, ...]:
    """Every complaint about the spec, which can run if none of them is an error. ``tools``: the names that exist.

    Blocks while schemas and patterns are tried; what is not tried yet when patience ends is a warning.
    ``was_saved``: this was done when the spec was frozen, and so was its size looked at. Limits may be others since.
    """
    complaints = tuple(islice(_complaints(spec, tools, patience, was_saved), MAX_COMPLAINTS + 1))
    if len(complaints) <= MAX_COMPLAINTS:
        return complaints
    more = Complaint("crew", f"There is more to mend than the first {MAX_COMPLAINTS} complaints.", "more")
    return (*complaints[:MAX_COMPLAINTS], more)


def _complaints(
    spec: CrewSpec, tools: frozenset[str], patience: Patience | None, was_saved: bool
) -> Iterator[Complaint]:
    crew = _Parts(spec)
    if not was_saved:
        yield from _excesses(spec)
    yield from _crew(spec)
    for agent in spec.agents:
        yield from _agent(agent, tools)
    for task in spec.tasks:
        yield from _task(task, crew, tools)
    for field, why in lost_texts(spec):
        yield Complaint(field, f"This text was not imported ({why}). Write it in its place.", "lost_text")
    yield from _cycle(spec)
    if not was_saved:
        yield from _inputs(spec)
        yield from _tried(spec, patience or Patience(TRYING_SECONDS))


def _excesses(spec: CrewSpec) -> Iterator[Complaint]:
    for excess in excesses(spec):
        level: Level = "warning" if excess.code == "line_break" else "error"
        yield Complaint(excess.field, excess.message, excess.code, level)


class _Parts:
    """What tasks are checked against, looked up by key."""

    def __init__(self, spec: CrewSpec) -> None:
        self.process = spec.process
        self.agents = frozenset(agent.key for agent in spec.agents)
        self.position = {task.key: index for index, task in enumerate(spec.tasks)}


def _crew(spec: CrewSpec) -> Iterator[Complaint]:
    if not spec.agents:
        yield Complaint("agents", "Add at least one agent.", "no_agents")
    if not spec.tasks:
        yield Complaint("tasks", "Add at least one task.", "no_tasks")
    for kind, keys in (("agents", [agent.key for agent in spec.agents]), ("tasks", [task.key for task in spec.tasks])):
        for key, count in Counter(keys).items():
            if count > 1:
                yield Complaint(f"{kind}.{key}.key", f"{count} {kind} share the key {key!r}.", "duplicate_key")
    for field, llm in llms_of(spec).items():
        for model in (llm.model, *llm.fallbacks):
            if model.split() != [model]:
                message = f"{model!r} is no model: an id has no blanks. Is {'-'.join(model.split())!r} meant?"
                yield Complaint(field, message, "bad_model")
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


def _task(task: TaskSpec, crew: _Parts, tools: frozenset[str]) -> Iterator[Complaint]:
    field = f"tasks.{task.key}"
    if not task.description.strip():
        yield Complaint(f"{field}.description", "Say what is to be done.", "empty")
    if task.agent is None and crew.process != "hierarchical":
        yield Complaint(f"{field}.agent", "Choose the agent that does this task.", "no_agent")
    if task.agent is not None and task.agent not in crew.agents:
        yield Complaint(f"{field}.agent", f"There is no agent {task.agent!r}.", "unknown_agent")
    if task.human_input and task.cache_ttl_s is not None:
        message = "An output that a person approved is not taken over by other runs. Turn one of the two off."
        yield Complaint(f"{field}.cache_ttl_s", message, "cached_approval")
    yield from _tools(field, task.tools or (), tools)
    yield from _context(task, crew)
    yield from _guardrails(task)


def _tools(field: str, tools: tuple[ToolSpec, ...], known_tools: frozenset[str]) -> Iterator[Complaint]:
    for tool in tools:
        if tool.name not in known_tools:
            known = ", ".join(sorted(known_tools))
            yield Complaint(f"{field}.tools", f"There is no tool {tool.name!r}. Known are: {known}.", "unknown_tool")
        elif fault := fault_of(tool):
            yield Complaint(f"{field}.tools", f"{tool.name}: {fault}", "bad_tool_settings")


def _context(task: TaskSpec, crew: _Parts) -> Iterator[Complaint]:
    position = crew.position
    awaited = [("context", key) for key in task.context or ()]
    if task.condition is not None:
        awaited.append(("condition", task.condition.task))
    for part, key in awaited:
        field = f"tasks.{task.key}.{part}"
        if key not in position:
            yield Complaint(field, f"There is no task {key!r}.", "unknown_task")
        elif key == task.key:
            yield Complaint(field, "A task cannot wait for itself.", "cycle")
        elif crew.process != "parallel" and position[key] > position[task.key]:
            message = f"The task {key!r} comes later. Move it up, or choose the parallel process."
            yield Complaint(field, message, "later_task")


def _guardrails(task: TaskSpec) -> Iterator[Complaint]:
    field = f"tasks.{task.key}.guardrails"
    for guardrail in task.guardrails:
        if isinstance(guardrail, QuestionGuardrail) and not guardrail.question.strip():
            yield Complaint(field, "Write the question that a model is to answer.", "empty")
        elif isinstance(guardrail, LengthGuardrail) and _fits_no_text(guardrail):
            yield Complaint(field, "The least number of words is above the most.", "empty_range")


def _fits_no_text(guardrail: LengthGuardrail) -> bool:
    bounds = (guardrail.min_words, guardrail.max_words)
    return None not in bounds and guardrail.min_words > guardrail.max_words  # type: ignore[operator]


def _inputs(spec: CrewSpec) -> Iterator[Complaint]:
    for name in unused_inputs(spec, spec.inputs):
        message = f"No text uses this input. Write {{{name}}} where it belongs, or take it out in the crew's JSON."
        yield Complaint(f"inputs.{name}", message, "unused_input", "warning")
    for field, message in lookalikes(spec):
        yield Complaint(field, message, "no_input", "warning")


def _tried(spec: CrewSpec, patience: Patience) -> Iterator[Complaint]:
    """What the schemas and patterns of all tasks are like, each tried out."""
    for field, schema, pattern in (part for task in spec.tasks for part in _to_try(task)):
        try:
            if schema is not None and (fault := schema_fault(schema, patience)):
                yield Complaint(field, f"This is not a usable JSON Schema: {fault}", "bad_schema")
            elif pattern is not None and (fault := pattern_fault(pattern, patience)):
                yield Complaint(field, f"This is not a usable regular expression: {fault}", "bad_regex")
        except TooBusy as error:
            yield Complaint(field, f"This is not checked yet. {error}", "unchecked", "warning")


def _to_try(task: TaskSpec) -> Iterator[tuple[str, dict[str, Any] | None, str | None]]:
    """The field, and the schema or the pattern in it."""
    field = f"tasks.{task.key}"
    if task.output_schema is not None:
        yield f"{field}.output_schema", task.output_schema, None
    for guardrail in task.guardrails:
        if isinstance(guardrail, SchemaGuardrail):
            yield f"{field}.guardrails", guardrail.json_schema, None
        elif isinstance(guardrail, RegexGuardrail):
            yield f"{field}.guardrails", None, guardrail.pattern
    if task.condition is not None and task.condition.matches is not None:
        yield f"{field}.condition", None, task.condition.matches


def _cycle(spec: CrewSpec) -> Iterator[Complaint]:
    cycle = find_cycle(make_plan(spec).waits_for)
    if cycle:
        yield Complaint(f"tasks.{cycle[0]}.context", f"These wait for each other: {' → '.join(cycle)}.", "cycle")
