"""What people say of an agent of the library, checked: its name, what it is, and why it changed."""

from __future__ import annotations

import json

from agents_app.library.linked import alone
from engine.spec.crew_spec import MAX_NAME_CHARS, AgentSpec
from engine.spec.size import excesses
from engine.text import is_storable
from teams.refusals import Invalid

MAX_NOTE_CHARS = 200
MAX_AGENT_CHARS = 100_000
"""Of an agent as JSON: a crew's page compares each of up to 200 with what the library says."""
NO_TEXT = "It holds a character that is none."


def checked_name(name: str) -> str:
    """On one line. Raises ``Invalid``."""
    return _one_line(name, "name", MAX_NAME_CHARS) or _refuse("name", "Give the agent a name.")


def checked_note(note: str) -> str:
    """On one line, and perhaps empty. Raises ``Invalid``."""
    return _one_line(note, "note", MAX_NOTE_CHARS)


def checked_spec(spec: AgentSpec) -> AgentSpec:
    """Raises ``Invalid`` for one that is larger than a crew's may be, or than the library's."""
    over = excesses(alone(spec))
    if over:
        fields = {excess.field: excess.message for excess in over}
        raise Invalid(f"This agent was not kept. {over[0].message}", fields=fields, code=over[0].code)
    chars = len(json.dumps(spec.to_json(), ensure_ascii=False))
    if chars > MAX_AGENT_CHARS:
        why = f"An agent of the library has at most {MAX_AGENT_CHARS:,} characters in all; here are {chars:,}."
        raise Invalid(f"This agent was not kept. {why}", fields={"spec": why}, code="too_large")
    return spec


def usual_name(spec: AgentSpec) -> str:
    """What an agent is called where nobody says it: its role, as far as that is a name."""
    return " ".join(spec.role.split())[:MAX_NAME_CHARS].strip() or spec.key


def _one_line(text: str, field: str, most: int) -> str:
    text = " ".join(text.split())
    if not is_storable(text):
        _refuse(field, NO_TEXT)
    if len(text) > most:
        _refuse(field, f"At most {most} characters; here are {len(text):,}.")
    return text


def _refuse(field: str, why: str) -> str:
    raise Invalid(f"This agent was not kept. {why}", fields={field: why})
