"""Texts that an import could not bring: a mark stands in their place, so that no crew runs without them unnoticed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.spec.crew_spec import CrewSpec

_BEGINNING = "[not imported: "
_MARK = re.compile(r"\[not imported: ([^\]\n]{0,300})\]")
_UNFIT = re.compile(r"[\]\[{}\s]+")


def lost(what: str) -> str:
    """The mark that takes a text's place; ``what`` says which text it is and why it is missing."""
    return f"{_BEGINNING}{_UNFIT.sub(' ', what)[:300].strip()}]"


def why_lost(text: str) -> str:
    """What a text says about itself that was not imported; "" if it holds no such mark."""
    match = _MARK.search(text) if _BEGINNING in text else None
    return match[1] if match else ""


def lost_texts(spec: CrewSpec) -> Iterator[tuple[str, str]]:
    """The path of each field whose text was not imported, and what is said of it."""
    for agent in spec.agents:
        for name in ("role", "goal", "backstory"):
            if why := why_lost(getattr(agent, name)):
                yield f"agents.{agent.key}.{name}", why
    for task in spec.tasks:
        for name in ("description", "expected_output"):
            if why := why_lost(getattr(task, name)):
                yield f"tasks.{task.key}.{name}", why
