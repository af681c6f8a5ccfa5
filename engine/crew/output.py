"""Reads an answer and says what is wrong with it. What happens then is decided in ``answer_checks``.

Parsing, schemas and patterns are applied in a child process: see ``engine.bounded``. Whatever awaits it may raise
``TooMuchWork``, which ends the task: to ask the model again would cost money, and seldom help.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from engine import bounded
from engine.errors import ModelMistake
from engine.spec.crew_spec import Condition, Guardrail, LengthGuardrail, RegexGuardrail, SchemaGuardrail
from engine.spec.patterns import matches


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """A task's answer: its text and, if the task has a schema, the parsed value."""

    raw: str
    data: Any = None


async def read_answer(text: str, schema: dict[str, Any] | None, effort: bounded.Effort) -> TaskAnswer:
    """The answer; with a schema it is parsed and checked. Raises ``ModelMistake`` that says what does not fit."""
    if schema is None:
        return TaskAnswer(text)
    what = "Checking the answer against its schema"
    read = await bounded.run("engine.spec.json_answer:read", text, schema, what=what, effort=effort)
    if "mistake" in read:
        raise ModelMistake(read["mistake"])
    return TaskAnswer(read["raw"], json.loads(read["raw"]))


async def guardrail_complaint(guardrail: Guardrail, text: str, effort: bounded.Effort) -> str:
    """Why the guardrail refuses the answer, or ""."""
    if isinstance(guardrail, SchemaGuardrail):
        try:
            await read_answer(text, guardrail.json_schema, effort)
        except ModelMistake as mistake:
            return str(mistake)
        return ""
    if isinstance(guardrail, LengthGuardrail):
        return _length_complaint(guardrail, text)
    if isinstance(guardrail, RegexGuardrail):
        has_match = await matches(guardrail.pattern, text, effort)
        if has_match == guardrail.forbid:
            return f"The answer {'must not' if guardrail.forbid else 'must'} contain a match of {guardrail.pattern!r}."
        return ""
    raise NotImplementedError(guardrail.kind)  # a question needs a model: see answer_checks


async def condition_holds(condition: Condition, output: str, effort: bounded.Effort) -> bool:
    """Whether an earlier output passes all tests that are set, or, with ``negate``, does not."""
    holds = condition.contains is None or condition.contains.lower() in output.lower()
    if holds and condition.matches is not None:
        holds = await matches(condition.matches, output, effort)
    return holds != condition.negate


def _length_complaint(guardrail: LengthGuardrail, text: str) -> str:
    words, chars = len(text.split()), len(text)
    if guardrail.max_words is not None and words > guardrail.max_words:
        return f"The answer has {words} words; at most {guardrail.max_words} are allowed."
    if guardrail.min_words is not None and words < guardrail.min_words:
        return f"The answer has {words} words; at least {guardrail.min_words} are needed."
    if guardrail.max_chars is not None and chars > guardrail.max_chars:
        return f"The answer has {chars} characters; at most {guardrail.max_chars} are allowed."
    return ""
