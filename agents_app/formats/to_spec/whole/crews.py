"""Reads a source's definition of a crew: process, models, limits. ``members`` reads its agents and tasks."""

from __future__ import annotations

from typing import Any

from agents_app.formats.to_spec.agents import NO_CODE, plain_fields, say_dropped
from agents_app.formats.to_spec.fields import Reading, describe
from agents_app.formats.to_spec.llms import read_llm
from agents_app.formats.to_spec.values import Constant, Definition, Field, Text, settled

_PLAIN = {"cache": "cache", "max_rpm": "max_rpm", "planning": "planning"}
_OWN = frozenset(
    {
        *_PLAIN,
        "agents",
        "tasks",
        "name",
        "process",
        "manager_llm",
        "manager_agent",
        "planning_llm",
        "memory",
        "inputs",
        "description",
        "id",
    }
)
_WHY_NOT = {
    "short_term_memory": "memory is notes that each agent takes here",
    "long_term_memory": "memory is notes that each agent takes here",
    "entity_memory": "memory is notes that each agent takes here",
    "external_memory": "memory is notes that each agent takes here",
    "memory_config": "memory is notes that each agent takes here",
    "embedder": "documents are added in the team, not in the crew",
    "knowledge": "documents are added in the team, not in the crew",
    "knowledge_sources": "documents are added in the team, not in the crew",
    "function_calling_llm": "one model both reasons and calls tools here",
    "step_callback": NO_CODE,
    "task_callback": NO_CODE,
    "before_kickoff_callbacks": NO_CODE,
    "after_kickoff_callbacks": NO_CODE,
    "prompt_file": "prompts are built here, and are not templates",
    "language": "write the language that you want into the tasks",
    "full_output": "every task's output is kept here",
    "stream": "progress is always shown live here",
    "chat_llm": "there is no chat with a crew here",
}
_PROCESSES = {"sequential": "sequential", "hierarchical": "hierarchical", "parallel": "parallel"}


def crew_settings(crew: Definition, reading: Reading) -> dict[str, Any]:
    """``CrewSpec``'s fields without the name, the agents and tasks, and the manager's agent."""
    fields = crew.fields
    data: dict[str, Any] = {"process": _process(fields.get("process"), reading)}
    for name in ("manager_llm", "planning_llm"):
        llm = read_llm(fields.get(name), reading, owner=f"The crew's {name}")
        if llm is not None:
            data[name] = llm
    data.update(plain_fields(fields, _PLAIN, reading, owner="The crew"))
    say_dropped(fields, reading, owner="The crew", known=_OWN, reasons=_WHY_NOT)
    return data


def has_memory(crew: Definition, reading: Reading) -> bool:
    """Whether the crew gives all its agents a memory."""
    field = crew.fields.get("memory")
    value = settled(field.value) if field is not None else None
    if field is None or (isinstance(value, Constant) and not value.value):
        return False
    reading.report.info(field.place, "memory: every agent takes notes, and recalls them in later runs.")
    return True


def _process(field: Field | None, reading: Reading) -> str:
    if field is None:
        return "sequential"
    value = settled(field.value)
    if isinstance(value, Constant) and value.value is None:
        return "sequential"
    named = value.template if isinstance(value, Text) else describe(value)
    process = _PROCESSES.get(named.rpartition(".")[2].lower())
    if process is None:
        message = f"The process {named} is not known; sequential is used."
        reading.report.warn(field.place, message)
    return process or "sequential"
