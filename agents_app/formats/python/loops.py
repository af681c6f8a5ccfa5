"""Reads comprehensions, and what loops go over: the items if they are known, else one value that stands for all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import islice

from agents_app.formats.python.frames import Frame, evaluates
from agents_app.formats.python.labels import label_of
from agents_app.formats.python.texts import template_of
from agents_app.formats.python.things import called
from agents_app.formats.to_spec.values import Constant, Field, Items, Mapping, Text, Unknown, Value, settled, size_of

MAX_ITEMS = 300


@evaluates(ast.ListComp, ast.SetComp, ast.GeneratorExp)
def _comprehension(node: ast.ListComp | ast.SetComp | ast.GeneratorExp, frame: Frame) -> Value:
    inner = frame.inner()
    first = node.generators[0]
    items: list[Value] = []
    for item in repetitions(frame.evaluate(first.iter), first.target, frame):
        bind(first.target, item, inner)
        for further in node.generators[1:]:
            bind(further.target, next(repetitions(inner.evaluate(further.iter), further.target, inner)), inner)
        items.append(inner.evaluate(node.elt))
    return Items(items)


@evaluates(ast.DictComp)
def _dict_comprehension(node: ast.DictComp, frame: Frame) -> Value:
    inner = frame.inner()
    first = node.generators[0]
    fields: dict[str, Field] = {}
    for item in repetitions(frame.evaluate(first.iter), first.target, frame):
        bind(first.target, item, inner)
        key, value = settled(inner.evaluate(node.key)), inner.evaluate(node.value)
        if isinstance(key, Text | Constant):
            name = template_of(key, frame.world.budget).template
            fields[name] = Field(called(value, name), frame.place(node))
    return Mapping(fields, frame.place(node))


def repetitions(value: Value, target: ast.expr, frame: Frame) -> Iterator[Value]:
    """What a loop goes over: the items if they are known, else one value named after the loop's variable."""
    inner = settled(value)
    if isinstance(inner, Items) and inner.items:
        yield from inner.items[:MAX_ITEMS]
    elif isinstance(inner, Mapping) and inner.fields:
        yield from [Text(name) for name in islice(inner.fields, MAX_ITEMS)]
    else:
        yield Unknown(label_of(target, frame.world.budget))


def bind(target: ast.expr, value: Value, frame: Frame) -> None:
    """Sets a loop's variable, or each of several, to its value."""
    if isinstance(target, ast.Name):
        frame.names[target.id] = value
    elif isinstance(target, ast.Tuple | ast.List):
        for part, item in unpacked(target.elts, value, frame):
            bind(part, item, frame)


def unpacked(targets: list[ast.expr], value: Value, frame: Frame) -> Iterator[tuple[ast.expr, Value]]:
    """Each of several targets, one of which may be starred, with its value."""
    inner = settled(value)
    frame.world.budget.pay_elements(size_of(inner))
    items = list(inner.items) if isinstance(inner, Items) else []
    star = next((number for number, part in enumerate(targets) if isinstance(part, ast.Starred)), None)
    rest = len(items) - len(targets) + 1
    if star is not None and rest >= 0:
        items[star : star + rest] = [Items(items[star : star + rest])]
    for number, part in enumerate(targets):
        target = part.value if isinstance(part, ast.Starred) else part
        yield target, items[number] if len(items) == len(targets) else Unknown(label_of(target, frame.world.budget))
