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
from engine.text import counted


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """A task's answer: its text and, if the task has a schema, the parsed value. ``note``: what was taken for what."""

    raw: str
    data: Any = None
    note: str = ""


async def read_answer(
    text: str, schema: dict[str, Any] | None, effort: bounded.Effort, *, takes_near_misses: bool = False
) -> TaskAnswer:
    """The answer; with a schema it is parsed and checked. Raises ``ModelMistake`` that says what does not fit.

    ``takes_near_misses``: see ``engine.spec.near_misses``.
    """
    if schema is None:
        return TaskAnswer(text)
    what = "Checking the answer against its schema"
    read = await bounded.run("engine.spec.json_answer:read", text, schema, takes_near_misses, what=what, effort=effort)
    if "mistake" in read:
        raise ModelMistake(read["mistake"])
    return TaskAnswer(read["raw"], json.loads(read["raw"]), read["note"])


async def guardrail_complaint(guardrail: Guardrail, text: str, effort: bounded.Effort) -> str:
    """Why the guardrail refuses the answer, or ""."""
    if isinstance(guardrail, SchemaGuardrail):
        try:
            await read_answer(text, guardrail.json_schema, effort)
        except ModelMistake as mistake:
            return str(mistake)
        return ""
    if isinstance(guardrail, LengthGuardrail):
        return await _length_complaint(guardrail, text, effort)
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


async def _length_complaint(guardrail: LengthGuardrail, text: str, effort: bounded.Effort) -> str:
    chars = len(text)
    if guardrail.max_chars is not None and chars > guardrail.max_chars:
        return f"The answer has {counted(chars, 'character')}; {_allowed(guardrail.max_chars)}."
    if guardrail.max_words is None and guardrail.min_words is None:
        return ""
    what = "Counting the answer's words"
    words: int = await bounded.run("engine.spec.word_count:words", text, what=what, effort=effort)
    if guardrail.max_words is not None and words > guardrail.max_words:
        return f"The answer has {counted(words, 'word')}; {_allowed(guardrail.max_words)}."
    if guardrail.min_words is not None and words < guardrail.min_words:
        needed = f"at least {guardrail.min_words:,} {'is' if guardrail.min_words == 1 else 'are'} needed"
        return f"The answer has {counted(words, 'word')}; {needed}."
    return ""


def _allowed(most: int) -> str:
    return f"at most {most:,} {'is' if most == 1 else 'are'} allowed"
