"""What an entry says of a change, as the page says it."""

from __future__ import annotations

from collections.abc import Mapping


def in_words(detail: Mapping[str, object]) -> str:
    """On one line, such as "was: viewer, now: runner"."""
    return ", ".join(f"{name.replace('_', ' ')}: {_word(value)}" for name, value in detail.items())


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return " and ".join(map(_word, value)) or "none"
    return "none" if value in (None, "") else str(value)
