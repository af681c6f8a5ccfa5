"""Turns a draft's rows into a spec and back. It checks nothing: rows hold only values that the spec models accept."""

from __future__ import annotations

from typing import Any

from agents_app.models import Agent, Crew, Task
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec

AGENT_COLUMNS = ("key", "role", "goal", "backstory", "llm", "tools")
TASK_COLUMNS = ("key", "name", "description", "expected_output", "agent", "context", "async_execution", "output_schema")
CREW_COLUMNS = ("name", "description", "process", "inputs")


def spec_of(crew: Crew) -> CrewSpec:
    """The draft as it stands, finished or not. Two queries; none if agents and tasks are prefetched."""
    return CrewSpec(
        **{column: getattr(crew, column) for column in CREW_COLUMNS},
        agents=agents_of(crew),
        tasks=tuple(_task_spec(task) for task in crew.tasks.all()),
        **crew.options,
    )


def agents_of(crew: Crew) -> tuple[AgentSpec, ...]:
    """The draft's agents alone. One query; none if they are prefetched."""
    return tuple(agent_spec(agent) for agent in crew.agents.all())


def write_spec(crew: Crew, spec: CrewSpec) -> None:
    """Replaces the draft's agents, tasks and settings by those of a spec. The caller opens the transaction."""
    write_crew_fields(crew, spec)
    crew.save()
    crew.agents.all().delete()
    crew.tasks.all().delete()
    Agent.objects.bulk_create(agent_row(crew, position, agent) for position, agent in enumerate(spec.agents))
    Task.objects.bulk_create(task_row(crew, position, task) for position, task in enumerate(spec.tasks))


def write_crew_fields(crew: Crew, spec: CrewSpec) -> None:
    """Sets the crew's own columns from a spec, without saving; agents and tasks stay."""
    data = spec.to_json()
    for column in CREW_COLUMNS:
        setattr(crew, column, getattr(spec, column))
    crew.options = _others(data, (*CREW_COLUMNS, "agents", "tasks"))


def agent_row(crew: Crew, position: int, spec: AgentSpec) -> Agent:
    """An unsaved row for the agent."""
    data = spec.to_json()
    columns = {column: data[column] for column in AGENT_COLUMNS if column in data}
    return Agent(crew=crew, position=position, options=_others(data, AGENT_COLUMNS), **columns)


def task_row(crew: Crew, position: int, spec: TaskSpec) -> Task:
    """An unsaved row for the task."""
    data = spec.to_json()
    columns = {column: data[column] for column in TASK_COLUMNS if column in data}
    return Task(crew=crew, position=position, options=_others(data, TASK_COLUMNS), **columns)


def agent_spec(agent: Agent) -> AgentSpec:
    return AgentSpec(**{column: getattr(agent, column) for column in AGENT_COLUMNS}, **agent.options)


def _task_spec(task: Task) -> TaskSpec:
    columns = {column: getattr(task, column) for column in TASK_COLUMNS} | {"agent": task.agent or None}
    return TaskSpec(**columns, **task.options)


def _others(data: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in columns}
