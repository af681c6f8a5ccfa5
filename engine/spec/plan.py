"""Spec to dependency graph: which tasks a task waits for, what may start now, and which chain is the longest.

In a sequential crew a synchronous task waits for the synchronous ones before it, or for the tasks that it names as its
context; in a parallel one only context counts.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from engine.spec.crew_spec import CrewSpec, TaskSpec


@dataclass(frozen=True, slots=True)
class Plan:
    """``context``: whose outputs a task reads, in order. ``needs``: these, and the one that its condition looks at.
    ``waits_for``: these and whatever else must come first.
    """

    order: tuple[str, ...]
    context: Mapping[str, tuple[str, ...]]
    needs: Mapping[str, frozenset[str]]
    waits_for: Mapping[str, frozenset[str]]

    def ready(self, *, done: Collection[str], started: Collection[str]) -> tuple[str, ...]:
        """Tasks that may start now, in listed order."""
        ended = frozenset(done)
        return tuple(key for key in self.order if key not in started and self.waits_for[key] <= ended)

    def dependents(self, key: str) -> frozenset[str]:
        """Tasks that need this task's output, directly or through others: they cannot run if it fails."""
        found: set[str] = set()
        for other in self.order:
            if not self.needs[other].isdisjoint({key, *found}):
                found.add(other)
        return frozenset(found)

    def critical_path(self, seconds: Mapping[str, float]) -> tuple[str, ...]:
        """The chain of tasks that decides how long the crew takes, given what each task takes."""
        best: dict[str, tuple[float, tuple[str, ...]]] = {}
        for key in self.order:
            before = max((best[other] for other in self.waits_for[key]), default=(0.0, ()))
            best[key] = (before[0] + seconds.get(key, 0.0), (*before[1], key))
        return max(best.values(), default=(0.0, ()))[1]


def make_plan(spec: CrewSpec) -> Plan:
    """The plan of a spec. Context on unknown or later tasks is left out here; ``validate`` refuses it.

    In a sequential crew an unset context reads all earlier outputs; of an asynchronous task, those up to the last
    synchronous one before it, as in CrewAI, where asynchronous neighbours run at once and do not read each other. A
    synchronous task keeps its place in line, unless it names what it reads: then it waits for that. No task waits for
    an asynchronous one that it does not read.
    """
    sequential = spec.process != "parallel"
    position = {task.key: index for index, task in enumerate(spec.tasks)}
    context: dict[str, tuple[str, ...]] = {}
    needs: dict[str, frozenset[str]] = {}
    waits_for: dict[str, frozenset[str]] = {}
    synchronous: list[str] = []
    settled = 0
    for index, task in enumerate(spec.tasks):
        earlier = [other.key for other in spec.tasks[: settled if task.async_execution else index]]
        context[task.key] = _context(task, earlier, position, sequential)
        also = synchronous if sequential and not task.async_execution and not task.context else ()
        condition = (task.condition.task,) if task.condition and task.condition.task in position else ()
        needs[task.key] = frozenset((*context[task.key], *condition))
        waits_for[task.key] = needs[task.key].union(also)
        if sequential and not task.async_execution:
            synchronous = [*synchronous, task.key]
            settled = index + 1
    order = _topological([task.key for task in spec.tasks], waits_for)
    return Plan(order=order, context=context, needs=needs, waits_for=waits_for)


def find_cycle(waits_for: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """One cycle as the keys along it, first repeated at the end; empty if there is none. Not recursive."""
    done: set[str] = set()
    for start in waits_for:
        path: list[str] = []
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            key, leaving = stack.pop()
            if leaving:
                done.add(path.pop())
            elif key in path:
                return (*path[path.index(key) :], key)
            elif key not in done:
                path.append(key)
                stack.append((key, True))
                stack.extend((other, False) for other in waits_for.get(key, ()) if other in waits_for)
    return ()


def _context(task: TaskSpec, earlier: list[str], position: Mapping[str, int], sequential: bool) -> tuple[str, ...]:
    if task.context is None:
        return tuple(earlier) if sequential else ()
    return tuple(key for key in dict.fromkeys(task.context) if key in position and key != task.key)


def _topological(keys: list[str], waits_for: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Listed order as far as dependencies allow; what lies on a cycle comes last, as listed."""
    position = {key: index for index, key in enumerate(keys)}
    left = {key: len(waits_for[key]) for key in position}
    readers: dict[str, list[str]] = {key: [] for key in position}
    for key in position:
        for other in waits_for[key]:
            readers[other].append(key)
    free = [position[key] for key, count in left.items() if not count]
    order: list[str] = []
    while left:
        key = keys[heapq.heappop(free)] if free else next(iter(left))
        del left[key]
        order.append(key)
        for reader in readers[key]:
            if reader in left:
                left[reader] -= 1
                if not left[reader]:
                    heapq.heappush(free, position[reader])
    return tuple(order)
