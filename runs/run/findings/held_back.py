"""What kept a task from beginning earlier, and so from running beside others: by its plan and by what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.spec.crew_spec import CrewSpec, TaskSpec
from engine.spec.plan import Plan
from runs.run.findings.critical_path import Span, before

READS, ORDER, IN_LINE, CONDITION = "reads", "order", "in_line", "condition"
"""Why a task waited for another one: it names it as its context; it names none and so reads all before it; both are
synchronous; its condition looks at it."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """``after``: the task that it began after, of those that it waits for the one that ended last; "": none.

    ``gap_ms``: from that one's end, or the run's first claim, to its own begin. The waits lie within the task.
    """

    after: str
    why: str
    gap_ms: int
    rate_ms: int = 0
    budget_ms: int = 0
    person_ms: int = 0


def held_back(key: str, tasks: Mapping[str, Span], plan: Plan, spec: CrewSpec) -> HeldBack:
    """``tasks``: those that have begun, the key's own among them; moments are microseconds since the first claim."""
    start = tasks[key].start
    earlier = {other for other in before(key, tasks, plan.waits_for) if tasks[other].stop <= start}
    if not earlier:
        return HeldBack("", "", round(start / 1000))
    after = max(earlier, key=lambda other: (tasks[other].stop, other))
    task = next(task for task in spec.tasks if task.key == key)
    direct = {
        other
        for other in plan.waits_for[key]
        if other == after or (after in before(other, tasks, plan.waits_for) and other not in tasks)
    }
    return HeldBack(after, _why(task, direct, plan), round((start - tasks[after].stop) / 1000))


def _why(task: TaskSpec, others: set[str], plan: Plan) -> str:
    """Why the task waits for these, the strongest reason first."""
    if task.condition is not None and task.condition.task in others:
        return CONDITION
    if not others.isdisjoint(plan.context[task.key]):
        return READS if task.context is not None else ORDER
    return IN_LINE
