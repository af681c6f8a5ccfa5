"""Answers that must have a form: JSON that fits a schema, and guardrails. What to do about a misfit is the loop's."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from engine.errors import ModelMistake
from engine.spec.crew_spec import Condition, Guardrail, LengthGuardrail, RegexGuardrail, SchemaGuardrail
from engine.spec.json_schema import misfit
from engine.spec.patterns import matches
from engine.text import read_json

FENCED = re.compile(r"```(?:json|JSON)?[^\S\n]*\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """A task's answer: its text, and the parsed value where the task has a schema."""

    raw: str
    data: Any = None


def parse_json(text: str) -> Any:
    """The JSON value in an answer, also within a code fence or between words. Raises ``ModelMistake``."""
    candidates = [text.strip(), *(match.strip() for match in FENCED.findall(text)), _widest_braces(text)]
    for candidate in candidates:
        if candidate:
            try:
                return read_json(candidate)
            except ValueError:
                continue
    raise ModelMistake("The answer is not JSON.")


def read_answer(text: str, schema: dict[str, Any] | None) -> TaskAnswer:
    """The answer, parsed and checked if there is a schema. Raises ``ModelMistake`` that names what does not fit."""
    if schema is None:
        return TaskAnswer(text)
    data = parse_json(text)
    if complaint := schema_complaint(data, schema):
        raise ModelMistake(complaint)
    return TaskAnswer(json.dumps(data, ensure_ascii=False, separators=(",", ":")), data)


def schema_complaint(data: Any, schema: dict[str, Any]) -> str:
    """What does not fit the schema, or ""."""
    fault = misfit(data, schema)
    return f"The answer does not fit the schema: {fault}." if fault else ""


def guardrail_complaint(guardrail: Guardrail, text: str) -> str:
    """Why the guardrail refuses the answer, or ""."""
    if isinstance(guardrail, SchemaGuardrail):
        try:
            return schema_complaint(parse_json(text), guardrail.json_schema)
        except ModelMistake as mistake:
            return str(mistake)
    if isinstance(guardrail, LengthGuardrail):
        return _length_complaint(guardrail, text)
    if isinstance(guardrail, RegexGuardrail):
        found = _search(guardrail.pattern, text)
        if found == guardrail.forbid:
            return f"The answer {'must not' if guardrail.forbid else 'must'} contain a match of {guardrail.pattern!r}."
        return ""
    raise NotImplementedError(guardrail.kind)  # a question is a model's to answer: see checks


def condition_holds(condition: Condition, output: str) -> bool:
    """Whether an earlier output satisfies all tests that are set."""
    holds = (condition.contains is None or condition.contains.lower() in output.lower()) and (
        condition.matches is None or _search(condition.matches, output)
    )
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


def _search(pattern: str, text: str) -> bool:
    """A search that gives up in time: people write patterns that never end on some texts."""
    try:
        return matches(pattern, text)
    except TimeoutError as error:
        raise ModelMistake(f"The pattern {pattern!r} took too long on this answer. Simplify it.") from error


def _widest_braces(text: str) -> str:
    starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    if not starts:
        return ""
    end = max(text.rfind("}"), text.rfind("]"))
    return text[min(starts) : end + 1]
