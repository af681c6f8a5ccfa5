"""A crew in CrewAI's terms: its agents, tasks and settings as values, which every format writes in its own way.

What CrewAI 1.15 does otherwise than the engine here is put right where that can be said (defaults, the order of tasks,
what a task reads), and said in the remarks where it cannot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agents_app.writers.checks import condition_fields, guardrail_call, llm_of_question
from agents_app.writers.expressions import Call, Expression, Name
from agents_app.writers.identifiers import Names
from agents_app.writers.models import llm, llm_call
from agents_app.writers.placeholders import Inputs, holds_inputs, inputs_of
from agents_app.writers.reads import Turn, turns
from agents_app.writers.remarks import Remarks
from agents_app.writers.tools import tools_of
from engine.spec.crew_spec import AgentSpec, CrewSpec, QuestionGuardrail, TaskSpec

CREWAI_DEFAULTS = {
    "allow_delegation": False,
    "cache": True,
    "max_rpm": None,
    "max_retry_limit": 2,
    "respect_context_window": True,
    "memory": False,
}
"""What an agent is like there and here where nothing else is said. ``max_iter`` is 25 there and 20 here."""


@dataclass(slots=True)
class AgentPart:
    """``texts`` and ``fields`` are plain values; ``llm``, ``tools`` and ``servers`` may need Python."""

    key: str
    name: str
    texts: dict[str, str]
    fields: dict[str, Expression]
    llm: Expression
    tools: tuple[Expression, ...]
    servers: tuple[Expression, ...]


@dataclass(slots=True)
class ConditionPart:
    """``task``: the name of the task that is looked at; ``is_last``: it is the one before, which CrewAI hands over."""

    task: str
    fields: dict[str, Expression]
    is_last: bool


@dataclass(slots=True)
class TaskPart:
    """``context``: names of tasks; None leaves it to CrewAI, which gives all that was answered before."""

    key: str
    name: str
    texts: dict[str, str]
    agent: str | None
    fields: dict[str, Expression]
    context: tuple[str, ...] | None
    schema: dict[str, object] | None
    tools: tuple[Expression, ...]
    guardrails: tuple[Expression, ...]
    condition: ConditionPart | None


@dataclass(slots=True)
class CrewParts:
    """``manager``: the name of the agent that manages; CrewAI wants it outside of the crew's list of agents."""

    name: str
    description: str
    agents: list[AgentPart]
    tasks: list[TaskPart]
    fields: dict[str, Expression]
    process: str
    manager: str | None
    inputs: dict[str, str | None]
    names: Names
    remarks: Remarks = field(default_factory=Remarks)


def crew_parts(spec: CrewSpec) -> CrewParts:
    """Of any spec, also of a draft that cannot run yet: what is missing in it is missing there too."""
    remarks, names = Remarks(), Names()
    inputs = inputs_of(spec, remarks)
    called = {f"agents.{agent.key}": _named(agent.key, "agent", names, remarks) for agent in spec.agents}
    called |= {f"tasks.{task.key}": _named(task.key, "task", names, remarks) for task in spec.tasks}
    agents = [_agent(agent, called, inputs, remarks) for agent in spec.agents]
    tasks = [_task(turn, spec, called, inputs, remarks) for turn in turns(spec, remarks)]
    is_managed = spec.process == "hierarchical"
    manager = called.get(f"agents.{spec.manager_agent}") if is_managed and spec.manager_agent else None
    fields = _crew_fields(spec, remarks)
    return CrewParts(
        name=" ".join(spec.name.split()),
        description=spec.description,
        agents=agents,
        tasks=tasks,
        fields=fields,
        process="hierarchical" if is_managed else "sequential",
        manager=manager,
        inputs=inputs.values(),
        names=names,
        remarks=remarks,
    )


def _named(key: str, kind: str, names: Names, remarks: Remarks) -> str:
    name = names.take(key, instead=f"{kind}_{key}")
    if name != key:
        remarks.info(f"{kind}s.{key}.key", f"Agents and tasks share their names there, and some are taken: {name}.")
    return name


def _agent(agent: AgentSpec, called: dict[str, str], inputs: Inputs, remarks: Remarks) -> AgentPart:
    path = f"agents.{agent.key}"
    texts = {name: inputs.text(getattr(agent, name), f"{path}.{name}") for name in ("role", "goal", "backstory")}
    fields = {name: getattr(agent, name) for name, value in CREWAI_DEFAULTS.items() if getattr(agent, name) != value}
    fields["max_iter"] = agent.max_iter
    if agent.max_execution_time_s is not None:
        fields["max_execution_time"] = math.ceil(agent.max_execution_time_s)
        if fields["max_execution_time"] != agent.max_execution_time_s:
            remarks.warn(f"{path}.max_execution_time_s", "CrewAI counts whole seconds: it was rounded up.")
    if agent.memory:
        remarks.info(f"{path}.memory", "CrewAI keeps memories in a store of its own, and asks a model to embed them.")
    tools = tools_of(agent.tools, remarks, owner=path, takes_servers=True)
    return AgentPart(
        agent.key,
        called[path],
        texts,
        fields,
        llm(agent.llm, remarks, f"{path}.llm"),
        tools.tools,
        tools.servers,
    )


