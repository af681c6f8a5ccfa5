"""Recognises the calls that define parts of a crew, by what was imported and by the arguments."""

from __future__ import annotations

import ast

from agents_app.formats.to_spec.llms import PREFIX_BY_CLASS
from agents_app.formats.to_spec.values import Field, Kind

_AGENTS = frozenset({"Agent", "LiteAgent"})
_TASKS = frozenset({"Task", "ConditionalTask"})
CHECKS = frozenset({"length_check", "pattern_check", "schema_check"})
"""Functions that our own exports define: a call of one makes a guardrail."""
CONDITION = "condition_check"
"""The function of our own exports that a task's condition calls."""
_GUARDRAILS = frozenset({"LLMGuardrail"}) | CHECKS
_OURS = ("crewai", "engine", "crewsite")
_SIGNS: dict[Kind, frozenset[str]] = {
    "agent": frozenset({"role", "goal", "backstory", "config"}),
    "task": frozenset({"description", "expected_output", "config"}),
    "crew": frozenset({"agents", "tasks"}),
}
_TELLING: dict[Kind, frozenset[str]] = {
    "agent": frozenset({"role", "goal", "backstory"}),
    "task": frozenset({"description", "expected_output"}),
}
"""What a class is given that makes such, whatever its name and wherever it comes from."""


def is_part(name: str) -> bool:
    """Whether it is the name of a class of CrewAI, or of a model's class, which listings use without importing it."""
    return name in _AGENTS | _TASKS | {"Crew", "Process"} or name in PREFIX_BY_CLASS


def is_model(called: ast.expr) -> bool:
    """Whether a call of this makes a model, by its name."""
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name in PREFIX_BY_CLASS


def is_foreign(path: str) -> bool:
    """Whether a class is none of those whose calls make parts of a crew."""
    return path.rpartition(".")[2] not in _AGENTS | _TASKS | {"Crew"}


def kind_of(path: str, fields: dict[str, Field]) -> Kind:
    """What a call of ``path`` with these keyword arguments defines.

    ``Agent``, ``Task`` and ``Crew`` of CrewAI, or not imported at all, always count; those of other packages only if
    their arguments are those of a crew's parts: other libraries have an Agent or a Task of their own.
    """
    root, name = path.partition(".")[0], path.rpartition(".")[2]
    if name in PREFIX_BY_CLASS:
        return "llm"
    if name in _GUARDRAILS:
        return "guardrail"
    kind: Kind
    if name in _AGENTS:
        kind = "agent"
    elif name in _TASKS:
        kind = "task"
    elif name == "Crew":
        kind = "crew"
    else:
        is_class = name[:1].isupper() and not name.endswith("Output")
        by_fields = (kind for kind, telling in _TELLING.items() if is_class and telling <= fields.keys())
        return next(by_fields, "tool" if name.endswith("Tool") else "other")
    bare = "." not in path
    return kind if root in _OURS or bare or _SIGNS[kind] & fields.keys() else "other"
