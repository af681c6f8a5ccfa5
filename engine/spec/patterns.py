"""Regular expressions that people wrote. A child process compiles and applies them: some take gigabytes, or hours."""

from __future__ import annotations

from functools import lru_cache

from engine import bounded
from engine.errors import TooBusy, TooMuchWork

MAX_PATTERN_CHARS = 2000


def pattern_fault(pattern: str) -> str:
    """Why this cannot be used as a pattern, a sentence, or "". Blocks for as long as ``bounded`` allows."""
    if len(pattern) > MAX_PATTERN_CHARS:
        return f"It has more than {MAX_PATTERN_CHARS:,} characters."
    try:
        return _fault(pattern)
    except TooBusy as error:
        return str(error)


@lru_cache(maxsize=512)
def _fault(pattern: str) -> str:
    try:
        return str(bounded.run_here("engine.spec.pattern_matcher:fault", pattern, what="Compiling it"))
    except TooBusy:
        raise
    except TooMuchWork as error:
        return str(error)


async def matches(pattern: str, text: str, allowance: bounded.Allowance) -> bool:
    """Whether the text contains a match. Raises ``TooMuchWork``: some patterns run for ever on some texts."""
    what = f"Looking for the pattern {pattern[:80]!r}"
    job = "engine.spec.pattern_matcher:matches"
    return bool(await bounded.run(job, pattern, text, what=what, allowance=allowance))
