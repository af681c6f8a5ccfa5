"""Regular expressions that people wrote. A child process compiles and applies them: some take gigabytes, or hours."""

from __future__ import annotations

from engine import bounded
from engine.errors import TooBusy, TooMuchWork

MAX_PATTERN_CHARS = 2000
COMPILING_SECONDS = 1.0

_findings = bounded.Findings(512)


def pattern_fault(pattern: str, patience: bounded.Patience | None = None) -> str:
    """Why this cannot be used as a pattern, a sentence, or "". Blocks; raises ``TooBusy`` if patience ends before."""
    if len(pattern) > MAX_PATTERN_CHARS:
        return f"It has more than {MAX_PATTERN_CHARS:,} characters."
    return _findings.of(pattern, lambda: _fault(pattern, patience))


def _fault(pattern: str, patience: bounded.Patience | None) -> str:
    job = "engine.spec.pattern_matcher:fault"
    try:
        return str(bounded.run_here(job, pattern, what="Compiling it", seconds=COMPILING_SECONDS, patience=patience))
    except TooBusy:
        raise
    except TooMuchWork as error:
        return str(error)


async def matches(pattern: str, text: str, effort: bounded.Effort) -> bool:
    """Whether the text contains a match. Raises ``TooMuchWork``: some patterns run for ever on some texts."""
    what = f"Looking for the pattern {pattern[:80]!r}"
    job = "engine.spec.pattern_matcher:matches"
    return bool(await bounded.run(job, pattern, text, what=what, effort=effort))
