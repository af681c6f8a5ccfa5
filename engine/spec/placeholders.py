"""``{placeholder}`` in any text: which inputs a crew takes, and the texts with their values filled in.

A placeholder is letters, digits, ``_`` and ``-`` in single braces; every other brace, such as those of JSON, is text.
Patterns have none: ``{4}`` means something else in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.spec.crew_spec import CrewSpec, QuestionGuardrail

PLACEHOLDER = re.compile(r"(?<!\{)\{([A-Za-z0-9_][A-Za-z0-9_-]*)\}(?!\})")


def names_in(text: str) -> tuple[str, ...]:
    """The placeholders of a text in order of first use."""
    return tuple(dict.fromkeys(PLACEHOLDER.findall(text)))


def fill(text: str, inputs: Mapping[str, str]) -> str:
    """The text with each placeholder that has an input replaced by it, once: what an input contains is not filled
    again.
    """
    return PLACEHOLDER.sub(lambda match: inputs.get(match[1], match[0]), text)


def input_text(value: Any) -> str:
    """An input's value as the prompts hold it: lists of plain values joined by commas, other structures as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False, default=str)


def placeholders(spec: CrewSpec) -> tuple[str, ...]:
    """The inputs a crew takes, in order of first use in its tasks and then its agents."""
    return tuple(dict.fromkeys(name for text in _texts(spec) for name in names_in(text)))


def missing_inputs(spec: CrewSpec, inputs: Mapping[str, str]) -> tuple[str, ...]:
    """Placeholders that neither the inputs nor the crew's defaults give a value for."""
    return tuple(name for name in placeholders(spec) if name not in inputs and name not in spec.inputs)


def _texts(spec: CrewSpec) -> Iterator[str]:
    for task in spec.tasks:
        yield from (task.description, task.expected_output, task.name)
        yield (task.condition and task.condition.contains) or ""
        yield from (rail.question for rail in task.guardrails if isinstance(rail, QuestionGuardrail))
    for agent in spec.agents:
        yield from (agent.role, agent.goal, agent.backstory)
