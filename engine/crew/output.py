"""Reads an answer and says what is wrong with it. What happens then is decided in ``answer_checks``."""

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
    """A task's answer: its text and, if the task has a schema, the parsed value."""

    raw: str
    data: Any = None


def parse_json(text: str) -> Any:
    """The JSON value in an answer, also inside a code fence or between words. Raises ``ModelMistake`` without one."""
    candidates = [text.strip(), *(match.strip() for match in FENCED.findall(text)), _widest_braces(text)]
    for candidate in candidates:
        if candidate:
            try:
                return read_json(candidate)
            except ValueError:
                continue
    raise ModelMistake("The answer is not JSON.")


def read_answer(text: str, schema: dict[str, Any] | None) -> TaskAnswer:
    """The answer; with a schema it is parsed and checked. Raises ``ModelMistake`` that says what does not fit."""
    if schema is None:
        return TaskAnswer(text)
    data = parse_json(text)
    if complaint := schema_complaint(data, schema):
        raise ModelMistake(complaint)
    return TaskAnswer(json.dumps(data, ensure_ascii=False, separators=(",", ":")), data)


def schema_complaint(data: Any, schema: dict[str, Any]) -> str:
    """What in the data does not fit the schema, or ""."""
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
        has_match = _has_match(guardrail.pattern, text)
        if has_match == guardrail.forbid:
            return f"The answer {'must not' if guardrail.forbid else 'must'} contain a match of {guardrail.pattern!r}."
        return ""
    raise NotImplementedError(guardrail.kind)  # a question needs a model: see answer_checks


def condition_holds(condition: Condition, output: str) -> bool:
    """Whether an earlier output passes all tests that are set, or, with ``negate``, does not."""
    holds = (condition.contains is None or condition.contains.lower() in output.lower()) and (
        condition.matches is None or _has_match(condition.matches, output)
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


def _has_match(pattern: str, text: str) -> bool:
    """Whether the text has a match. Raises ``ModelMistake`` for a pattern that takes too long on it."""
    try:
        return matches(pattern, text)
    except TimeoutError as error:
        raise ModelMistake(f"The pattern {pattern!r} took too long on this answer. Simplify it.") from error


def _widest_braces(text: str) -> str:
    """From the first opening bracket or brace to the last closing one; "" without any."""
    starts = [index for index in (text.find("{"), text.find("[")) if index >= 0]
    if not starts:
        return ""
    end = max(text.rfind("}"), text.rfind("]"))
    return text[min(starts) : end + 1]
