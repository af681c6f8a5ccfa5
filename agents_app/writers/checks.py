"""Guardrails and conditions as Python: the source of what an exported file defines for them, and the calls of it."""

from __future__ import annotations

from dataclasses import dataclass

from agents_app.writers.expressions import Call, Expression
from agents_app.writers.remarks import Remarks
from engine.spec.crew_spec import (
    Condition,
    Guardrail,
    LengthGuardrail,
    LLMSpec,
    QuestionGuardrail,
    RegexGuardrail,
)

LENGTH = '''
def length_check(
    min_words: int | None = None,
    max_words: int | None = None,
    max_chars: int | None = None,
) -> Callable[[TaskOutput], tuple[bool, Any]]:
    """A guardrail: how long an answer may be."""

    def check(output: TaskOutput) -> tuple[bool, Any]:
        words, chars = len(output.raw.split()), len(output.raw)
        if min_words is not None and words < min_words:
            return False, f"It has {words} words; at least {min_words} are needed."
        if max_words is not None and words > max_words:
            return False, f"It has {words} words; at most {max_words} are allowed."
        if max_chars is not None and chars > max_chars:
            return False, f"It has {chars} characters; at most {max_chars} are allowed."
        return True, output.raw

    return check
'''
PATTERN = '''
def pattern_check(
    pattern: str, forbid: bool = False
) -> Callable[[TaskOutput], tuple[bool, Any]]:
    """A guardrail: what an answer must contain, or with forbid must not."""

    def check(output: TaskOutput) -> tuple[bool, Any]:
        if (regex.search(pattern, output.raw) is None) != forbid:
            must = "must not" if forbid else "must"
            return False, f"The answer {must} contain a match of {pattern!r}."
        return True, output.raw

    return check
'''
SCHEMA = '''
def schema_check(schema: dict[str, Any]) -> Callable[[TaskOutput], tuple[bool, Any]]:
    """A guardrail: the answer is JSON that fits a schema."""

    def check(output: TaskOutput) -> tuple[bool, Any]:
        text = output.raw.strip().removeprefix("```json").strip("`")
        try:
            jsonschema.validate(json.loads(text), schema)
        except (ValueError, jsonschema.ValidationError) as error:
            return False, f"The answer does not fit the schema: {error}"
        return True, output.raw

    return check
'''
CONDITION = '''
def condition_check(
    looked_at: Task | TaskOutput,
    contains: str | None = None,
    matches: str | None = None,
    negate: bool = False,
) -> bool:
    """Whether an earlier answer passes what is asked, or with negate does not."""
    answer = looked_at.output if isinstance(looked_at, Task) else looked_at
    text = answer.raw if answer else ""
    holds = contains is None or contains.lower() in text.lower()
    if holds and matches is not None:
        holds = regex.search(matches, text) is not None
    return holds != negate
'''


@dataclass(frozen=True, slots=True)
class Helper:
    """A function that an exported file defines: its source, and the imports that it needs."""

    source: str
    imports: tuple[str, ...]


_CALLABLES = ("from collections.abc import Callable", "from typing import Any", "from crewai import TaskOutput")
HELPERS = {
    "length_check": Helper(LENGTH, _CALLABLES),
    "pattern_check": Helper(PATTERN, (*_CALLABLES, "import regex")),
    "schema_check": Helper(SCHEMA, (*_CALLABLES, "import json", "import jsonschema")),
    "condition_check": Helper(CONDITION, ("import regex", "from crewai import Task", "from crewai import TaskOutput")),
}


def guardrail_call(guardrail: Guardrail) -> Expression:
    """A guardrail that needs no model, as a call of its helper."""
    if isinstance(guardrail, LengthGuardrail):
        bounds = {name: getattr(guardrail, name) for name in ("min_words", "max_words", "max_chars")}
        return Call("length_check", {name: value for name, value in bounds.items() if value is not None})
    if isinstance(guardrail, RegexGuardrail):
        forbid = {"forbid": True} if guardrail.forbid else {}
        return Call("pattern_check", forbid, (guardrail.pattern,))
    assert not isinstance(guardrail, QuestionGuardrail)
    return Call("schema_check", {}, (guardrail.json_schema,))


def condition_fields(condition: Condition, remarks: Remarks, path: str, *, has_inputs: bool) -> dict[str, Expression]:
    """What ``condition_check`` is asked beside the text."""
    if has_inputs:
        remarks.warn(f"{path}.contains", "CrewAI does not fill inputs into conditions: the text is compared as it is.")
    fields: dict[str, Expression] = {"contains": condition.contains, "matches": condition.matches}
    fields = {name: value for name, value in fields.items() if value is not None}
    return {**fields, "negate": True} if condition.negate else fields


def llm_of_question(guardrail: QuestionGuardrail, agent: LLMSpec | None, manager: LLMSpec | None) -> LLMSpec | None:
    """The model that a question needs named: its own, or where no agent does the task the manager's."""
    return guardrail.llm or (None if agent is not None else manager or LLMSpec())
