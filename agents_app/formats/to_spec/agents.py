"""Reads a source's definition of an agent as an ``AgentSpec``, and says why a field is left out."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from agents_app.formats.to_spec.fields import Reading, built, pay_names, required_text, scalar_of
from agents_app.formats.to_spec.llms import read_llm
from agents_app.formats.to_spec.naming import title
from agents_app.formats.to_spec.servers import read_servers
from agents_app.formats.to_spec.tools import read_tools
from agents_app.formats.to_spec.values import Constant, Definition, Field, Items, settled
from engine.spec.crew_spec import DEFAULT_MODEL, AgentSpec, LLMSpec

NO_FIELD = "it is not a field that is known here"
MAX_NAME = 60
NO_CODE = "Python functions are not imported"
_TEXTS = ("role", "goal", "backstory")
_PLAIN = {
    "allow_delegation": "allow_delegation",
    "cache": "cache",
    "max_iter": "max_iter",
    "max_rpm": "max_rpm",
    "max_execution_time": "max_execution_time_s",
    "max_retry_limit": "max_retry_limit",
    "respect_context_window": "respect_context_window",
    "memory": "memory",
}
_OWN = frozenset({*_TEXTS, *_PLAIN, "llm", "tools", "config", "key", "name", "id", "mcps"})
MEANINGLESS = frozenset({"verbose", "share_crew", "output_log_file", "tracing", "security_config", "fingerprint", "id"})
_WHY_NOT = {
    "reasoning": "there is no planning step per agent here",
    "max_reasoning_attempts": "there is no planning step per agent here",
    "planning_config": "there is no planning step per agent here",
    "function_calling_llm": "one model both reasons and calls tools here",
    "allow_code_execution": "agents do not execute code here",
    "code_execution_mode": "agents do not execute code here",
    "knowledge_sources": "documents are added in the team, not in the crew",
    "knowledge": "documents are added in the team, not in the crew",
    "embedder": "documents are added in the team, not in the crew",
    "system_template": "prompts are built here, and are not templates",
    "prompt_template": "prompts are built here, and are not templates",
    "response_template": "prompts are built here, and are not templates",
    "use_system_prompt": "prompts are built here, and are not templates",
    "step_callback": NO_CODE,
    "callbacks": NO_CODE,
    "guardrail": "guardrails belong to tasks here",
    "guardrail_max_retries": "guardrails belong to tasks here",
    "multimodal": "images are not part of a crew here",
    "inject_date": "put {current_date} into a text where it is needed",
    "date_format": "put {current_date} into a text where it is needed",
    "apps": "remote tool servers are not imported",
    "a2a": "remote agents are not imported",
}


def agent_spec(definition: Definition, *, key: str, reading: Reading) -> AgentSpec:
    """The agent's spec. What is missing in it is left empty, and validation names it."""
    owner = f"Agent {key}"
    reading.budget.at(definition.place)
    fields = definition.fields
    data: dict[str, Any] = {"key": key}
    for name in _TEXTS:
        data[name] = required_text(fields, name, reading, owner=owner)
    say_absent(definition, _TEXTS, reading, owner=owner)
    if "role" not in fields and "config" in fields:
        data["role"] = title(key)
    llm = read_llm(fields.get("llm"), reading, owner=owner)
    default = reading.default_model(definition.place.file)
    if llm is not None or default:
        data["llm"] = llm or LLMSpec(model=default)
    elif "llm" not in fields or fields["llm"].value == Constant(None):
        message = f"No model is named for {{items}}: {DEFAULT_MODEL} is used."
        reading.report.gather(message, place=definition.place, item=key)
    servers = read_servers(fields.get("mcps"), reading, owner=owner)
    data["tools"] = (*read_tools(fields.get("tools"), reading, owner=owner), *servers)
    data.update(plain_fields(fields, _PLAIN, reading, owner=owner))
    say_dropped(fields, reading, owner=owner, known=_OWN, reasons=_WHY_NOT)
    plain = {target: fields[name] for name, target in _PLAIN.items() if name in fields}
    return built(AgentSpec, data, fields=plain, report=reading.report, owner=owner)


def plain_fields(fields: dict[str, Field], table: dict[str, str], reading: Reading, *, owner: str) -> dict[str, Any]:
    """The numbers and flags among the fields, under their names in the spec; a None is left out, for the default."""
    values = {}
    for name, target in table.items():
        if name in fields and (value := scalar_of(fields[name], reading, what=f"{owner}: {name}")) is not None:
            values[target] = value
    return values


def say_dropped(
    fields: dict[str, Field], reading: Reading, *, owner: str, known: frozenset[str], reasons: dict[str, str]
) -> None:
    """Reports each field that is given and on, but has no place in the spec."""
    pay_names(fields, reading)
    for name, field in fields.items():
        if name in known or _is_off(field):
            continue
        if name in MEANINGLESS:
            message = "{items} was not imported: every call of a run is recorded here."
            reading.report.gather(message, place=field.place, item=name)
            continue
        why = reasons.get(name) or _unknown_field(name, (*known, *reasons))
        reading.report.warn(field.place, f"{owner}: {name} was left out ({why}).")


def _unknown_field(name: str, known: Iterable[str]) -> str:
    alike = get_close_matches(name[:MAX_NAME], known, n=1, cutoff=0.75)
    return f"it is not a field that is known here; perhaps {alike[0]} was meant" if alike else NO_FIELD


def say_absent(definition: Definition, names: Iterable[str], reading: Reading, *, owner: str) -> None:
    """Says which of the texts that CrewAI demands of a part the source does not give, unless why is said already."""
    absent = [name for name in names if name not in definition.fields]
    if absent and "config" not in definition.fields:
        reading.tally.absent_texts += len(absent)
        what = " and no ".join(absent)
        reading.report.warn(definition.place, f"{owner} has no {what} in the source, which CrewAI demands; write it.")


def _is_off(field: Field) -> bool:
    value = settled(field.value)
    if isinstance(value, Constant):
        return value.value is None or value.value is False
    return isinstance(value, Items) and not value.items
