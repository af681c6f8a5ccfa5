"""How large a crew may be. Pages, plans and checks are made to be quick for crews within these limits.

A crew from before a limit may be larger: it is opened and shown, and may be changed as long as it does not grow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.spec.crew_spec import (
    AgentSpec,
    CrewSpec,
    QuestionGuardrail,
    RegexGuardrail,
    SchemaGuardrail,
    TaskSpec,
)
from engine.spec.placeholders import filled_chars, placeholders

MAX_TASKS = 500
MAX_AGENTS = 200
MAX_READ = 5_000
"""Tasks named as context, in all tasks together."""
MAX_TOOLS = 2_000
"""In all agents and tasks together."""
MAX_CHECKS = 100
"""Different schemas and patterns. Each is tried out in a child process, whose findings are kept for as many."""
MAX_INPUTS = 200
MAX_INPUT_NAME_CHARS = 100
MAX_TEXT_CHARS = 100_000
MAX_CHARS = 1_000_000
"""Of the whole crew as JSON."""
MAX_FILLED_CHARS = 10_000_000
"""Of inputs where they are filled in, in all texts of a run together."""


@dataclass(frozen=True, slots=True)
class Excess:
    """A limit that a crew is above. ``field`` is the path by keys, ``amount`` is how much is there.

    ``code`` is ``too_large``, or ``line_break`` where a name has several lines.
    """

    field: str
    amount: int
    message: str
    code: str = "too_large"


def excesses(spec: CrewSpec) -> tuple[Excess, ...]:
    """Every limit that the crew is above."""
    return tuple(
        Excess(field, amount, f"{message}; here are {amount:,}.")
        for field, amount, most, message in (*_counts(spec), *_texts(spec))
        if amount > most
    ) + tuple(_broken_names(spec))


def filling_fault(spec: CrewSpec, inputs: Mapping[str, str]) -> str:
    """What to change if the inputs, filled in, would make the crew's texts too long; else ""."""
    chars = filled_chars(spec, inputs)
    if chars <= MAX_FILLED_CHARS:
        return ""
    return (
        f"Filled in wherever the crew uses them, the inputs take {chars:,} characters; {MAX_FILLED_CHARS:,} are the "
        "most. Shorten them, or use them in fewer places."
    )


def growth(over: tuple[Excess, ...], before: CrewSpec) -> tuple[Excess, ...]:
    """Of ``over``, the excesses that are greater than they were ``before``.

    A part whose key is changed is the same part: a text counts as greater only if those of its kind are in all.
    """
    earlier = excesses(before)
    amounts = {(excess.field, excess.code): excess.amount for excess in earlier}
    amounts_now, amounts_earlier = _by_kind(over), _by_kind(earlier)
    return tuple(
        excess
        for excess in over
        if excess.amount > amounts.get((excess.field, excess.code), 0)
        and _are_greater(amounts_now[_kind(excess)], amounts_earlier.get(_kind(excess), []))
    )


def _kind(excess: Excess) -> tuple[str, str, str]:
    """The excess's field without the key in it, and its code."""
    part, _, rest = excess.field.partition(".")
    return part, "" if part == "inputs" else rest.rpartition(".")[2], excess.code


def _by_kind(over: tuple[Excess, ...]) -> dict[tuple[str, str, str], list[int]]:
    """The amounts of each kind, the greatest first."""
    kinds: dict[tuple[str, str, str], list[int]] = {}
    for excess in sorted(over, key=lambda excess: -excess.amount):
        kinds.setdefault(_kind(excess), []).append(excess.amount)
    return kinds


def _are_greater(now: list[int], earlier: list[int]) -> bool:
    return len(now) > len(earlier) or any(amount > before for amount, before in zip(now, earlier, strict=False))


def _counts(spec: CrewSpec) -> Iterator[tuple[str, int, int, str]]:
    """Field, amount, limit, and what to say."""
    inputs = {*placeholders(spec), *spec.inputs}
    read = sum(len(task.context or ()) for task in spec.tasks)
    tools = sum(len(agent.tools) for agent in spec.agents) + sum(len(task.tools or ()) for task in spec.tasks)
    longest = max(map(len, inputs), default=0)
    chars = len(spec.model_dump_json(exclude_defaults=True))
    yield "tasks", len(spec.tasks), MAX_TASKS, f"A crew has at most {MAX_TASKS:,} tasks"
    yield "agents", len(spec.agents), MAX_AGENTS, f"A crew has at most {MAX_AGENTS:,} agents"
    yield "tasks.context", read, MAX_READ, f"Tasks name at most {MAX_READ:,} others as context, all together"
    yield "tools", tools, MAX_TOOLS, f"Agents and tasks use at most {MAX_TOOLS:,} tools, all together"
    yield "tasks.checks", _checks(spec), MAX_CHECKS, f"Tasks use at most {MAX_CHECKS} different schemas and patterns"
    yield "inputs", len(inputs), MAX_INPUTS, f"A crew takes at most {MAX_INPUTS} inputs"
    yield "inputs.name", longest, MAX_INPUT_NAME_CHARS, f"An input's name has at most {MAX_INPUT_NAME_CHARS} characters"
    yield "crew", chars, MAX_CHARS, f"A crew has at most {MAX_CHARS:,} characters as JSON"


def _checks(spec: CrewSpec) -> int:
    """How many different schemas and patterns the tasks use."""
    used: set[str] = set()
    for task in spec.tasks:
        schemas = [rail.json_schema for rail in task.guardrails if isinstance(rail, SchemaGuardrail)]
        schemas += [task.output_schema] if task.output_schema is not None else []
        used |= {json.dumps(schema) for schema in schemas}
        used |= {rail.pattern for rail in task.guardrails if isinstance(rail, RegexGuardrail)}
        if task.condition is not None and task.condition.matches is not None:
            used.add(task.condition.matches)
    return len(used)


def _texts(spec: CrewSpec) -> Iterator[tuple[str, int, int, str]]:
    for field, text in _long_texts(spec):
        yield field, len(text), MAX_TEXT_CHARS, f"A text has at most {MAX_TEXT_CHARS:,} characters"


def _broken_names(spec: CrewSpec) -> Iterator[Excess]:
    for field, name in _names(spec):
        breaks = len(f"{name}.".splitlines()) - 1
        if breaks:
            yield Excess(field, breaks, "A name stands on one line. Take the line break out.", "line_break")


def _names(spec: CrewSpec) -> Iterator[tuple[str, str]]:
    yield "name", spec.name
    for task in spec.tasks:
        yield f"tasks.{task.key}.name", task.name


def _long_texts(spec: CrewSpec) -> Iterator[tuple[str, str]]:
    yield "description", spec.description
    yield from ((f"inputs.{name}", text) for name, text in spec.inputs.items())
    for agent in spec.agents:
        yield from _texts_of(f"agents.{agent.key}", agent, ("role", "goal", "backstory"))
    for task in spec.tasks:
        yield from _texts_of(f"tasks.{task.key}", task, ("description", "expected_output"))
        for guardrail in task.guardrails:
            if isinstance(guardrail, QuestionGuardrail):
                yield f"tasks.{task.key}.guardrails", guardrail.question


def _texts_of(owner: str, part: AgentSpec | TaskSpec, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names:
        yield f"{owner}.{name}", getattr(part, name)
