"""What a loop that goes round nobody knows how often changes for its next turn: what it reads of that is an input."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from agents_app.formats.budget import Budget
from agents_app.formats.python.frames import Frame, identity_of
from agents_app.formats.python.labels import as_label, names_in
from agents_app.formats.python.texts import joined, template_of
from agents_app.formats.python.uses import names_filled
from agents_app.formats.report import Place
from agents_app.formats.to_spec.values import (
    MAX_LOOKED_AT,
    Constant,
    Definition,
    Items,
    Mapping,
    Missing,
    Text,
    Unknown,
    Value,
    has_parts,
    is_same,
    settled,
    unmarked,
)

Loop = ast.For | ast.AsyncFor | ast.While


@contextmanager
def one_of_many(node: Loop, frame: Frame) -> Iterator[None]:
    """While the body is followed once for all turns: names that it gives another value are inputs with what they are
    before. Afterwards a text that it makes longer is what it was, and an input for what the loop adds."""
    assigned, added, filled = _changed(node)
    frame.world.budget.pay_steps(len(assigned) + len(added) + len(filled))
    before = {name: frame.names[name] for name in (*assigned, *added) if _differs_by_turn(frame.names.get(name))}
    told_apart = [identity_of(value) for name in names_in(node, frame.world.budget) if (value := frame.lookup(name))]
    which = frame.world.budget.number_of("turns", node, *told_apart)
    opened = {name: _open(name, value, which, frame) for name, value in before.items()}
    frame.names.update(opened)
    for name in filled:
        _open_content(name, which, frame)
    yield
    for name, value in opened.items():
        now = frame.names.get(name)
        if now is value:
            frame.set(name, before[name])
        elif now is not None and name in added and name not in assigned:
            frame.set(name, _grown(name, before[name], value, now, which, frame))


def mark_alike(starts: list[int], loop: Place, frame: Frame) -> None:
    """Marks the tasks of a loop's later rounds if they differ from the first's only in what a run shows; ``starts``:
    how many tasks there were before each round."""
    tasks, budget = frame.world.found.tasks, frame.world.budget
    size = starts[1] - starts[0] if len(starts) > 1 else 0
    if not size or starts != list(range(starts[0], starts[0] + len(starts) * size, size)):
        return
    first, later = tasks[starts[0] : starts[1]], tasks[starts[1] :]
    if len(later) == size * (len(starts) - 1) and all(
        _is_alike(first[number % size], task, budget) for number, task in enumerate(later)
    ):
        for task in later:
            task.again = loop


def _is_alike(one: Definition, other: Definition, budget: Budget) -> bool:
    """Whether two tasks of one call differ in nothing but what stands for what only a run shows, and do in that."""
    budget.pay_elements(len(one.fields))
    if one.origin is not other.origin or list(one.fields) != list(other.fields):
        return False
    is_open = False
    for name in one.fields:
        a, b = one.fields[name].value, other.fields[name].value
        texts = [template_of(value, budget).template for value in (a, b) if isinstance(value, Text | Unknown)]
        if len(texts) == 2:
            budget.pay_looking(len(texts[0]) + len(texts[1]))
            is_open |= texts[0] != texts[1]
            if unmarked(texts[0]) != unmarked(texts[1]):
                return False
        elif not (_is_one(a, b) or is_same(a, b, budget)):
            return False
    return is_open


def _is_one(one: Value, other: Value) -> bool:
    """Whether both are what one call makes, or lists of as many such."""
    if isinstance(one, Items) and isinstance(other, Items):
        return len(one.items) == len(other.items) <= MAX_LOOKED_AT and all(map(_is_one, one.items, other.items))
    is_made = isinstance(one, Definition) and isinstance(other, Definition)
    return is_made and getattr(one, "origin", None) is getattr(other, "origin", None)


def ends_by_run(node: ast.While, frame: Frame) -> bool:
    """Whether a loop's test asks for something that its body sets where what was called there says so."""
    parts = [part for statement in node.body for part in ast.walk(statement)]
    frame.world.budget.pay_steps(len(parts) // 5)
    asked = set(names_in(node.test, frame.world.budget))
    found = {name for part in parts if isinstance(part, ast.Assign) and _calls(part.value) for name in _targets(part)}
    branches = [part for part in parts if isinstance(part, ast.If) and not found.isdisjoint(_named(part.test))]
    within = [part for branch in branches for part in ast.walk(branch) if isinstance(part, ast.Assign)]
    frame.world.budget.pay_steps(len(within))
    return any(not asked.isdisjoint(_targets(part)) for part in within)


def _calls(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(node))


def _named(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _targets(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def _changed(node: Loop) -> tuple[list[str], list[str], list[str]]:
    """The names that the body of a loop assigns, those that it adds to, and those whose content it changes."""
    assigned: list[str] = []
    added: list[str] = []
    filled: list[str] = []
    for statement in node.body:
        for part in ast.walk(statement):
            if isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name):
                added.append(part.target.id)
            elif isinstance(part, ast.Assign | ast.AnnAssign | ast.NamedExpr):
                targets = part.targets if isinstance(part, ast.Assign) else [part.target]
                assigned += [target.id for target in targets if isinstance(target, ast.Name)]
            filled += names_filled(part)
    return list(dict.fromkeys(assigned)), list(dict.fromkeys(added)), list(dict.fromkeys(filled))


def _differs_by_turn(value: Value | None) -> bool:
    return isinstance(value, Text | Constant | Unknown) and not isinstance(value, Missing)


def _open(name: str, value: Value, turns: int, frame: Frame) -> Unknown:
    which = frame.world.budget.number_of("turn", turns, name)
    known = settled(value)
    known_text = known if isinstance(known, Text | Constant) else None
    return Unknown(as_label(name), name, known_text, which=which, within=frame.function_name())


def _open_content(name: str, turns: int, frame: Frame) -> None:
    value = frame.names.get(name)
    if isinstance(value, Items | Mapping) and value.open_as is None and not has_parts(value):
        which = frame.world.budget.number_of("turn", turns, name)
        value.open_as = Unknown(as_label(name), name, which=which, within=frame.function_name())


def _grown(name: str, before: Value, opened: Unknown, now: Value, turns: int, frame: Frame) -> Value:
    """A text that a loop made longer: what it was before, with an input for the rest. A number is an input."""
    budget = frame.world.budget
    which = budget.number_of("grown", turns, name)
    if isinstance(now, Text) and isinstance(before, Text) and now.template.startswith(opened.mark):
        rest = Unknown(as_label(name), name, which=which, within=frame.function_name())
        return joined([before, Text(rest.mark, (rest,))], budget) if before.template else rest
    known = settled(now)
    return replace(opened, known=known if isinstance(known, Constant) else None, which=which)
