"""Reads operators: ``+`` and ``%`` on texts; ``or``, ``and`` and ``if`` as far as their outcome can be known."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agents_app.formats.budget import Budget
from agents_app.formats.python.formatting import interpolated, placed
from agents_app.formats.python.frames import Frame, evaluates, fallen_back, open_part, unknown
from agents_app.formats.python.labels import names_in, source_of
from agents_app.formats.python.paths import path_divided
from agents_app.formats.python.texts import MAX_TEXT, joined, template_of
from agents_app.formats.python.things import Annotation, Class, Function, is_toolset, type_name
from agents_app.formats.to_spec.values import (
    ASKED,
    Constant,
    Definition,
    Items,
    Mapping,
    Outside,
    Secret,
    Text,
    Unknown,
    Value,
    has_parts,
    literal_text,
    settled,
    size_of,
)

LARGEST = 10**9
MAX_REPEATED = 10_000


@evaluates(ast.BinOp)
def _binary(node: ast.BinOp, frame: Frame) -> Value:
    if isinstance(node.op, ast.Add):
        return _sum(node, frame)
    left, right, budget = frame.evaluate(node.left), frame.evaluate(node.right), frame.world.budget
    if isinstance(node.op, ast.Div) and (path := path_divided(left, right, frame)) is not None:
        return path
    if isinstance(node.op, ast.Mod) and isinstance(left, Text):
        budget.pay_elements(size_of(right))
        fields = placed(right.fields, budget) if isinstance(right, Mapping) else {}
        return interpolated(left, right.items if isinstance(right, Items) else [right], fields, budget)
    if isinstance(node.op, ast.Mult):
        whole, count = (right, left) if isinstance(settled(left), Constant) else (left, right)
        if (repeated := _repeated(whole, settled(count), budget)) is not None:
            return repeated
    return _arithmetic(node, frame, left, right)


def _repeated(whole: Value, count: Value, budget: Budget) -> Value | None:
    """``"-" * 3`` and ``[task] * 2``; None for anything else, and for what would be too large."""
    times = max(count.value, 0) if isinstance(count, Constant) and isinstance(count.value, int) else None
    if times is None:
        return None
    if isinstance(whole, Text) and times * len(whole.template) <= MAX_TEXT:
        budget.pay_chars(times * len(whole.template))
        return Text(whole.template * times, whole.computed)
    if isinstance(whole, Items) and times * len(whole.items) <= MAX_REPEATED:
        budget.pay_elements(times * len(whole.items))
        return Items(whole.items * times)
    return None


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
    if any(isinstance(settled(value), Items) or is_toolset(value) for value, _ in values):
        items: list[Value] = []
        for value, part in values:
            inner = settled(value)
            budget.pay_elements(size_of(inner))
            items.extend(inner.items if isinstance(inner, Items) else [open_part(inner, part, frame)])
        return Items(items)
    if any(isinstance(value, Text) or (isinstance(value, Unknown) and value.label == ASKED) for value, _ in values):
        return joined([template_of(value, budget, part) for value, part in values], budget)
    total: Value = settled(values[0][0])
    for value, _ in values[1:]:
        total = arithmetic(node.op, total, settled(value)) or Unknown("sum")
    if not isinstance(total, Constant):
        return unknown(node, frame)
    return fallen_back(total, (value for value, _ in values), node, frame)


def _arithmetic(node: ast.BinOp, frame: Frame, left: Value, right: Value) -> Value:
    first, second = settled(left), settled(right)
    if isinstance(node.op, ast.BitOr) and isinstance(first, Mapping) and isinstance(second, Mapping):
        frame.world.budget.pay_elements(size_of(first) + size_of(second))
        return Mapping({**first.fields, **second.fields}, first.place)
    if isinstance(node.op, ast.BitOr) and all(_is_type(side) for side in (left, right)):
        return Annotation(node, frame)
    result = arithmetic(node.op, first, second)
    return unknown(node, frame) if result is None else fallen_back(result, (left, right), node, frame)


def arithmetic(op: ast.operator, left: Value, right: Value) -> Constant | None:
    """The result for two numbers that are not too large; None for anything else."""
    calculate = _CALCULATE.get(type(op))
    if calculate is None or not (isinstance(left, Constant) and isinstance(right, Constant)):
        return None
    a, b = left.value, right.value
    if a is None or b is None or max(abs(a), abs(b)) > LARGEST or (isinstance(op, ast.Pow) and not 0 <= b <= 9):
        return None
    try:
        return Constant(calculate(a, b))
    except ArithmeticError:
        return None


def _is_type(value: Value) -> bool:
    return isinstance(value, Class | Annotation) or bool(type_name(value)) or value == Constant(None)


_CALCULATE: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


@evaluates(ast.UnaryOp)
def _unary(node: ast.UnaryOp, frame: Frame) -> Value:
    given = frame.evaluate(node.operand)
    value = settled(given)
    if isinstance(value, Constant) and isinstance(node.op, ast.USub) and value.value is not None:
        return fallen_back(Constant(-value.value), [given], node, frame)
    if isinstance(node.op, ast.Not) and (truth := truth_of(value)) is not None:
        return fallen_back(Constant(not truth), [given], node, frame)
    return unknown(node, frame)


@evaluates(ast.BoolOp)
def _boolean(node: ast.BoolOp, frame: Frame) -> Value:
    """``a or b`` is the first that is known to be true; ``a and b`` the last unless one is known to be false."""
    wanted = isinstance(node.op, ast.Or)
    values = [frame.evaluate(part) for part in node.values]
    if wanted and isinstance(values[0], Unknown | Secret) and truth_of(settled(values[0])) is None:
        return _with_fallback(values[0], values[-1])
    truths = [truth_of(settled(value)) for value in values]
    if wanted in truths:
        first = truths.index(wanted)
        is_plain = isinstance(values[first], Text | Constant)
        if wanted and is_plain and None in truths[:first]:
            return replace(unknown(node, frame), known=values[first])
        return _instead(values[first], values[:first], node.values[first], node, frame) if wanted else values[first]
    if None not in truths:
        return _instead(values[-1], values[:-1], node.values[-1], node, frame) if wanted else values[-1]
    return values[truths.index(None)] if wanted else unknown(node, frame)


def _instead(chosen: Value, operands: list[Value], part: ast.expr, node: ast.expr, frame: Frame) -> Value:
    """What is chosen instead of something that a run may give: an input of that name; of a list or a dictionary that
    is written there, ``inputs or {}``, what is read out of it are inputs."""
    given = next((value for value in operands if isinstance(value, Unknown)), None)
    is_written = isinstance(part, ast.Dict | ast.List) and isinstance(chosen, Items | Mapping)
    if given is not None and is_written and isinstance(chosen, Items | Mapping) and not has_parts(chosen):
        chosen.open_as = replace(given, known=None)
    return chosen if isinstance(chosen, Unknown) else fallen_back(chosen, operands, node, frame)


def _with_fallback(value: Value, fallback: Value) -> Value:
    """An unknown value, with the value that it has in the source if nothing else sets it."""
    if isinstance(value, Secret) and value.fallback is None:
        return Secret(value.name, settled(fallback))
    if isinstance(value, Unknown) and value.known is None:
        return replace(value, known=settled(fallback))
    return value


@evaluates(ast.Compare)
def _compare(node: ast.Compare, frame: Frame) -> Value:
    """Whether it holds; where a value is one that the source only falls back on, that is what is ``known``."""
    sides = [frame.evaluate(part) for part in (node.left, *node.comparators)]
    outcomes = [
        compared(op, left, right, frame.world.budget)
        for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
    ]
    whole = False if False in outcomes else None if None in outcomes else True
    if whole is None:
        return unknown(node, frame)
    settings = [side for side in sides if isinstance(side, Secret)]
    if settings and not any(isinstance(side, Unknown) for side in sides):
        return Secret(settings[0].name, Constant(whole))
    if any(isinstance(side, Unknown) for side in sides):
        open_value = unknown(node, frame)
        return replace(open_value, known=Constant(whole))
    return Constant(whole)


@evaluates(ast.IfExp)
def _conditional(node: ast.IfExp, frame: Frame) -> Value:
    test = frame.evaluate(node.test)
    truth = truth_of(settled(test))
    body, other = frame.evaluate(node.body), frame.evaluate(node.orelse)
    if truth is not None:
        chosen, part = (body, node.body) if truth else (other, node.orelse)
        return _instead(chosen, [_asked(node.test, test, frame)], part, node, frame)
    if body is not other and (has_parts(body) or has_parts(other)):
        message = f"Whether `{source_of(node.test, frame.world.budget)}` holds is only known when the code runs"
        frame.world.reading.report.info(frame.place(node), f"{message}: the crew was read as if it does.")
    if isinstance(body, Unknown | Secret):
        return _with_fallback(body, other)
    if isinstance(body, Text) and isinstance(other, Unknown | Secret):
        return _with_fallback(other, body)
    return replace(unknown(node, frame), known=body) if _is_plain(body) and body != other else body


def _asked(node: ast.expr, test: Value, frame: Frame) -> Value:
    """What a condition on one name asks for, as in ``{} if x is None else x``; else the condition's own value."""
    names = names_in(node, frame.world.budget)
    value = frame.lookup(names[0]) if len(names) == 1 else None
    return value if isinstance(test, Unknown) and isinstance(value, Unknown) else test


