"""In which order CrewAI runs a crew's tasks, and what it has to be told so that each reads what it reads here.

To CrewAI 1.15 a task without a context of its own reads all answers before it if it is synchronous, and nothing if it
is not. It has no process in which tasks start as soon as what they read is there, no crew ends with two asynchronous
tasks, and conditional tasks are synchronous.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agents_app.writers.remarks import Remarks
from engine.spec.crew_spec import CrewSpec, TaskSpec
from engine.spec.plan import Plan, make_plan


@dataclass(frozen=True, slots=True)
class Turn:
    """A task when its turn comes. ``context``: keys of what it reads; None is what CrewAI gives it anyway.

    ``before``: the key of the task whose answer came last; "" for the first.
    """

    task: TaskSpec
    context: tuple[str, ...] | None
    is_async: bool
    before: str = ""

    @property
    def is_first(self) -> bool:
        return not self.before


def turns(spec: CrewSpec, remarks: Remarks) -> list[Turn]:
    """The crew's tasks in CrewAI's order."""
    plan = make_plan(spec)
    keys = _order(spec, plan)
    if spec.process == "parallel" and len(keys) > 1:
        remarks.warn(
            "process",
            "CrewAI has no process in which tasks run side by side as soon as what they read is there: "
            "they run one after the other, and read the same.",
        )
    elif list(keys) != [task.key for task in spec.tasks]:
        remarks.warn("tasks", "Some tasks read later ones: they stand in the order in which they can run.")
    waiting = [_turn(spec, plan, key) for key in keys]
    waiting = list(_allowed(waiting, remarks))
    seen: list[str] = []
    ordered = []
    for turn in waiting:
        ordered.append(replace(_settled(turn, plan, seen, remarks), before=seen[-1] if seen else ""))
        seen.append(turn.task.key)
    return ordered


def _order(spec: CrewSpec, plan: Plan) -> tuple[str, ...]:
    """The order of the list if every task can run in it; else one in which each comes after what it reads."""
    place = {task.key: index for index, task in enumerate(spec.tasks)}
    fits = all(place[other] < place[key] for key, others in plan.needs.items() for other in others if other in place)
    keys = tuple(dict.fromkeys(task.key for task in spec.tasks))
    return keys if fits or set(plan.order) != set(keys) else plan.order


def _turn(spec: CrewSpec, plan: Plan, key: str) -> Turn:
    task = spec.task(key)
    assert task is not None
    is_async = task.async_execution and spec.process != "parallel"
    written_out = task.context is not None or spec.process == "parallel"
    return Turn(task, plan.context[key] if written_out else None, is_async)


def _allowed(waiting: list[Turn], remarks: Remarks) -> Iterator[Turn]:
    """The turns without the asynchronous ones that CrewAI refuses."""
    beside: set[str] = set()
    for index, turn in enumerate(waiting):
        refusal = _refusal(turn, beside, is_last=index == len(waiting) - 1) if turn.is_async else ""
        if refusal:
            remarks.warn(f"tasks.{turn.task.key}.async_execution", refusal)
        is_async = turn.is_async and not refusal
        beside = beside | {turn.task.key} if is_async else set()
        yield replace(turn, is_async=is_async)


def _refusal(turn: Turn, beside: set[str], *, is_last: bool) -> str:
    """Why CrewAI takes no asynchronous task there, or "". ``beside``: asynchronous ones right before it."""
    if turn.task.condition is not None:
        return "A task with a condition is not asynchronous in CrewAI: others wait for it."
    if not beside.isdisjoint(turn.context or ()):
        return "It reads an asynchronous task beside it, which CrewAI refuses: others wait for it."
    if is_last and beside:
        return "A crew of CrewAI ends with one asynchronous task at most: the last one is none."
    return ""


def _settled(turn: Turn, plan: Plan, seen: list[str], remarks: Remarks) -> Turn:
    """The turn with its context written out where CrewAI would give it something else."""
    if turn.context is not None:
        return turn
    reads = plan.context[turn.task.key]
    given = [] if turn.is_async else seen
    if list(reads) == list(given):
        return turn
    path = f"tasks.{turn.task.key}.context"
    remarks.info(path, "CrewAI would give it other answers to read: what it reads here is written out.")
    return replace(turn, context=tuple(reads))
