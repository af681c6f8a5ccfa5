r"""``{placeholder}`` in a crew's texts: which inputs the crew takes, and how they are filled in.

A name begins with a letter of any alphabet or ``_``; letters, digits, ``_`` and ``-`` follow. ``{{name}}`` is the text
``{name}``, ``{{{name}}}`` an input between braces, and so on. All other braces, such as those of JSON, regular
expressions and formulas (``{"a": 1}``, ``\d{4}``, ``\frac{1}{2}``), are plain text.

A text that an import could not bring has a mark in its place, which no input fills, so that no crew runs without it
unnoticed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unicodedata import normalize

from engine.spec.crew_spec import CrewSpec, QuestionGuardrail, TaskSpec

BRACED = re.compile(r"(?<!\{)(\{++)([^\s{}]++)(\}++)")
"""What stands in as many braces as there are on both sides. Linear: a run of braces is tried once."""
_BEGINNING = "[not imported: "
_MARK = re.compile(r"\[not imported: ([^\]\n]{0,300})\]")
_UNFIT = re.compile(r"[\]\[{}\s]+")


def names_in(text: str) -> tuple[str, ...]:
    """The placeholders of a text in order of first use."""
    return tuple(dict.fromkeys(_uses(text)))


def fill(text: str, inputs: Mapping[str, str]) -> str:
    """The text with each placeholder replaced by its input. Those without one stay, and inputs are not filled again."""
    return with_braces(text, lambda name, braces: _filled_in(name, braces, inputs))


def is_name(text: str) -> bool:
    """Whether an input may be called so."""
    return text.replace("-", "_").isidentifier() and not text.startswith("-")


def with_braces(text: str, instead: Callable[[str, int], str | None]) -> str:
    """The text with another one for each name in braces. ``instead`` takes the name and how many braces stand on both
    sides of it; what it gives takes the place of all of that, None leaves it."""

    def replaced(match: re.Match[str]) -> str:
        opened, name, closed = match.groups()
        braces = min(len(opened), len(closed))
        new = instead(name, braces) if is_name(name) else None
        return match[0] if new is None else f"{opened[braces:]}{new}{closed[braces:]}"

    return BRACED.sub(replaced, text)


def input_text(value: Any) -> str:
    """An input's value as prompts show it: lists of plain values joined by commas, other structures as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return ", ".join(map(input_text, value))
    return json.dumps(value, ensure_ascii=False, default=str)


def input_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Inputs as ``input_text`` says them. What is null is not given, so that the crew's own value stays."""
    return {name: input_text(value) for name, value in values.items() if value is not None}


def placeholders(spec: CrewSpec) -> tuple[str, ...]:
    """The inputs that a crew takes, in order of first use: in its tasks, then in its agents."""
    return tuple(dict.fromkeys(name for text in _texts(spec) for name in names_in(text)))


def with_inputs(spec: CrewSpec, inputs: Mapping[str, str]) -> CrewSpec:
    """The spec with its placeholders filled, from ``inputs`` first and then from the crew's own."""
    values = _values(spec, inputs)
    agents = tuple(
        agent.model_copy(update={name: fill(getattr(agent, name), values) for name in ("role", "goal", "backstory")})
        for agent in spec.agents
    )
    return spec.model_copy(update={"agents": agents, "tasks": tuple(_filled(task, values) for task in spec.tasks)})


def missing_inputs(spec: CrewSpec, inputs: Mapping[str, str]) -> tuple[str, ...]:
    """The placeholders that have no value, neither in ``inputs`` nor among the crew's own."""
    values = _values(spec, inputs)
    return tuple(name for name in placeholders(spec) if name not in values)


def unused_inputs(spec: CrewSpec, inputs: Mapping[str, str]) -> tuple[str, ...]:
    """The inputs that no text of the crew uses, in their order."""
    used = set(placeholders(spec))
    return tuple(name for name in inputs if normalize("NFC", name) not in used)


def filled_chars(spec: CrewSpec, inputs: Mapping[str, str]) -> int:
    """How many characters the inputs take where they are filled in, in all texts together."""
    values = _values(spec, inputs)
    uses = Counter(name for text in _texts(spec) for name in _uses(text))
    return sum(count * len(values.get(name, "")) for name, count in uses.items())


def _filled_in(name: str, braces: int, inputs: Mapping[str, str]) -> str | None:
    value = inputs.get(normalize("NFC", name)) if braces % 2 else name
    return None if value is None else _braced(value, braces // 2)


def _braced(text: str, braces: int) -> str:
    return f"{'{' * braces}{text}{'}' * braces}"


def _uses(text: str) -> Iterator[str]:
    """Each use of a placeholder."""
    for opened, name, closed in BRACED.findall(text):
        if min(len(opened), len(closed)) % 2 and is_name(name):
            yield normalize("NFC", name)


def _values(spec: CrewSpec, inputs: Mapping[str, str]) -> dict[str, str]:
    """All inputs. An accent may be typed as one character with its letter or after it: both are one name."""
    return {normalize("NFC", name): value for name, value in (*spec.inputs.items(), *inputs.items())}


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


def lost(what: str) -> str:
    """The mark that takes a text's place; ``what`` says which text it is and why it is missing."""
    return f"{_BEGINNING}{_UNFIT.sub(' ', what)[:300].strip()}]"


def why_lost(text: str) -> str:
    """What a text says about itself that was not imported; "" if it holds no such mark."""
    match = _MARK.search(text) if _BEGINNING in text else None
    return match[1] if match else ""


def lost_texts(spec: CrewSpec) -> Iterator[tuple[str, str]]:
    """The path of each field whose text was not imported, and what is said of it."""
    for agent in spec.agents:
        for name in ("role", "goal", "backstory"):
            if why := why_lost(getattr(agent, name)):
                yield f"agents.{agent.key}.{name}", why
    for task in spec.tasks:
        for name in ("description", "expected_output"):
            if why := why_lost(getattr(task, name)):
                yield f"tasks.{task.key}.{name}", why
