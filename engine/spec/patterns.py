"""Regular expressions that people wrote, applied within a time limit."""

from __future__ import annotations

import regex

PATTERN_TIMEOUT_S = 0.25


def matches(pattern: str, text: str) -> bool:
    """Whether the text contains a match. Raises ``TimeoutError``: some patterns run for ever on some texts."""
    return regex.search(pattern, text, timeout=PATTERN_TIMEOUT_S, concurrent=False) is not None
