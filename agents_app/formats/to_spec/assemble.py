"""Puts what a source defines together into one ``CrewSpec``: which crew, its members, their links, inputs and name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agents_app.formats.report import NOWHERE, UnreadableError, at_line
from agents_app.formats.to_spec.agents import agent_spec
from agents_app.formats.to_spec.crews import crew_settings, has_memory
from agents_app.formats.to_spec.fields import Reading, built, plain_text
from agents_app.formats.to_spec.inputs import crew_inputs
from agents_app.formats.to_spec.members import Roster, listed, name_meant, wanted
from agents_app.formats.to_spec.naming import is_generic, snake, title, without_maker
from agents_app.formats.to_spec.tasks import task_spec
from agents_app.formats.to_spec.values import Constant, Definition, Field, Value, members, settled, size_of
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec

MAX_MEMBERS = 300
_NOTHING = (
    "No agents and no tasks were found. Paste the Python that calls Agent(...), Task(...) and Crew(...), "
    "agents.yaml and tasks.yaml, or a crew's JSON from here."
)


@dataclass(slots=True)
class Found:
    """All that a source defines, in order. ``name`` is the crew's name that the source or its file suggests.

    ``used`` are the entries of YAML files that code uses as configuration, by ``id()``.
    """

    agents: list[Definition] = field(default_factory=list)
    tasks: list[Definition] = field(default_factory=list)
    crews: list[Definition] = field(default_factory=list)
    inputs: list[Field] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    name: str = ""
    format: str = "source"


def assemble(found: Found, reading: Reading) -> CrewSpec:
    """The crew that the source defines. Raises ``UnreadableError`` if it defines no part of one, or one too large."""
    if max(len(found.agents), len(found.tasks)) > MAX_MEMBERS:
        raise UnreadableError(f"The source makes more than {MAX_MEMBERS} agents or tasks; import a part of it.")
    crew = _chosen(found, reading)
    agents = Roster("agent", reading, found.agents)
    tasks = Roster("task", reading, found.tasks)
    for name, roster in (("agents", agents), ("tasks", tasks)):
        _enlist(crew.fields.get(name) if crew else None, roster)
    if not agents.members and not tasks.members:
        raise UnreadableError(_NOTHING)
    data = crew_settings(crew, reading) if crew else {}
    assigned = data.get("process") == "hierarchical"
    task_specs = [_task(task, agents, tasks, reading, assigned=assigned) for task in tasks.members]
    manager = _manager(crew, agents)
    if manager:
        data["manager_agent"] = manager
    agent_specs = [agent_spec(agent, key=agents.keys[id(agent)], reading=reading) for agent in agents.members]
    if crew and has_memory(crew, reading):
        agent_specs = [spec.model_copy(update={"memory": True}) for spec in agent_specs]
    if crew:
        _say_unused(agents)
        _say_unused(tasks)
    return _spec(crew, found, agent_specs, task_specs, data=data, reading=reading)


def _spec(
    crew: Definition | None,
    found: Found,
    agents: list[AgentSpec],
    tasks: list[TaskSpec],
    *,
    data: dict[str, Any],
    reading: Reading,
) -> CrewSpec:
    named = {"name": _crew_name(crew, found, reading), "agents": tuple(agents), "tasks": tuple(tasks)}
    fields = dict(crew.fields) if crew else {}
    spec = built(CrewSpec, {**named, **data}, fields=fields, report=reading.report, owner="The crew")
    return spec.model_copy(update={"inputs": crew_inputs(spec, crew, found.inputs, reading)})


def _chosen(found: Found, reading: Reading) -> Definition | None:
    """The crew with the most tasks, and of several such the last: the others are drafts or parts of it."""
    if not found.crews:
        if found.format == "python":
            message = "There is no Crew(...) in this source: the crew was made of all its agents and tasks, in order."
            reading.report.info(NOWHERE, message)
        return None
    crews = _once_each(found.crews)
    sizes = [size_of(settled(crew.fields["tasks"].value)) if "tasks" in crew.fields else 0 for crew in crews]
    best = max(range(len(sizes)), key=lambda index: (sizes[index], index))
    if len(crews) > 1:
        others = ", ".join(str(crew.place.line) for index, crew in enumerate(crews) if index != best)
        message = f"There are {len(crews)} crews in this source. This one was imported, as it has the most tasks "
        message += f"({sizes[best]}) or is the last of those; import the others (line {others}) by pasting them alone."
        reading.report.warn(crews[best].place, message)
    return crews[best]


def _once_each(crews: list[Definition]) -> list[Definition]:
    """Crews of one call are one crew that is made several times; the first of them that has inputs stands for all."""
    kept: dict[int, Definition] = {}
    for crew in crews:
        key = id(crew.origin or crew)
        if key not in kept or ("inputs" in crew.fields and "inputs" not in kept[key].fields):
            kept[key] = crew
    return list(kept.values())


def _enlist(field: Field | None, roster: Roster) -> None:
    """Fills a roster with what the crew lists, or with all definitions if its list is made by code."""
    values = listed(field)
    place = field.place if field else NOWHERE
    roster.reading.budget.at(place)
    if values is not None and len(values) > MAX_MEMBERS:
        message = f"the crew lists {len(values):,} {roster.kind}s; at most {MAX_MEMBERS} are read."
        raise UnreadableError(at_line(place, message), place)
    if values is None and field is not None:
        message = f"The crew's {roster.kind}s are put together by code: all {roster.kind}s of the source were taken."
        roster.reading.report.warn(place, message)
    for value in _latest(roster) if values is None else values:
        member = wanted(value, roster, place=place)
        if member is not None:
            roster.add(member)
        elif not isinstance(value, Constant):
            message = f"One of the crew's {roster.kind}s is made by code that could not be followed; it was left out."
            roster.reading.report.warn(place, message)


def _latest(roster: Roster) -> list[Definition]:
    """All definitions except those whose name the source gives to a later one."""
    for definition in roster.pool:
        if definition.replaced:
            message = (
                f"`{definition.name}` is defined again in line {definition.replaced.line}; the later one was taken."
            )
            roster.reading.report.info(definition.place, message)
    return [definition for definition in roster.pool if not definition.replaced]


def _task(task: Definition, agents: Roster, tasks: Roster, reading: Reading, *, assigned: bool) -> TaskSpec:
    """``assigned``: a manager hands the tasks out, so a task need not name an agent."""
    key = tasks.keys[id(task)]
    reading.budget.at(task.place)
    agent = _agent_of(task, agents, reading, key=key)
    if agent is None and "agent" not in task.fields and not assigned and "config" not in task.fields:
        reading.report.warn(task.place, f"Task {key} names no agent; choose one in the editor.")
    return task_spec(task, key=key, agent=agent, context=_context(task, tasks, reading, key=key), reading=reading)


def _agent_of(task: Definition, agents: Roster, reading: Reading, *, key: str) -> str | None:
    field = task.fields.get("agent")
    if field is None:
        return None
    agent = wanted(field.value, agents, place=field.place)
    if agent is None:
        reading.report.warn(field.place, f"Task {key}: its agent is chosen by code; choose one in the editor.")
        return None
    if agents.key_of(agent) is None and agent in agents.pool:
        message = f"Agent {agents.add(agent)} is not in the crew's list, but has the task {key}; it was added."
        reading.report.info(field.place, message)
    return agents.add(agent)


def _context(task: Definition, tasks: Roster, reading: Reading, *, key: str) -> tuple[str, ...] | None:
    field = task.fields.get("context")
    if field is None:
        return None
    reading.budget.at(field.place)
    value = settled(field.value)
    if isinstance(value, Constant) and value.value is None:
        return None
    keys: dict[str, None] = {}
    for item in members(value, reading.budget):
        member = item if isinstance(item, Definition) else _named(item, tasks)
        known = tasks.key_of(member) if member else None
        if known:
            keys[known] = None
            continue
        name = name_meant(item, reading.budget) or getattr(item, "name", "") or "a part"
        message = f"Task {key}: `{name}` in its context is not a task of this crew; it was left out."
        reading.report.warn(field.place, message)
    return tuple(keys)


def _named(value: Value, tasks: Roster) -> Definition | None:
    name = name_meant(settled(value), tasks.reading.budget)
    return tasks.named(name) if name else None


def _manager(crew: Definition | None, agents: Roster) -> str | None:
    field = crew.fields.get("manager_agent") if crew else None
    manager = wanted(field.value, agents, place=field.place) if field else None
    return agents.add(manager) if manager else None


def _say_unused(roster: Roster) -> None:
    origins = {id(member.origin) for member in roster.members if member.origin is not None}
    for definition in roster.pool:
        if id(definition) not in roster.keys and id(definition.origin) not in origins:
            name = definition.name or definition.short
            message = f"The {roster.kind} `{name}` is defined but is not part of the crew; it was left out."
            roster.reading.report.warn(definition.place, message)


def _crew_name(crew: Definition | None, found: Found, reading: Reading) -> str:
    field = crew.fields.get("name") if crew else None
    own = plain_text(settled(field.value), reading.budget) if field else None
    if own and own.strip():
        return " ".join(own.split())[:200]
    for name in map(without_maker, (crew.name if crew else "", found.name)):
        if not is_generic(name) and snake(name) not in ("crew", "agents", "tasks", "agents_tasks"):
            return title(name)[:200]
    return "Imported crew"
