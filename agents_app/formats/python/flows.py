"""What a Flow of the source does with its crews: the order of its steps is said, since no step is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from agents_app.formats.python.frames import Frame, FunctionNode
from agents_app.formats.report import Place, listed

MAX_STEPS = 50
_KINDS = ("start", "listen", "router")


@dataclass(slots=True)
class Step:
    """A method of a flow. ``after``: names of steps, and texts that routers answer; ``chooses``: it is a router."""

    name: str
    line: int
    after: tuple[str, ...]
    chooses: bool
    crews: tuple[str, ...]


def say_flow(node: ast.ClassDef, frame: Frame) -> None:
    """Says in which order a flow's steps come, and which crews they run, if the class is one."""
    steps = list(_steps(node, frame))[:MAX_STEPS]
    if not steps:
        return
    words = listed(_said(step) for step in _in_order(steps))
    message = (
        f"`{node.name}` is a Flow. Its steps are Python and were not imported, only the crews in it; launch those in "
    )
    frame.world.reading.report.warn(Place(steps[0].line, frame.file), f"{message}this order: {words}.")


def _steps(node: ast.ClassDef, frame: Frame) -> Iterator[Step]:
    for method in node.body:
        if not isinstance(method, FunctionNode):
            continue
        for decorator in method.decorator_list:
            call = decorator.func if isinstance(decorator, ast.Call) else decorator
            kind = call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "")
            if kind in _KINDS:
                args = decorator.args if isinstance(decorator, ast.Call) else []
                after = tuple(name for arg in args for name in _names(arg))
                yield Step(method.name, method.lineno, after, kind == "router", tuple(_crews(method, frame)))
                break


def _names(node: ast.expr) -> Iterator[str]:
    """The steps and answers that a decorator names, also within ``or_`` and ``and_``."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield f"“{node.value[:60]}”"
    elif isinstance(node, ast.Call):
        for arg in node.args:
            yield from _names(arg)


def _crews(method: FunctionNode, frame: Frame) -> Iterator[str]:
    """The functions and classes that build crews and are called in a step."""
    seen: dict[str, None] = {}
    for part in ast.walk(method):
        if (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Name)
            and part.func.id in frame.world.reach.builders
        ):
            seen[part.func.id] = None
    yield from seen


def _in_order(steps: list[Step]) -> list[Step]:
    """Each step after those that it waits for; one that waits for a router's answer comes after all routers."""
    done: list[Step] = []
    waiting = list(steps)
    while waiting:
        names = {step.name for step in waiting}
        ready = [step for step in waiting if not names.intersection(step.after)]
        plain = [step for step in ready if not step.after or not all(name.startswith("“") for name in step.after)]
        chosen = plain or ready or waiting[:1]
        done += chosen
        waiting = [step for step in waiting if step not in chosen]
    return done


def _said(step: Step) -> str:
    crews = f" runs {' and '.join(f'`{name}`' for name in step.crews[:5])}" if step.crews else ""
    after = f" after {' and '.join(step.after)}" if step.after else ""
    return f"{step.name}{after}{crews}{' and chooses what comes next' if step.chooses else ''}"
