"""Reads operators: ``+`` and ``%`` on texts; ``or``, ``and`` and ``if`` as far as their outcome can be known."""

from __future__ import annotations

import ast

from agents_app.formats.python.frames import Frame, evaluates, unknown
from agents_app.formats.python.texts import MAX_TEXT, interpolated, joined, template_of
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Items,
    Mapping,
    Secret,
    Text,
    Unknown,
    Value,
    settled,
    size_of,
)


@evaluates(ast.BinOp)
def _binary(node: ast.BinOp, frame: Frame) -> Value:
    if isinstance(node.op, ast.Add):
        return _sum(node, frame)
    left, right, budget = frame.evaluate(node.left), frame.evaluate(node.right), frame.world.budget
    if isinstance(node.op, ast.Mod) and isinstance(left, Text):
        budget.pay_elements(size_of(right))
        fields = {name: field.value for name, field in right.fields.items()} if isinstance(right, Mapping) else {}
        return interpolated(left, right.items if isinstance(right, Items) else [right], fields, budget)
    if isinstance(node.op, ast.Mult) and isinstance(left, Text) and isinstance(right, Constant):
        times = right.value if isinstance(right.value, int) else 0
        if 0 <= times * len(left.template) <= MAX_TEXT:
            budget.pay_chars(times * len(left.template))
            return Text(left.template * times, left.computed)
    return _arithmetic(node, frame, left, right)


def _sum(node: ast.BinOp, frame: Frame) -> Value:
    """A chain of ``+``, however long, read from the left without recursion."""
    budget = frame.world.budget
    nodes: list[ast.expr] = []
    rest: ast.expr = node
    while isinstance(rest, ast.BinOp) and isinstance(rest.op, ast.Add):
        nodes.append(rest.right)
        rest = rest.left
    nodes.append(rest)
    values = [(frame.evaluate(part), part) for part in reversed(nodes)]
    if any(isinstance(settled(value), Items) for value, _ in values):
        items: list[Value] = []
        for value, part in values:
            inner = settled(value)
            budget.pay_elements(size_of(inner))
            items.extend(inner.items if isinstance(inner, Items) else [unknown(part, frame)])
        return Items(items)
    if any(isinstance(value, Text) for value, _ in values):
        return joined([template_of(value, budget, part) for value, part in values], budget)
    return _arithmetic(node, frame, *(value for value, _ in values)) if len(values) == 2 else unknown(node, frame)


def _arithmetic(node: ast.BinOp, frame: Frame, left: Value, right: Value) -> Value:
    first, second = settled(left), settled(right)
    if not (isinstance(first, Constant) and isinstance(second, Constant)):
        return unknown(node, frame)
    a, b = first.value, second.value
    if a is None or b is None or max(abs(a), abs(b)) > 10**9:
        return unknown(node, frame)
    if isinstance(node.op, ast.Add):
        return Constant(a + b)
    if isinstance(node.op, ast.Sub):
        return Constant(a - b)
    return Constant(a * b) if isinstance(node.op, ast.Mult) else unknown(node, frame)


@evaluates(ast.UnaryOp)
def _unary(node: ast.UnaryOp, frame: Frame) -> Value:
    value = settled(frame.evaluate(node.operand))
    if isinstance(value, Constant) and isinstance(node.op, ast.USub) and value.value is not None:
        return Constant(-value.value)
    if isinstance(node.op, ast.Not) and (truth := truth_of(value)) is not None:
        return Constant(not truth)
    return unknown(node, frame)


@evaluates(ast.BoolOp)
def _boolean(node: ast.BoolOp, frame: Frame) -> Value:
    """``a or b`` is the first that is known to be true; ``a and b`` the last unless one is known to be false."""
    wanted = isinstance(node.op, ast.Or)
    values = [frame.evaluate(part) for part in node.values]
    if wanted and isinstance(values[0], Unknown | Secret) and truth_of(settled(values[0])) is None:
        return _with_fallback(values[0], values[-1])
    for value in values:
        if truth_of(settled(value)) is wanted:
            return value
    known = [value for value in values if truth_of(settled(value)) is not None]
    return known[-1] if known else values[0] if wanted else unknown(node, frame)


def _with_fallback(value: Value, fallback: Value) -> Value:
    """An unknown value, with the value that it has in the source if nothing else sets it."""
    if isinstance(value, Secret) and value.fallback is None:
        return Secret(value.name, settled(fallback))
    if isinstance(value, Unknown) and value.known is None:
        return Unknown(value.label, value.source, settled(fallback), value.defined)
    return value


@evaluates(ast.Compare)
def _compare(node: ast.Compare, frame: Frame) -> Value:
    values = [settled(frame.evaluate(part)) for part in (node.left, *node.comparators)]
    if len(values) != 2 or not all(isinstance(v, Constant) or (isinstance(v, Text) and v.literal) for v in values):
        return unknown(node, frame)
    frame.world.budget.pay_chars(sum(len(v.template) for v in values if isinstance(v, Text)))
    if isinstance(node.ops[0], ast.Eq | ast.Is):
        return Constant(values[0] == values[1])
    return Constant(values[0] != values[1]) if isinstance(node.ops[0], ast.NotEq | ast.IsNot) else unknown(node, frame)


@evaluates(ast.IfExp)
def _conditional(node: ast.IfExp, frame: Frame) -> Value:
    truth = truth_of(settled(frame.evaluate(node.test)))
    body, other = frame.evaluate(node.body), frame.evaluate(node.orelse)
    if truth is not None:
        return body if truth else other
    if isinstance(body, Unknown | Secret):
        return _with_fallback(body, other)
    return _with_fallback(other, body) if isinstance(other, Unknown | Secret) and isinstance(body, Text) else body


def truth_of(value: Value) -> bool | None:
    """Whether a value is true; None if that cannot be known."""
    if isinstance(value, Constant):
        return bool(value.value)
    if isinstance(value, Text):
        return bool(value.template)
    if isinstance(value, Items):
        return bool(value.items)
    return True if isinstance(value, Definition) else None
