"""Puts what a source defines together into one ``CrewSpec``: which crew, its members, their links, inputs and name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from agents_app.formats.budget import UsedUpError
from agents_app.formats.report import NOWHERE, ImportedCrew, UnreadableError, counted, listed
from agents_app.formats.to_spec.agents import agent_spec
from agents_app.formats.to_spec.enlist import MAX_MEMBERS, enlist, roster_of
from agents_app.formats.to_spec.fields import Reading, Tally, built, describe, plain_text
from agents_app.formats.to_spec.members import Roster, listed_by, name_meant, wanted
from agents_app.formats.to_spec.naming import is_generic, snake, title, without_maker
from agents_app.formats.to_spec.tasks import read_condition, task_spec
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Mapping,
    Unknown,
    Value,
    members,
    settled,
)
from agents_app.formats.to_spec.whole.crews import crew_settings, has_memory
from agents_app.formats.to_spec.whole.inputs import crew_inputs
from agents_app.formats.to_spec.whole.several import by_worth, is_aside, once_each
from engine.spec.crew_spec import AgentSpec, Condition, CrewSpec, TaskSpec
from engine.spec.placeholders import placeholders

MAX_CREWS = 30
MAX_SPEC = 2_000_000
MAX_SAID = 60
_PARTS = frozenset(
    {"crew", "crews", "agents", "tasks", "agents_tasks", "config", "configs", "src", "lib", "backend", "init"}
)

_NAMES = {"python": "CrewAI Python", "yaml": "CrewAI YAML", "json": "CrewAI JSON"}
_NOTHING = (
    "No agents and no tasks were found. Paste the Python that calls Agent(...), Task(...) and Crew(...), "
    "agents.yaml and tasks.yaml, or a crew's JSON from here."
)

_NOT_FOLLOWED = "Its agents and tasks are made by code that cannot be followed."


@dataclass(slots=True)
class Found:
    """All that a source defines, in order. ``name`` is the crew's name that the source or its file suggests.

    ``used`` are the entries of YAML files that code uses as configuration, by ``id()``; ``classes`` are Python's;
    ``python``: what its modules define, by the modules' and their own names. ``lent``: agents and tasks whose texts
    others are made of, by ``id()``. ``foreign``: of ``inputs``, those of crews whose module was not given, by ``id()``.
    """

    agents: list[Definition] = field(default_factory=list)
    tasks: list[Definition] = field(default_factory=list)
    crews: list[Definition] = field(default_factory=list)
    inputs: list[Field] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    classes: dict[str, Value] = field(default_factory=dict)
    python: dict[str, dict[str, Value]] = field(default_factory=dict)
    lent: set[int] = field(default_factory=set)
    foreign: set[int] = field(default_factory=set)
    name: str = ""
    format: str = "source"


def assemble(found: Found, reading: Reading) -> list[ImportedCrew]:
    """The crews that the source defines, the best one first; all agents and tasks are one if it defines none.

    Raises ``UnreadableError`` if it defines no part of one, or one too large.
    """
    if max(len(found.agents), len(found.tasks)) > MAX_MEMBERS * MAX_CREWS:
        raise UnreadableError(f"The source makes more than {MAX_MEMBERS} agents or tasks; import a part of it.")
    if not found.crews:
        if found.format == "python":
            _say_no_crew(found, reading)
        return [_assembled(None, found, reading.of_crew())]
    members: set[int] = set()
    made = _told_apart(_different(_all_assembled(by_worth(once_each(found.crews, reading)), found, reading, members)))
    for kind, pool in (("agent", found.agents), ("task", found.tasks)):
        _say_unused(kind, pool, members | found.lent, reading)
    return made


def _say_no_crew(found: Found, reading: Reading) -> None:
    if found.tasks:
        message = "There is no Crew(...) in this source: the crew was made of all its agents and tasks, in order."
        reading.report.info(NOWHERE, message)
    elif found.agents:
        message = "There is no Crew(...) and no task in this source: the crew was made of its agents; add tasks."
        reading.report.warn(NOWHERE, message)


def _all_assembled(crews: list[Definition], found: Found, reading: Reading, members: set[int]) -> list[ImportedCrew]:
    """The crews that can be put together, in order; what stands in the way of the others is said."""
    made: list[ImportedCrew] = []
    faults: list[UnreadableError] = []
    for number, crew in enumerate(crews[:MAX_CREWS]):
        try:
            made.append(_assembled(crew, found, reading.of_crew(crew.place.file), members))
        except UnreadableError as error:
            faults.append(error)
        except UsedUpError as error:
            if not made:
                raise
            reading.report.warn(error.place, f"The other {len(crews) - number} crews were not read: {error}.")
            break
    if not made:
        raise faults[0]
    for fault in faults:
        reading.report.warn(fault.place, f"A crew was left out: {fault}")
    if len(crews) > MAX_CREWS:
        reading.report.warn(NOWHERE, f"Of {len(crews)} crews {MAX_CREWS} were read; import the others by themselves.")
    return made


def _assembled(
    crew: Definition | None, found: Found, reading: Reading, everyone: set[int] | None = None
) -> ImportedCrew:
    """One crew. ``everyone``: ids of all that are members of any crew, to which its own are added."""
    place = crew.place if crew else NOWHERE
    agents = roster_of("agent", _pool(found.agents, crew), found.crews, place, reading)
    tasks = roster_of("task", _once(_pool(found.tasks, crew), crew, reading), found.crews, place, reading)
    for name, roster in (("agents", agents), ("tasks", tasks)):
        if name == "agents" and crew and _has_agents_by_tasks(crew):
            continue
        enlist(crew.fields.get(name) if crew else None, roster, made=place if crew else None)
    if not agents.members and not tasks.members:
        raise _nothing(crew, reading)
    reading.input_names.reserve((*tasks.members, *agents.members))
    data = crew_settings(crew, reading) if crew else {}
    assigned = data.get("process") == "hierarchical"
    if crew and not tasks.members and not tasks.is_absent:
        reading.report.warn(place, "No task of this crew was found; add tasks.")
    task_specs = [_task(task, agents, tasks, reading, assigned=assigned) for task in tasks.members]
    manager = _manager(crew, agents, reading, assigned=assigned)
    if manager:
        data["manager_agent"] = manager
    agent_specs = [agent_spec(agent, key=agents.keys[id(agent)], reading=reading) for agent in agents.members]
    if crew and has_memory(crew, reading):
        agent_specs = [spec.model_copy(update={"memory": True}) for spec in agent_specs]
    _count((agents, tasks), reading, set() if everyone is None else everyone)
    spec = _spec(crew, found, agent_specs, task_specs, data=data, reading=reading)
    if len(spec.model_dump_json()) > MAX_SPEC:
        message = f"The crew has texts of more than {MAX_SPEC:,} characters in all; import a part of it."
        raise UnreadableError(message, place)
    reading.report.headline = headline(spec, _NAMES[found.format], reading.tally)
    return ImportedCrew(
        spec,
        place.file,
        place.line,
        not is_aside(place.file),
        reading.tally.understood,
        tuple(reading.tally.tools.values()),
        reading.report.notes(),
    )


def _has_agents_by_tasks(crew: Definition) -> bool:
    """Whether a crew lists no agents because each of its tasks names one."""
    tasks = [settled(task) for task in listed_by(crew.fields.get("tasks")) or []]
    named = [isinstance(task, Definition) and "agent" in task.fields for task in tasks]
    return "agents" not in crew.fields and bool(named) and all(named)


def _pool(parts: list[Definition], crew: Definition | None) -> list[Definition]:
    """The parts that may be a crew's: a crew that is made of all has none of tests and examples, unless all are."""
    own = [part for part in parts if not is_aside(part.place.file)] if crew is None else []
    return own or parts


