"""How ``patterns`` compiles and applies: for the child process alone, since neither ends for certain."""

from __future__ import annotations

import re

import regex

MAX_REPEATS = 1000
_REPEATS = re.compile(r"(?<!\\)\{(\d{0,18}),?(\d{0,18})")


def fault(pattern: str) -> str:
    """See ``patterns.pattern_fault``."""
    if any(int(count) > MAX_REPEATS for counts in _REPEATS.findall(pattern) for count in counts if count):
        return f"It repeats something more than {MAX_REPEATS:,} times."
    try:
        regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        return f"{error}." if isinstance(error, regex.error) else "It is nested too deeply, or repeats too often."
    return ""


def matches(pattern: str, text: str) -> bool:
    """See ``patterns.matches``."""
    return regex.search(pattern, text) is not None
