"""``{placeholder}`` in a crew's texts: which inputs the crew takes, and how they are filled in.

A placeholder is letters, digits, ``_`` and ``-`` in single braces. All other braces, such as those of JSON, are plain
text. Regular expressions have no placeholders: ``{4}`` means something else there.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from engine.spec.crew_spec import CrewSpec, QuestionGuardrail, TaskSpec

PLACEHOLDER = re.compile(r"(?<!\{)\{([A-Za-z0-9_][A-Za-z0-9_-]*)\}(?!\})")


def names_in(text: str) -> tuple[str, ...]:
    """The placeholders of a text in order of first use."""
    return tuple(dict.fromkeys(PLACEHOLDER.findall(text)))


def fill(text: str, inputs: Mapping[str, str]) -> str:
    """The text with each placeholder replaced by its input. Those without one stay, and inputs are not filled again."""
    return PLACEHOLDER.sub(lambda match: inputs.get(match[1], match[0]), text)


def input_text(value: Any) -> str:
    """An input's value as prompts show it: lists of plain values joined by commas, other structures as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False, default=str)


def placeholders(spec: CrewSpec) -> tuple[str, ...]:
    """The inputs that a crew takes, in order of first use: in its tasks, then in its agents."""
    return tuple(dict.fromkeys(name for text in _texts(spec) for name in names_in(text)))


def with_inputs(spec: CrewSpec, inputs: Mapping[str, str]) -> CrewSpec:
    """The spec with its placeholders filled, from ``inputs`` first and then from the crew's own."""
    values = dict(spec.inputs) | dict(inputs)
    agents = tuple(
        agent.model_copy(update={name: fill(getattr(agent, name), values) for name in ("role", "goal", "backstory")})
        for agent in spec.agents
    )
    return spec.model_copy(update={"agents": agents, "tasks": tuple(_filled(task, values) for task in spec.tasks)})


def missing_inputs(spec: CrewSpec, inputs: Mapping[str, str]) -> tuple[str, ...]:
    """The placeholders that have no value, neither in ``inputs`` nor among the crew's own."""
    return tuple(name for name in placeholders(spec) if name not in inputs and name not in spec.inputs)


def filled_chars(spec: CrewSpec, inputs: Mapping[str, str]) -> int:
    """How many characters the inputs take where they are filled in, in all texts together."""
    values = dict(spec.inputs) | dict(inputs)
    uses = Counter(name for text in _texts(spec) for name in PLACEHOLDER.findall(text))
    return sum(count * len(values.get(name, "")) for name, count in uses.items())


def _texts(spec: CrewSpec) -> Iterator[str]:
    for task in spec.tasks:
        yield from (task.description, task.expected_output, task.name)
        yield (task.condition and task.condition.contains) or ""
        yield from (guard.question for guard in task.guardrails if isinstance(guard, QuestionGuardrail))
    for agent in spec.agents:
        yield from (agent.role, agent.goal, agent.backstory)


def _filled(task: TaskSpec, values: Mapping[str, str]) -> TaskSpec:
    guardrails = tuple(
        guard.model_copy(update={"question": fill(guard.question, values)})
        if isinstance(guard, QuestionGuardrail)
        else guard
        for guard in task.guardrails
    )
    texts = {name: fill(getattr(task, name), values) for name in ("description", "expected_output", "name")}
    condition = task.condition
    if condition is not None and condition.contains is not None:
        condition = condition.model_copy(update={"contains": fill(condition.contains, values)})
    return task.model_copy(update={**texts, "guardrails": guardrails, "condition": condition})
