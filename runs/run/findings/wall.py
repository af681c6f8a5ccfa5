"""Where a run's time went from its launch to its end, to the millisecond: each moment is one thing's.

At each moment the task on the critical path decides: a model answered it, a person was asked, it waited, a tool worked
for it, or none of that. So the parts are what the run was waited for, and shortening one of them shortens the run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from runs.rounding import whole_numbers
from runs.run.findings.critical_path import Span, Stretch

QUEUE, MODELS, TOOLS, OWN = "queue", "models", "tools", "own"
RATE, MONEY, PEOPLE, SET_ASIDE = "rate", "money", "people", "set_aside"
KINDS = (QUEUE, MODELS, TOOLS, RATE, MONEY, PEOPLE, SET_ASIDE, OWN)
"""In the order in which they are shown."""
COUNTS_FIRST = (MODELS, PEOPLE, RATE, MONEY, TOOLS)
"""Of what went on at once in one task, which one counts: a co-worker's model is asked within a tool call."""


@dataclass(frozen=True, slots=True)
class Doing:
    """What went on in a task, or for the crew as a whole (""), for a time."""

    task: str
    kind: str  # of ``COUNTS_FIRST``
    span: Span


def wall_parts(path: Sequence[Stretch], doings: Iterable[Doing], *, ms: int, paused: int = 0) -> dict[str, int]:
    """Whole milliseconds by kind, all but the queue; they sum to ``ms``, the time that the path takes.

    ``paused``: microseconds in which nobody worked on the run. Of them those that nobody was asked in are no work of
    ours: it was set aside for money, or until a worker came again.
    """
    of_task: defaultdict[str, list[Doing]] = defaultdict(list)
    for doing in doings:
        of_task[doing.task].append(doing)
    taken: dict[str, int] = dict.fromkeys(COUNTS_FIRST, 0)
    for stretch in path:
        for kind, length in _within(stretch, of_task[stretch.task]).items():
            taken[kind] += length
    whole = sum(stretch.stop - stretch.start for stretch in path)
    asked = [doing.span for doing in (one for rows in of_task.values() for one in rows) if doing.kind == PEOPLE]
    own = whole - sum(taken.values())
    taken[SET_ASIDE] = min(own, max(0, paused - union(asked)))
    taken[OWN] = own - taken[SET_ASIDE]
    scale = Fraction(ms, whole) if whole else Fraction(0)
    parts = {kind: length * scale for kind, length in taken.items()}
    if not whole:
        parts[OWN] = Fraction(ms)
    return whole_numbers(parts, ms)


def _within(stretch: Stretch, doings: Sequence[Doing]) -> dict[str, int]:
    """How long of the stretch each kind takes, where the first of ``COUNTS_FIRST`` that goes on counts."""
    moments: list[tuple[int, int, str]] = []
    for doing in doings:
        start, stop = max(doing.span.start, stretch.start), min(doing.span.stop, stretch.stop)
        if stop > start:
            moments.append((start, 1, doing.kind))
            moments.append((stop, -1, doing.kind))
    moments.sort()
    taken: defaultdict[str, int] = defaultdict(int)
    going_on: dict[str, int] = dict.fromkeys(COUNTS_FIRST, 0)
    last = stretch.start
    for moment, change, kind in moments:
        if moment > last:
            if counts := next((name for name in COUNTS_FIRST if going_on[name]), None):
                taken[counts] += moment - last
            last = moment
        going_on[kind] += change
    return taken


def union(spans: Iterable[Span]) -> int:
    """How long at least one of the spans goes on."""
    length = until = 0
    for span in sorted(spans, key=lambda span: span.start):
        length += max(0, span.stop - max(span.start, until))
        until = max(until, span.stop)
    return length