def _once(tasks: list[Definition], crew: Definition | None, reading: Reading) -> list[Definition]:
    """The tasks without those of a loop's later rounds that are the same but for what only a run shows, which is said;
    a crew of the source has what it lists."""
    if crew is not None:
        return tasks
    for loop in dict.fromkeys(task.again for task in tasks if task.again):
        message = "The rounds of this loop make the same tasks but for what only a run shows: it was read once."
        reading.report.warn(loop, message)
    return [task for task in tasks if task.again is None]


def _nothing(crew: Definition | None, reading: Reading) -> UnreadableError:
    """Why there is no crew: its parts come from modules that were not given, or are nowhere to be found."""
    fields = crew.fields if crew else {}
    lists = [settled(fields[name].value) for name in ("agents", "tasks") if name in fields]
    origins = [origin for value in lists if (origin := reading.absent.origin(value))]
    if not origins:
        return UnreadableError(_NOT_FOLLOWED if crew else _NOTHING, crew.place if crew else NOWHERE)
    modules = list(dict.fromkeys(f"`{origin.module}`" for origin in origins))
    what = "which is not among the files: import it" if len(modules) == 1 else "which are not given: import them"
    return UnreadableError(f"Its agents and tasks come from {listed(modules)}, {what} too.", origins[0].place)


