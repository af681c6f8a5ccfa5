"""How ``patterns`` compiles and applies: for the child process alone, since neither ends for certain."""

from __future__ import annotations

import regex


def fault(pattern: str) -> str:
    """See ``patterns.pattern_fault``."""
    try:
        regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        return f"{error}." if isinstance(error, regex.error) else "It is nested too deeply, or repeats too often."
    return ""


def matches(pattern: str, text: str) -> bool:
    """See ``patterns.matches``."""
    return regex.search(pattern, text) is not None