def _task(turn: Turn, spec: CrewSpec, called: dict[str, str], inputs: Inputs, remarks: Remarks) -> TaskPart:
    task = turn.task
    path = f"tasks.{task.key}"
    texts = {name: inputs.text(getattr(task, name), f"{path}.{name}") for name in ("description", "expected_output")}
    fields: dict[str, Expression] = {}
    if task.name:
        fields["name"] = " ".join(inputs.text(task.name, f"{path}.name").split())
        if holds_inputs(task.name):
            remarks.warn(f"{path}.name", "CrewAI does not fill inputs into names.")
    if turn.is_async:
        fields["async_execution"] = True
    for name in ("human_input", "markdown"):
        if getattr(task, name):
            fields[name] = True
    if task.guardrail_max_retries != TaskSpec.model_fields["guardrail_max_retries"].default:
        fields["guardrail_max_retries"] = task.guardrail_max_retries
    _say_of_task(task, remarks, path)
    tools = tools_of(task.tools or (), remarks, owner=path, takes_servers=False)
    return TaskPart(
        key=task.key,
        name=called[path],
        texts=texts,
        agent=called.get(f"agents.{task.agent}"),
        fields=fields,
        context=None if turn.context is None else tuple(called[f"tasks.{key}"] for key in turn.context),
        schema=task.output_schema,
        tools=tools.tools,
        guardrails=_guardrails(task, spec, remarks, path),
        condition=_condition(turn, called, remarks, path),
    )


def _say_of_task(task: TaskSpec, remarks: Remarks, path: str) -> None:
    if task.tools == ():
        remarks.warn(f"{path}.tools", "A task without any tool cannot be said: CrewAI gives it those of its agent.")
    if task.cache_ttl_s is not None:
        remarks.warn(f"{path}.cache_ttl_s", "CrewAI keeps no outputs of tasks for later runs.")
    if task.output_schema is not None and not task.takes_near_misses:
        remarks.warn(f"{path}.takes_near_misses", "How strictly an answer is read cannot be said to CrewAI.")


def _guardrails(task: TaskSpec, spec: CrewSpec, remarks: Remarks, path: str) -> tuple[Expression, ...]:
    calls: list[Expression] = []
    agent = spec.agent(task.agent)
    for guardrail in task.guardrails:
        if not isinstance(guardrail, QuestionGuardrail):
            calls.append(guardrail_call(guardrail))
            if guardrail.kind == "length" and (guardrail.min_words or guardrail.max_words):
                remarks.info(f"{path}.guardrails", "Words are counted by blanks there, and by Unicode's rules here.")
            continue
        if "{" in guardrail.question and holds_inputs(guardrail.question):
            remarks.warn(f"{path}.guardrails", "CrewAI does not fill inputs into the questions of guardrails.")
        model = llm_of_question(guardrail, agent.llm if agent else None, spec.manager_llm)
        if model is None:
            calls.append(guardrail.question)
        else:
            asked = llm_call(model, remarks, f"{path}.guardrails.llm")
            calls.append(Call("LLMGuardrail", {"description": guardrail.question, "llm": asked}))
    return tuple(calls)


def _condition(turn: Turn, called: dict[str, str], remarks: Remarks, path: str) -> ConditionPart | None:
    condition = turn.task.condition
    if condition is None:
        return None
    name = called.get(f"tasks.{condition.task}")
    if name is None or turn.is_first:
        remarks.warn(f"{path}.condition", "The task that it looks at does not come before it: it is left out.")
        return None
    has_inputs = condition.contains is not None and holds_inputs(condition.contains)
    fields = condition_fields(condition, remarks, f"{path}.condition", has_inputs=has_inputs)
    return ConditionPart(name, fields, is_last=turn.before == condition.task)


def _crew_fields(spec: CrewSpec, remarks: Remarks) -> dict[str, Expression]:
    fields: dict[str, Expression] = {}
    is_managed = spec.process == "hierarchical"
    if spec.manager_llm is not None and is_managed and spec.manager_agent is None:
        fields["manager_llm"] = llm(spec.manager_llm, remarks, "manager_llm")
    elif spec.manager_llm is not None:
        remarks.info("manager_llm", "Nothing uses it in this crew: it was left out.")
    if spec.manager_agent is not None and not is_managed:
        remarks.info("manager_agent", "Nothing uses it in this crew: it was left out.")
    if spec.planning:
        fields["planning"] = True
    if spec.planning_llm is not None:
        fields["planning_llm"] = llm(spec.planning_llm, remarks, "planning_llm")
    if not spec.cache:
        fields["cache"] = False
    if spec.max_rpm is not None:
        fields["max_rpm"] = spec.max_rpm
    if spec.description.strip():
        remarks.info("description", "A crew has no description there: it stands as a comment.")
    return fields


def function_names(parts: CrewParts) -> list[str]:
    """The functions that stand for tools, in the order of their first use."""
    tools = [tool for agent in parts.agents for tool in agent.tools]
    tools += [tool for task in parts.tasks for tool in task.tools]
    return list(dict.fromkeys(tool.text for tool in tools if isinstance(tool, Name)))
