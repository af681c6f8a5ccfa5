"""Reads a source's definition of a task as a ``TaskSpec``. Its agent and its context are passed in as keys."""

from __future__ import annotations

from typing import Any

from agents_app.formats.to_spec.agents import NO_CODE, plain_fields, say_absent, say_dropped
from agents_app.formats.to_spec.fields import Reading, built, data_of, describe, required_text, text_of
from agents_app.formats.to_spec.llms import read_llm
from agents_app.formats.to_spec.tools import read_tools
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Mapping,
    Schema,
    Value,
    literal_text,
    members,
    settled,
)
from engine.spec.crew_spec import (
    Condition,
    Guardrail,
    LengthGuardrail,
    QuestionGuardrail,
    RegexGuardrail,
    SchemaGuardrail,
    TaskSpec,
)

_TEXTS = ("description", "expected_output")
_PLAIN = {
    "async_execution": "async_execution",
    "human_input": "human_input",
    "markdown": "markdown",
    "guardrail_max_retries": "guardrail_max_retries",
    "max_retries": "guardrail_max_retries",
}
_SCHEMAS = ("output_pydantic", "output_json", "response_model")
_OWN = frozenset(
    {*_TEXTS, *_PLAIN, *_SCHEMAS, "name", "agent", "context", "tools", "guardrail", "guardrails", "config", "key", "id"}
)
_CHECKS: dict[str, tuple[type[LengthGuardrail | RegexGuardrail | SchemaGuardrail], str]] = {
    "length_check": (LengthGuardrail, ""),
    "pattern_check": (RegexGuardrail, "pattern"),
    "schema_check": (SchemaGuardrail, "json_schema"),
}
_WHY_NOT = {
    "output_file": "outputs are kept with the run and can be downloaded there",
    "create_directory": "outputs are kept with the run and can be downloaded there",
    "callback": NO_CODE,
    "callbacks": NO_CODE,
    "converter_cls": NO_CODE,
    "condition": NO_CODE + ", so the task always runs; set its condition in the editor",
    "allow_crewai_trigger_context": "there are no such triggers here",
    "input_files": "files are not part of a crew here",
}


def task_spec(
    definition: Definition,
    *,
    key: str,
    agent: str | None,
    context: tuple[str, ...] | None,
    condition: Condition | None = None,
    reading: Reading,
) -> TaskSpec:
    """The task's spec. What is missing in it is left empty, and validation names it."""
    owner = f"Task {key}"
    fields = definition.fields
    data: dict[str, Any] = {"key": key, "agent": agent, "context": context}
    data["name"] = text_of(fields.get("name"), reading, what=f"{owner}, name")
    for name in _TEXTS:
        data[name] = required_text(fields, name, reading, owner=owner)
    say_absent(definition, _TEXTS, reading, owner=owner)
    data["name"] = " ".join(data["name"].split())
    tools = read_tools(fields.get("tools"), reading, owner=owner)
    if tools:
        data["tools"] = tools
    if condition is not None:
        data["condition"] = condition
        fields = {name: field for name, field in fields.items() if name != "condition"}
    data["output_schema"] = _output_schema(fields, reading, owner=owner)
    data["guardrails"] = _guardrails(fields, reading, owner=owner)
    data.update(plain_fields(fields, _PLAIN, reading, owner=owner))
    say_dropped(fields, reading, owner=owner, known=_OWN, reasons=_WHY_NOT)
    plain = {target: fields[name] for name, target in _PLAIN.items() if name in fields}
    return built(TaskSpec, data, fields=plain, report=reading.report, owner=owner)


def read_condition(field: Field, *, task: str, reading: Reading) -> Condition | None:
    """A condition that one of our own exports wrote, which looks at the task of this key; None for any other one."""
    value = settled(field.value)
    if not isinstance(value, Definition) or value.short != "condition_check":
        return None
    try:
        asked = {name: data_of(given.value, reading.budget) for name, given in value.fields.items()}
        return Condition.model_validate({"task": task, **asked})
    except ValueError:
        return None


def _output_schema(fields: dict[str, Field], reading: Reading, *, owner: str) -> dict[str, Any] | None:
    for name in _SCHEMAS:
        field = fields.get(name)
        if field is None:
            continue
        value = settled(field.value)
        if isinstance(value, Schema):
            return value.data
        if isinstance(value, Mapping) and ("properties" in value.fields or "type" in value.fields):
            return _literal_schema(value, reading)
        if not (isinstance(value, Constant) and not value.value):
            name_of_class = describe(value).strip("'")
            message = (
                f"{owner}: the class `{name_of_class}` of {name} is not in this source, so its fields are unknown. "
            )
            message += "Paste the class too, or set the output schema in the editor."
            reading.report.warn(field.place, message)
    return None


def _literal_schema(value: Mapping, reading: Reading) -> dict[str, Any] | None:
    try:
        data: dict[str, Any] = data_of(value, reading.budget)
    except ValueError:
        return None
    return data


def _guardrails(fields: dict[str, Field], reading: Reading, *, owner: str) -> tuple[Guardrail, ...]:
    guardrails: list[Guardrail] = []
    for name in ("guardrail", "guardrails"):
        field = fields.get(name)
        for value in members(field.value, reading.budget) if field else ():
            guardrail = _check(value, reading) or _question(value, reading, owner=owner)
            if guardrail:
                guardrails.append(guardrail)
            else:
                why = NO_CODE + "; set a length, pattern, schema or question in the editor"
                reading.report.warn(
                    fields[name].place, f"{owner}: the guardrail `{describe(value)}` was left out ({why})."
                )
    return tuple(guardrails)


def _check(value: Value, reading: Reading) -> Guardrail | None:
    """A guardrail that one of our own exports wrote as a call, such as ``length_check(max_words=9)``."""
    value = settled(value)
    model, first = _CHECKS.get(value.short, (None, "")) if isinstance(value, Definition) else (None, "")
    if model is None or not isinstance(value, Definition):
        return None
    given = {**({first: value.args[0]} if first and value.args else {}), **value.fields}
    try:
        return model.model_validate({name: data_of(field.value, reading.budget) for name, field in given.items()})
    except ValueError:
        return None


def _question(value: Value, reading: Reading, *, owner: str) -> QuestionGuardrail | None:
    """CrewAI puts a guardrail that is a text to a model, as a question about the answer; None for any other one."""
    value = settled(value)
    question = literal_text(value, reading.budget)
    if question is not None and question.strip():
        return QuestionGuardrail(question=question.strip())
    if isinstance(value, Definition) and value.kind == "guardrail":
        asked = value.fields.get("description") or next(iter(value.args), None)
        text = literal_text(asked.value, reading.budget) if asked else None
        if text is not None:
            llm = read_llm(value.fields.get("llm"), reading, owner=f"{owner}, guardrail")
            return QuestionGuardrail(question=text.strip(), llm=llm)
    return None
