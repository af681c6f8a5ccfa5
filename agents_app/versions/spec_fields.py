"""A crew as a flat list of fields, each with a label for people and its value as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

from engine.spec.crew_spec import AgentSpec, Condition, CrewSpec, LLMSpec, Spec, TaskSpec

NOTHING = "(nothing)"
"""No key and no tool is called so."""
LISTS = {"tools", "context", "stop", "fallbacks"}
"""Fields whose values are lists of short items, a line each."""
LABELS = {
    "top_p": "top p",
    "max_tokens": "tokens per answer, at most",
    "stop": "stop texts",
    "fallbacks": "fallback models",
    "credential": "provider key",
    "timeout_s": "seconds per request, at most",
    "cache_ttl_s": "reuse across runs, in seconds",
    "stream": "streamed",
    "allow_delegation": "asks co-workers",
    "cache": "tool results reused within a run",
    "max_iter": "rounds per task, at most",
    "max_rpm": "requests per minute, at most",
    "max_execution_time_s": "seconds per task, at most",
    "max_retry_limit": "retries of a failed request",
    "respect_context_window": "long conversations shortened",
    "memory": "takes notes",
    "async_execution": "asynchronous",
    "guardrail_max_retries": "times an answer is sent back",
    "human_input": "a person approves",
    "takes_near_misses": "values that can only be meant so are taken",
    "markdown": "Markdown asked for",
    "planning": "planned first",
    "manager_agent": "manager",
}
"""Where a field is not called what it is named."""
MODELS = {"llm": "", "manager_llm": "manager's ", "planning_llm": "planner's ", "condition": "condition: "}
"""Fields that hold fields, and what stands before the labels of those."""
CONDITION_LABELS = {"task": "task", "contains": "contains", "matches": "matches", "negate": "turned round"}


@dataclass(frozen=True, slots=True)
class SpecField:
    """``path`` is by keys (``tasks.summary.llm.model``); ``label`` is for people, without the part's name.

    ``text`` is None for what is not set. ``is_stated``: whether the crew's JSON states it; else it is a default.
    """

    path: str
    label: str
    text: str | None
    is_list: bool
    is_stated: bool


def crew_fields(spec: CrewSpec) -> Iterator[SpecField]:
    """The crew's own fields and its inputs."""
    yield from _fields(spec, "", skipped={"agents", "tasks", "inputs"})
    for name, default in spec.inputs.items():
        yield SpecField(f"inputs.{name}", f"input {name}", default, is_list=False, is_stated=True)


def part_fields(part: AgentSpec | TaskSpec, path: str) -> Iterator[SpecField]:
    """The fields of an agent or a task, without its key."""
    yield from _fields(part, f"{path}.", skipped={"key"})


def part_text(part: AgentSpec | TaskSpec) -> str:
    """A whole agent or task: a line for each field that is stated."""
    return "\n".join(f"{field.label}: {field.text}" for field in part_fields(part, "") if field.is_stated)


def _fields(spec: Spec, path: str, *, skipped: Set[str] = frozenset(), before: str = "") -> Iterator[SpecField]:
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        if name in skipped:
            continue
        if isinstance(value, (LLMSpec, Condition)):
            yield from _inner_fields(value, f"{path}{name}.", MODELS[name])
        elif name not in MODELS:
            default = None if field.is_required() else field.get_default(call_default_factory=True)
            is_default = not field.is_required() and value == default
            text = _text(default if is_default else value, default)
            yield SpecField(f"{path}{name}", before + _label(spec, name), text, name in LISTS, not is_default)


def _inner_fields(spec: LLMSpec | Condition, path: str, before: str) -> Iterator[SpecField]:
    """Which model and which task are always stated: they say that there is one at all."""
    always = "model" if isinstance(spec, LLMSpec) else "task"
    for field in _fields(spec, path, before=before):
        if field.path == f"{path}{always}":
            yield SpecField(field.path, field.label, getattr(spec, always), is_list=False, is_stated=True)
        else:
            yield field


def _label(spec: Spec, name: str) -> str:
    labels = CONDITION_LABELS if isinstance(spec, Condition) else LABELS
    return labels.get(name, name.replace("_", " "))


def _text(value: Any, default: Any) -> str | None:
    """None for an empty value by default; an emptiness that was chosen is said in a word."""
    if value in (None, "", (), {}) and value == default:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, tuple):
        return "\n".join(map(_item, value)) or NOTHING
    return _json(value)


def _item(item: Any) -> str:
    """One line for a key or a tool, more for a guardrail."""
    if isinstance(item, str):
        return item if item and item.isprintable() and item.strip('" ') == item else _json(item)
    data = item.to_json()
    if set(data) <= {"name", "config"}:
        return f"{data['name']} {_json(data['config'], indent=None)}" if data.get("config") else str(data["name"])
    kind = data.pop("kind")
    return f"{kind}: {_json(data)}"


def _json(value: Any, indent: int | None = 2) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
