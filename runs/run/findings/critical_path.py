"""The chain of tasks that decided how long a run took: back from its end, each time to the task that was waited for.

Moments are microseconds since the run's first claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the run's time. ``task`` is what the run waited for then; "": no task, but the crew itself."""

    task: str
    start: int
    stop: int


def critical_path(tasks: Mapping[str, Span], waits_for: Mapping[str, frozenset[str]]) -> list[str]:
    """The tasks of the chain in the order in which they ran; empty if none has begun.

    ``tasks``: those that have begun; one that goes on stops now. ``waits_for``: as in a ``Plan``, of all tasks. Of
    tasks that end together the one that began first counts.
    """
    chain: list[str] = []
    candidates: set[str] = set(tasks)
    while candidates:
        key = min(candidates, key=lambda key: (-tasks[key].stop, tasks[key].start, key))
        chain.append(key)
        candidates = before(key, tasks, waits_for) - set(chain)
    return chain[::-1]


def before(key: str, tasks: Mapping[str, Span], waits_for: Mapping[str, frozenset[str]]) -> set[str]:
    """The tasks that have begun and that this one waited for, directly or through tasks that never began."""
    found: set[str] = set()
    seen: set[str] = set()
    ways = list(waits_for.get(key, ()))
    while ways:
        other = ways.pop()
        if other in seen:
            continue
        seen.add(other)
        if other in tasks:
            found.add(other)
        else:
            ways.extend(waits_for.get(other, ()))
    return found


def stretches(chain: Sequence[str], tasks: Mapping[str, Span], end: int) -> list[Stretch]:
    """All of the run's time from 0 to ``end``, without gaps: the chain's tasks, and the crew itself between them."""
    found: list[Stretch] = []
    now = 0
    for key in chain:
        start, stop = (min(max(moment, now), end) for moment in (tasks[key].start, tasks[key].stop))
        if start > now:
            found.append(Stretch("", now, start))
        if stop > start:
            found.append(Stretch(key, start, stop))
        now = max(now, stop)
    if end > now:
        found.append(Stretch("", now, end))
    return found
