"""CrewAI's rule for ``{placeholders}``, read into ours.

To CrewAI a placeholder is ``{name}`` with a name of ASCII letters, digits, ``_`` and ``-``, the first no digit, and
braces around it are text: ``{{name}}`` is an input between braces. Nothing escapes it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from engine.spec.placeholders import with_braces

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def from_crewai(text: str, inputs: Collection[str] = ()) -> str:
    """The text that means to us what ``text`` means to CrewAI. ``inputs`` are inputs whatever their names."""

    def ours(name: str, braces: int) -> str:
        is_input = name in inputs or NAME.fullmatch(name) is not None
        count = 2 * braces - 1 if is_input else 2 * braces
        return f"{'{' * count}{name}{'}' * count}"

    return with_braces(text, ours)
