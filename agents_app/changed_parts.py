"""What an edit changed in a crew, in short and by names: for the log, which holds no text that people wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.spec.crew_spec import AgentSpec, CrewSpec, Spec, TaskSpec

MAX_NAMED = 12
"""Parts that are named of each sort; how many more there are is said."""
PARTS = ("agents", "tasks")
IN_WORDS = ("name", "process")
"""Fields of a crew whose values are short and no prompts."""


def changed_parts(before: CrewSpec, after: CrewSpec) -> dict[str, Any]:
    """Empty if nothing differs. Agents and tasks are matched by key."""
    own = [name for name in _differing(before, after) if name not in PARTS]
    told: dict[str, Any] = {
        name: f"{getattr(before, name)} → {getattr(after, name)}" for name in own if name in IN_WORDS
    }
    if others := [name for name in own if name not in IN_WORDS]:
        told["settings"] = ", ".join(others)
    for kind in PARTS:
        told |= _parts(kind, getattr(before, kind), getattr(after, kind))
    if models := _models(before.agents, after.agents):
        told["models"] = _listed(models)
    return told


def _parts(kind: str, before: Sequence[AgentSpec | TaskSpec], after: Sequence[AgentSpec | TaskSpec]) -> dict[str, str]:
    old, new = ({part.key: part for part in parts} for parts in (before, after))
    both = [key for key in new if key in old]
    named = {
        "added": [key for key in new if key not in old],
        "removed": [key for key in old if key not in new],
        "changed": [f"{key} ({', '.join(fields)})" for key in both if (fields := _differing(old[key], new[key]))],
    }
    told = {f"{kind}_{what}": _listed(keys) for what, keys in named.items() if keys}
    if both != [key for key in old if key in new]:
        told[f"{kind}_order"] = "changed"
    return told


def _models(before: Iterable[AgentSpec], after: Iterable[AgentSpec]) -> list[str]:
    old = {agent.key: agent.llm.model for agent in before}
    return [
        f"{agent.key}: {old[agent.key]} → {agent.llm.model}"
        for agent in after
        if agent.key in old and old[agent.key] != agent.llm.model
    ]


def _differing(before: Spec, after: Spec) -> list[str]:
    return [name for name in type(after).model_fields if getattr(before, name) != getattr(after, name)]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
