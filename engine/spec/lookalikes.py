"""What in a crew's texts looks like an input and is none: models would be sent it as it stands.

The usual ways of other languages and keyboards are known: ``{ name }``, ``{{name}}``, ``{name.part}``, ``{name!r}``,
``{name:>10}``, ``%(name)s`` and ``｛name｝``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.spec.crew_spec import CrewSpec, QuestionGuardrail
from engine.spec.placeholders import is_name, names_in

MAX_SHOWN = 3
"""Of one text."""
_CHARS = r"[^\s{}｛｝()\[\].!:\"'`\\,;]{1,100}+"
LOOKALIKE = re.compile(
    rf"(?<![{{\w])\{{(?P<blank>[ \t]{{1,9}}{_CHARS}[ \t]{{0,9}}|{_CHARS}[ \t]{{1,9}})\}}(?!\}})"
    rf"|(?<!\{{)\{{\{{[ \t]{{0,9}}(?P<double>{_CHARS})[ \t]{{0,9}}\}}\}}(?!\}})"
    rf"|(?<![{{\w])\{{(?P<part>{_CHARS})(?:[.\[!][^\s{{}}]{{1,100}}|:[<>=^,.][^\s{{}}]{{0,20}})\}}(?!\}})"
    rf"|%\((?P<percent>{_CHARS})\)[sdrf]"
    rf"|｛[ \t]{{0,9}}(?P<wide>{_CHARS})[ \t]{{0,9}}｝"
)


def lookalikes(spec: CrewSpec) -> Iterator[tuple[str, str]]:
    """The field by path, and what to say of the first few in it."""
    for field, text in _fields(spec):
        for match, name in _found(text)[:MAX_SHOWN]:
            stands = f"is sent to the model as {match}"
            if match == f"{{{{{name}}}}}":
                stands = f"is the text {{{name}}}"
            yield field, f"{match} is no input: it {stands}. An input is written {{{name}}}."


def _found(text: str) -> list[tuple[str, str]]:
    """Each one as it stands, once, with the name in it."""
    if not any(mark in text for mark in ("{", "%(", "｛")):
        return []
    named = ((match[0], next(filter(None, match.groups())).strip()) for match in LOOKALIKE.finditer(text))
    return list(dict.fromkeys((match, name) for match, name in named if is_name(name) and not names_in(match)))


def _fields(spec: CrewSpec) -> Iterator[tuple[str, str]]:
    for agent in spec.agents:
        yield from ((f"agents.{agent.key}.{name}", getattr(agent, name)) for name in ("role", "goal", "backstory"))
    for task in spec.tasks:
        yield from ((f"tasks.{task.key}.{name}", getattr(task, name)) for name in ("description", "expected_output"))
        for guardrail in task.guardrails:
            if isinstance(guardrail, QuestionGuardrail):
                yield f"tasks.{task.key}.guardrails", guardrail.question