def _is_plain(value: Value) -> bool:
    return isinstance(value, Constant) or (isinstance(value, Text) and value.literal)


def compared(op: ast.cmpop, left: Value, right: Value, budget: Budget) -> bool | None:
    """Whether ``left op right`` holds; None if that cannot be known."""
    a, b = _plain(left, budget), _plain(right, budget)
    if isinstance(op, ast.Eq | ast.NotEq | ast.Is | ast.IsNot) and (alike := _same_member(left, right)) is not None:
        same: bool | None = alike
    elif isinstance(op, ast.Is | ast.IsNot) and (a is None or b is None):
        other = settled(right if a is None else left)
        same = False if isinstance(other, _NEVER_NONE) and _is_something(other) else None if _OPEN in (a, b) else a is b
    elif isinstance(op, ast.In | ast.NotIn):
        same = _contains(settled(right), a, budget)
    elif a is _OPEN or b is _OPEN:
        return None
    elif type(op) in _ORDERS:
        try:
            return bool(_ORDERS[type(op)](a, b))
        except TypeError:
            return None
    else:
        same = a == b
    return same if same is None or isinstance(op, ast.Eq | ast.Is | ast.In) else not same


def _is_something(value: Value) -> bool:
    """Whether it is no result of a function of a library, which may be anything."""
    return not isinstance(value, Definition) or value.is_object