def _count(rosters: Iterable[Roster], reading: Reading, everyone: set[int]) -> None:
    for roster in rosters:
        reading.tally.members[roster.kind] += len(roster.members)
        everyone |= {id(part) for member in roster.members for part in (member, member.origin) if part is not None}
        everyone |= set(roster.keys)


def headline(spec: CrewSpec, kind: str, tally: Tally) -> str:
    """What was read, whether texts are missing, and how much was understood."""
    agents, tasks = counted(len(spec.agents), "agent"), counted(len(spec.tasks), "task")
    names = placeholders(spec)
    inputs = f"inputs: {listed(names)}" if names else "no inputs"
    text = f"Read as {kind}: {agents}, {tasks}, {spec.process}; {inputs}."
    if tally.lost_texts:
        verb = "is" if tally.lost_texts == 1 else "are"
        text += (
            f" {tally.lost_texts} of {tally.texts} texts {verb} missing: the crew cannot run before they are written."
        )
    return text


def _different(crews: list[ImportedCrew]) -> list[ImportedCrew]:
    """Each crew once; of several, those without tasks are not meant."""
    by_hash = {crew.spec.content_hash: crew for crew in reversed(crews)}
    kept = [crew for crew in crews if by_hash[crew.spec.content_hash] is crew]
    return [replace(crew, meant=crew.meant and bool(crew.spec.tasks)) for crew in kept] if len(kept) > 1 else kept


def _told_apart(crews: list[ImportedCrew]) -> list[ImportedCrew]:
    """Crews of one name get numbers in the order of the source, but for the first of them; no other has such a name."""
    taken = {crew.spec.name for crew in crews}
    numbers: Counter[str] = Counter()
    told: dict[int, ImportedCrew] = {id(crew): crew for crew in crews}
    for crew in sorted(crews, key=lambda crew: (crew.file, crew.line or 0)):
        name = crew.spec.name
        numbers[name] += 1
        if numbers[name] == 1:
            continue
        while (numbered := f"{name[:190]} {numbers[name]}") in taken:
            numbers[name] += 1
        taken.add(numbered)
        told[id(crew)] = replace(crew, spec=crew.spec.model_copy(update={"name": numbered}))
    return [told[id(crew)] for crew in crews]


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
    return spec.model_copy(update={"inputs": crew_inputs(spec, crew, found.inputs, reading, found.foreign)})


def _task(task: Definition, agents: Roster, tasks: Roster, reading: Reading, *, assigned: bool) -> TaskSpec:
    """``assigned``: a manager hands the tasks out, so a task need not name an agent."""
    key = tasks.keys[id(task)]
    reading.budget.at(task.place)
    agent = _agent_of(task, agents, reading, key=key)
    if agent is None and "agent" not in task.fields and not assigned and "config" not in task.fields:
        reading.report.warn(task.place, f"Task {key} names no agent; choose one in the editor.")
    context, condition = _context(task, tasks, reading, key=key), _condition(task, tasks, reading)
    return task_spec(task, key=key, agent=agent, context=context, condition=condition, reading=reading)


