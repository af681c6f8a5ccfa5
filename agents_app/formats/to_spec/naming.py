"""Makes keys and titles from the names in a source, whatever they stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from engine.text import latin

MAX_KEY = 64
MAX_NAME = 500

_GENERIC = re.compile(
    r"^_*((?:my_|the_|our_|this_)?(?:agent|task|crew)(?:_instance|_object|_obj)?|a|t|c|x|result|results|new_agent|new_task|item|obj|self|cls|main|run|app|"
    r"(?:to|as|from|into)_(?:agent|task|crew|config|dict|spec)|test|example|kickoff|call|start|execute|create|build|make|get|init|setup|demo|script|paste|untitled|lambda)_*\d*$"
)
_MAKER = re.compile(r"^(?:create|make|build|get|define|setup|set_up|new|init|initialize|run|kickoff|execute)_(?=.)")


def snake(name: str) -> str:
    """``FinancialAnalyst`` and ``Financial Analyst`` both give ``financial_analyst``; empty if nothing is left.

    Of a long name only the beginning is read.
    """
    ascii_name = latin(name[:MAX_NAME])
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", ascii_name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def is_generic(name: str) -> bool:
    """Whether a name says nothing of the thing (``agent``, ``task1``, ``run``)."""
    return not name or _GENERIC.match(snake(name)) is not None


def without_maker(name: str) -> str:
    """``build_research_crew`` names a ``research_crew``."""
    return _MAKER.sub("", name.strip("_"))


@dataclass(slots=True)
class KeyMaker:
    """Makes keys that fit ``KEY_PATTERN``, none of them twice. ``last``: the last number that a stem was given."""

    taken: set[str] = field(default_factory=set)
    last: dict[str, int] = field(default_factory=dict)

    def key(self, name: str, *, fallback: str) -> str:
        stem = snake(name)[:MAX_KEY].strip("_") or fallback
        key, number = stem, self.last.get(stem, 1)
        while key in self.taken:
            number += 1
            suffix = f"_{number}"
            key = stem[: MAX_KEY - len(suffix)].rstrip("_") + suffix
        self.last[stem] = number
        self.taken.add(key)
        return key


def title(name: str) -> str:
    """``support_crew`` as people write it: ``Support crew``."""
    return snake(name).replace("_", " ").capitalize()


def first_words(text: str, *, count: int = 4) -> str:
    """The first words of a text as a name."""
    words = re.findall(r"[^\W_][\w'-]*", re.sub(r"\{[^{}]{0,80}\}", " ", text[:2000]))
    return "_".join(words[:count])
