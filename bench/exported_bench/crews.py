"""Crews that are exported and run: each built-in template, and crews that are awkward to say."""

from __future__ import annotations

import json
from typing import Any

from agents_app.gallery.builtin import templates
from engine.spec.crew_spec import (
    AgentSpec,
    Condition,
    CrewSpec,
    LengthGuardrail,
    LLMSpec,
    QuestionGuardrail,
    RegexGuardrail,
    TaskSpec,
    ToolSpec,
)
from engine.spec.placeholders import placeholders

SCHEMA = {
    "type": "object",
    "title": "Findings",
    "properties": {"claims": {"type": "array", "items": {"type": "string"}}, "sure": {"type": "boolean"}},
    "required": ["claims", "sure"],
}


def crews() -> list[CrewSpec]:
    """Every crew with a value for each of its inputs."""
    return [_filled(spec) for spec in (*(template.spec for template in templates()), *_awkward())]


def answer_to(spec: CrewSpec, key: str) -> str:
    """What the stand-in for a model answers to a task."""
    task = spec.task(key)
    assert task is not None
    if task.output_schema is not None:
        return json.dumps(sample(task.output_schema), separators=(",", ":"))
    return f"This is the answer to {key} of {len(spec.tasks)}, with enough words in it and a figure: 42."


def sample(schema: dict[str, Any]) -> Any:
    """A value that fits a schema of the crews here."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {name: sample(part) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema.get("items", {"type": "string"}))] * max(1, schema.get("minItems", 1))
    return {"integer": 3, "number": 1.5, "boolean": True, "null": None}.get(str(kind), "a text")


def _filled(spec: CrewSpec) -> CrewSpec:
    values = {name: spec.inputs.get(name) or f"the {name} that is asked for" for name in placeholders(spec)}
    return spec.model_copy(update={"inputs": values})


def _awkward() -> list[CrewSpec]:
    return [_texts(), _graph(), _checked()]


def _texts() -> CrewSpec:
    quotes = 'She said "no", it\'s \'\'\'three\'\'\' and """three""" \\ \\n {"a": 1} '
    quotes += "{{topic}} {{{topic}}}\n\n\tтекст 文 🐝\n"
    return CrewSpec(
        name='Texts "as they are"',
        description='"""\nimport os',
        agents=(
            AgentSpec(
                key="class", role="The {topic} person", goal=quotes, backstory="{größe} of it: \\d{4}", max_iter=5
            ),
            AgentSpec(key="none", role="yes", goal="1.0", backstory="# not a comment"),
        ),
        tasks=(
            TaskSpec(key="class", description=f"First {quotes}", expected_output="null", agent="class"),
            TaskSpec(key="print", description="Second: {topic}: - a\n- b\n", expected_output="> x", agent="none"),
        ),
    )


def _graph() -> CrewSpec:
    llm = LLMSpec(model="gpt-4o", temperature=0.3, max_tokens=900)
    agents = tuple(AgentSpec(key=f"worker_{n}", role=f"Worker {n}", goal="g", backstory="b", llm=llm) for n in (1, 2))
    tasks = (
        TaskSpec(key="first", description="Alpha of {topic}", agent="worker_1", context=()),
        TaskSpec(key="left", description="Beta", agent="worker_1", async_execution=True, context=("first",)),
        TaskSpec(key="right", description="Gamma", agent="worker_2", async_execution=True, output_schema=SCHEMA),
        TaskSpec(key="both", description="Delta", agent="worker_2", context=("left", "right")),
        TaskSpec(
            key="skipped", description="Epsilon", agent="worker_1", condition=Condition(task="left", contains="?!")
        ),
        TaskSpec(key="last", description="Zeta", agent="worker_2", context=("both", "first")),
    )
    return CrewSpec(name="Graph", agents=agents, tasks=tasks)


def _checked() -> CrewSpec:
    agent = AgentSpec(key="writer", role="Writer", goal="g", backstory="b", tools=(ToolSpec(name="calculator"),))
    guardrails = (
        LengthGuardrail(min_words=2, max_words=500),
        RegexGuardrail(pattern=r"\d+"),
        QuestionGuardrail(question="Does it name a figure?"),
    )
    tasks = (
        TaskSpec(key="draft", description="Draft it", agent="writer", guardrails=guardrails, context=()),
        TaskSpec(key="facts", description="List the facts", agent="writer", output_schema=SCHEMA, context=()),
        TaskSpec(key="final", description="Write it", agent="writer", context=("facts", "draft")),
    )
    return CrewSpec(name="Checked", agents=(agent,), tasks=tasks, process="parallel")