def _condition(task: Definition, tasks: Roster, reading: Reading) -> Condition | None:
    """A condition looks at the task that it names, or else at the one before."""
    field = task.fields.get("condition")
    value = settled(field.value) if field else None
    if field is None or not isinstance(value, Definition):
        return None
    named = settled(value.args[0].value) if value.args else None
    position = tasks.members.index(task)
    before = tasks.members[position - 1] if position else None
    looked_at = named if isinstance(named, Definition) and named.kind == "task" else before
    key = tasks.key_of(looked_at) if looked_at is not None else None
    return read_condition(field, task=key, reading=reading) if key else None


def _agent_of(task: Definition, agents: Roster, reading: Reading, *, key: str) -> str | None:
    field = task.fields.get("agent")
    if field is None:
        return None
    agent = wanted(field.value, agents, place=field.place)
    if agent is None:
        reading.report.warn(field.place, f"Task {key}: its agent is chosen by code; choose one in the editor.")
        return None
    if agents.key_of(agent) is None and agent in agents.pool and agents.members:
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
    items = list(members(value, reading.budget))
    for item in items:
        member = item if isinstance(item, Definition) else _named(item, tasks)
        known = tasks.key_of(member) if member else None
        if known:
            keys[known] = None
            continue
        reading.report.warn(field.place, f"Task {key}: {_no_task(settled(item), reading)}")
    is_open = bool(items) and all(isinstance(settled(item), Unknown) for item in items)  # nobody knows what it lists
    return None if is_open and not keys else tuple(keys)


def _no_task(item: Value, reading: Reading) -> str:
    """What is amiss with something in a task's context that is no task."""
    if isinstance(item, Mapping):
        entries = (plain_text(settled(entry.value), reading.budget) for entry in item.fields.values())
        said = next((f" ({text[:MAX_SAID]})" for text in entries if text), "")
        return f"a dictionary in its context is no task{said}; put what it says into the description."
    name = name_meant(item, reading.budget) or getattr(item, "name", "") or describe(item)
    return f"`{name[:MAX_SAID]}` in its context is not a task of this crew; it was left out."


def _named(value: Value, tasks: Roster) -> Definition | None:
    name = name_meant(settled(value), tasks.reading.budget)
    return tasks.named(name) if name else None


def _manager(crew: Definition | None, agents: Roster, reading: Reading, *, assigned: bool) -> str | None:
    """``assigned``: the process has a manager hand the tasks out; without it CrewAI does not use one."""
    field = crew.fields.get("manager_agent") if crew else None
    if field and not assigned:
        if not isinstance(settled(field.value), Constant):
            reading.report.warn(field.place, "manager_agent has no effect in this process; it was left out.")
        return None
    manager = wanted(field.value, agents, place=field.place) if field else None
    return agents.add(manager) if manager else None


def _say_unused(kind: str, pool: list[Definition], members: set[int], reading: Reading) -> None:
    for definition in pool:
        if not members & {id(definition), id(definition.origin)} and not is_aside(definition.place.file):
            name = definition.name or definition.short
            message = f"The {kind} `{name}` is defined but is not part of the crew; it was left out."
            reading.report.warn(definition.place, message)


def _crew_name(crew: Definition | None, found: Found, reading: Reading) -> str:
    field = crew.fields.get("name") if crew else None
    own = plain_text(settled(field.value), reading.budget) if field else None
    if own and own.strip():
        return " ".join(own.split())[:200]
    file = crew.place.file if crew else ""
    written = crew.name if crew else ""
    own_name = written if crew and not crew.is_named_by_maker and is_generic(without_maker(written)) else ""
    names = (without_maker(written), own_name, *map(without_maker, names_of_file(file) if file else (found.name,)))
    last = written if len(found.crews) > 1 and written.strip("_") != "crew" else ""
    for name in (*names, last):
        if not is_generic(name) and snake(name) not in _PARTS:
            return title(name)[:200]
    return "Imported crew"


def names_of_file(path: str) -> list[str]:
    """What a file's own name and those of its folders may say of a crew, the nearest first."""
    *folders, name = path.split("/")
    return [name.partition(".")[0], *reversed(folders)]