def _same_member(left: Value, right: Value) -> bool | None:
    """Whether two members of one class from outside the source, or two parts of a crew, are the same; None for anything
    else."""
    first, second = settled(left), settled(right)
    if isinstance(first, Definition) and isinstance(second, Definition) and "other" not in (first.kind, second.kind):
        return True if first is second else None if first.origin is second.origin else False
    if not (isinstance(first, Outside) and isinstance(second, Outside)):
        return None
    cls, _, name = first.path.rpartition(".")
    is_one_class = cls == second.path.rpartition(".")[0] and cls.rpartition(".")[2][:1].isupper()
    return name == second.short if is_one_class else None


_OPEN = object()
_NEVER_NONE = (Text, Items, Mapping, Definition, Class, Function, Outside)
_ORDERS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _plain(value: Value, budget: Budget) -> Any:
    """A number, flag, None or text as Python's own; ``_OPEN`` for anything else."""
    inner = settled(value)
    if isinstance(inner, Constant):
        return inner.value
    text = literal_text(inner, budget)
    if text is None:
        return _OPEN
    budget.pay_chars(len(text))
    return text


def _contains(whole: Value, part: Any, budget: Budget) -> bool | None:
    if part is _OPEN:
        return None
    if isinstance(whole, Items):
        budget.pay_elements(len(whole.items))
        items = [_plain(item, budget) for item in whole.items]
        return True if part in items else None if _OPEN in items else False
    if isinstance(whole, Mapping):
        return str(part) in whole.fields
    text = literal_text(whole, budget)
    return part in text if text is not None and isinstance(part, str) else None


def truth_of(value: Value) -> bool | None:
    """Whether a value is true; None if that cannot be known."""
    if isinstance(value, Constant):
        return None if value.open_as is not None else bool(value.value)
    if isinstance(value, Text):
        return bool(value.template)
    if isinstance(value, Items | Mapping):
        return bool(size_of(value)) if size_of(value) or value.open_as is None else None
    return True if isinstance(value, Definition) and value.is_object else None
