"""Agents that are asked directly, as in ``agent.kickoff("Find bees")``: each question becomes a task of that agent."""

from __future__ import annotations

import ast

from agents_app.formats.python.frames import Frame, World
from agents_app.formats.to_spec.naming import first_words
from agents_app.formats.to_spec.values import Definition, Field, Items, Mapping, Text, Value, settled

_QUESTIONS = ("messages", "prompt", "query", "message")


def asked_of(
    agent: Definition, node: ast.Call, args: list[Value], fields: dict[str, Field], frame: Frame
) -> Definition | None:
    """The task that a call of an agent's ``kickoff`` amounts to, which is kept; None if nothing is asked."""
    given = Field(args[0], frame.place(node)) if args else next((fields[n] for n in _QUESTIONS if n in fields), None)
    question = _question(given.value) if given else None
    if given is None or question is None:
        return None
    world = frame.world
    known = world.asked.get(id(node))
    if known is not None:
        return known
    about = {"description": Field(question, given.place), "agent": Field(agent, given.place)}
    about["expected_output"] = Field(Text(""), given.place)
    if "response_format" in fields:
        about["output_pydantic"] = fields["response_format"]
    name = agent.name or "agent"
    words = first_words(question.template) if isinstance(question, Text) else ""
    task = Definition("task", "crewai.Task", frame.place(node), about, name=words or f"ask_{name}", origin=node)
    world.asked[id(node)] = task
    world.budget.pay_elements(1)
    world.found.tasks.append(task)
    world.reading.report.info(task.place, f"The agent `{name}` is asked directly here: this became a task.")
    return task


def _question(value: Value) -> Value | None:
    """The text that is asked, or what would compute it; of a list of messages the last one of the user."""
    value = settled(value)
    if isinstance(value, Items):
        contents = [
            item.fields["content"].value
            for item in value.items
            if isinstance(item, Mapping) and "content" in item.fields
        ]
        return contents[-1] if contents else None
    return None if isinstance(value, Mapping) else value


def crews_of_asked(world: World) -> None:
    """Beside other crews, the questions of each file are a crew of their own; alone they are the source's crew."""
    if not world.found.crews:
        return
    by_file: dict[str, list[Definition]] = {}
    for task in world.asked.values():
        by_file.setdefault(task.place.file, []).append(task)
    for tasks in by_file.values():
        agents = list({id(agent): agent for task in tasks if (agent := task.fields["agent"].value)}.values())
        members = {"agents": Field(Items(agents), tasks[0].place), "tasks": Field(Items(list(tasks)), tasks[0].place)}
        crew = Definition("crew", "crewai.Crew", tasks[0].place, members, name="agents_asked_directly", origin=tasks[0])
        world.found.crews.append(crew)
