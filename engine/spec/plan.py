"""From a spec to its dependency graph: which tasks a task waits for, which may start now, which chain is the longest.

In a sequential crew a synchronous task waits for the synchronous ones before it, or only for the tasks that it names as
its context. In a parallel crew only the context counts.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from engine.spec.crew_spec import CrewSpec, TaskSpec


@dataclass(frozen=True, slots=True)
class Plan:
    """``order``: the keys of all tasks, each after those that it waits for. The other fields go by a task's key.

    ``context``: the tasks whose outputs it reads, in the order in which it reads them. ``needs``: those, and the task
    that its condition looks at. ``waits_for``: those, and whatever else must come first.
    """

    order: tuple[str, ...]
    context: Mapping[str, tuple[str, ...]]
    needs: Mapping[str, frozenset[str]]
    waits_for: Mapping[str, frozenset[str]]

    def ready(self, *, done: Collection[str], started: Collection[str]) -> tuple[str, ...]:
        """Tasks that may start now, in the plan's order."""
        finished = frozenset(done)
        return tuple(key for key in self.order if key not in started and self.waits_for[key] <= finished)

    def dependents(self, key: str) -> frozenset[str]:
        """Tasks that need this task's output, directly or through others, and so cannot run if it fails."""
        dependents: set[str] = set()
        for other in self.order:
            if not self.needs[other].isdisjoint({key, *dependents}):
                dependents.add(other)
        return frozenset(dependents)

    def critical_path(self, seconds: Mapping[str, float]) -> tuple[str, ...]:
        """The chain of tasks that decides how long the crew takes. ``seconds``: how long each task takes."""
        longest: dict[str, tuple[float, tuple[str, ...]]] = {}
        for key in self.order:
            before_s, chain = max((longest[other] for other in self.waits_for[key]), default=(0.0, ()))
            longest[key] = (before_s + seconds.get(key, 0.0), (*chain, key))
        return max(longest.values(), default=(0.0, ()))[1]


def make_plan(spec: CrewSpec) -> Plan:
    """The plan of a spec. Context on unknown tasks, or on the task itself, is left out here; ``validate`` refuses it.

    The rules of a sequential crew:

    - A synchronous task whose context is unset reads all earlier outputs.
    - An asynchronous task whose context is unset reads the outputs up to the last synchronous task before it. That is
      CrewAI's rule: asynchronous neighbours run at once and do not read each other.
    - A synchronous task waits for the synchronous ones before it, or, if it names what it reads, for that.
    - No task waits for an asynchronous one that it does not read.
    """
    is_sequential = spec.process != "parallel"
    keys = [task.key for task in spec.tasks]
    position = {key: index for index, key in enumerate(keys)}
    context: dict[str, tuple[str, ...]] = {}
    needs: dict[str, frozenset[str]] = {}
    waits_for: dict[str, frozenset[str]] = {}
    synchronous: list[str] = []
    after_synchronous = 0
    for index, task in enumerate(spec.tasks):
        earlier = keys[: after_synchronous if task.async_execution else index] if is_sequential else []
        context[task.key] = _context(task, earlier, position)
        condition = (task.condition.task,) if task.condition and task.condition.task in position else ()
        needs[task.key] = frozenset((*context[task.key], *condition))
        keeps_in_line = is_sequential and not task.async_execution and not task.context
        waits_for[task.key] = needs[task.key].union(synchronous if keeps_in_line else ())
        if is_sequential and not task.async_execution:
            synchronous.append(task.key)
            after_synchronous = index + 1
    order = _topological(keys, waits_for)
    return Plan(order=order, context=context, needs=needs, waits_for=waits_for)


def find_cycle(waits_for: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The keys along a cycle, the first repeated at the end; empty if there is none. Not recursive."""
    done: set[str] = set()
    for start in waits_for:
        path: dict[str, None] = {}  # in order, and quick to look into
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            key, leaving = stack.pop()
            if leaving:
                done.add(path.popitem()[0])
            elif key in path:
                return (*islice(path, list(path).index(key), None), key)
            elif key not in done:
                path[key] = None
                stack.append((key, True))
                stack.extend((other, False) for other in waits_for.get(key, ()) if other in waits_for)
    return ()


def _context(task: TaskSpec, earlier: list[str], position: Mapping[str, int]) -> tuple[str, ...]:
    if task.context is None:
        return tuple(earlier)
    return tuple(key for key in dict.fromkeys(task.context) if key in position and key != task.key)


def _topological(keys: list[str], waits_for: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """The listed order as far as dependencies allow. Tasks on a cycle come last, as listed."""
    position = {key: index for index, key in enumerate(keys)}
    waiting = {key: len(waits_for[key]) for key in position}
    followers: dict[str, list[str]] = {key: [] for key in position}
    for key in position:
        for other in waits_for[key]:
            followers[other].append(key)
    free = [position[key] for key, count in waiting.items() if not count]
    order: list[str] = []
    while waiting:
        key = keys[heapq.heappop(free)] if free else next(iter(waiting))
        del waiting[key]
        order.append(key)
        for follower in followers[key]:
            if follower in waiting:
                waiting[follower] -= 1
                if not waiting[follower]:
                    heapq.heappush(free, position[follower])
    return tuple(order)
