"""Messages to models as pages show them: what was said, what was thought, and what else goes back to the provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import template

from engine.providers.replies.own_fields import OF_CALL, OF_MESSAGE
from engine.providers.replies.texts import content_of

register = template.Library()


@dataclass(frozen=True, slots=True)
class Turn:
    """``own``: the names of the provider's own fields in it."""

    text: str
    reasoning: str
    own: str


@register.filter
def turn(message: Mapping[str, Any]) -> Turn:
    """A message in parts. Of people and tools nothing is taken for reasoning."""
    if message.get("role") != "assistant":
        content = message.get("content")
        return Turn(content if isinstance(content, str) else content_of(message).answer, "", "")
    content = content_of(message)
    calls = message.get("tool_calls") or ()
    names = [name for name in OF_MESSAGE if name in message]
    names += [f"{name} of its tool calls" for name in OF_CALL if any(name in call for call in calls)]
    return Turn(content.answer, content.reasoning, ", ".join(names))
