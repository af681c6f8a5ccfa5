"""Reads Python expressions other than calls: literals, names, texts, lists, dictionaries, operators."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from ..values import Constant, Definition, Field, Items, Mapping, Outside, Secret, Text, Unknown, Value, settled
from .attributes import attribute_of
from .frames import Frame, evaluates, unknown
from .labels import label_of
from .texts import MAX_TEXT, interpolated, joined, template_of, without_layout

MAX_ITEMS = 300
_BUILTINS = frozenset(dir(builtins))


@evaluates(ast.Constant)
def _constant(node: ast.Constant, frame: Frame) -> Value:
    value = node.value
    if isinstance(value, str):
        return Text(without_layout(_storable(value)) if _is_block(node, frame) else _storable(value))
    if value is None or isinstance(value, bool | float):
        return Constant(value)
    if isinstance(value, int) and abs(value) < 10**15:
        return Constant(value)
    return unknown(node)


def _storable(text: str) -> str:
    """Without what escapes such as ``\\0`` and ``\\ud800`` can write into a text but no database takes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")


def _is_block(node: ast.Constant | ast.JoinedStr, frame: Frame) -> bool:
    """Whether a text is in triple quotes over several lines, so that the layout of the source indents its lines."""
    if node.end_lineno == node.lineno:
        return False
    lines = frame.world.lines.get(frame.file, [])
    line = lines[node.lineno - 1] if node.lineno <= len(lines) else ""
    start = line.encode("utf-8", "replace")[node.col_offset :].decode("utf-8", "replace")
    return start.lstrip("rRbBuUfF").startswith(('"""', "'''"))


@evaluates(ast.JoinedStr)
def _joined(node: ast.JoinedStr, frame: Frame) -> Value:
    """An f-string. Marks stand for its values while the layout is taken off, as those have lines of their own."""
    values: list[Text] = []
    pieces: list[str] = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            pieces.append(_storable(str(part.value)))
        else:
            pieces.append(f"\0{len(values)}\0")
            values.append(template_of(frame.evaluate(part), part))
    text = "".join(pieces)
    pieces = (without_layout(text) if _is_block(node, frame) else text).split("\0")
    return joined([values[int(piece)] if number % 2 else Text(piece) for number, piece in enumerate(pieces)])


@evaluates(ast.FormattedValue)
def _formatted(node: ast.FormattedValue, frame: Frame) -> Value:
    return template_of(frame.evaluate(node.value), node.value)


@evaluates(ast.Name)
def _name(node: ast.Name, frame: Frame) -> Value:
    value = frame.lookup(node.id)
    if value is not None:
        return value
    return Outside(node.id) if node.id in _BUILTINS else Unknown(node.id, defined=False)


@evaluates(ast.Attribute)
def _attribute(node: ast.Attribute, frame: Frame) -> Value:
    return attribute_of(frame.evaluate(node.value), node, frame)


@evaluates(ast.List, ast.Tuple, ast.Set)
def _items(node: ast.List | ast.Tuple | ast.Set, frame: Frame) -> Value:
    return Items(list(_spread(node.elts, frame)))


def _spread(nodes: list[ast.expr], frame: Frame) -> Iterator[Value]:
    for node in nodes:
        if isinstance(node, ast.Starred):
            inner = settled(frame.evaluate(node.value))
            yield from inner.items if isinstance(inner, Items) else (unknown(node.value),)
        else:
            yield frame.evaluate(node)


@evaluates(ast.Dict)
def _dict(node: ast.Dict, frame: Frame) -> Value:
    fields: dict[str, Field] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        given = frame.evaluate(value)
        if key is None:
            inner = settled(given)
            fields.update(inner.fields if isinstance(inner, Mapping) else {})
            continue
        named = settled(frame.evaluate(key))
        if isinstance(named, Text | Constant):
            fields[template_of(named).template] = Field(_called(given, template_of(named).template), frame.place(value))
    return Mapping(fields, frame.place(node))


def _called(value: Value, name: str) -> Value:
    if isinstance(value, Definition) and not value.name:
        value.name = name
    return value


@evaluates(ast.Subscript)
def _subscript(node: ast.Subscript, frame: Frame) -> Value:
    container = frame.evaluate(node.value)
    inner = settled(container)
    if isinstance(node.slice, ast.Slice):
        return _slice(inner, node.slice, frame) or unknown(node)
    index = settled(frame.evaluate(node.slice))
    if isinstance(inner, Outside) and inner.short in ("environ", "secrets") and isinstance(index, Text):
        return Secret(index.template)
    if isinstance(inner, Mapping) and isinstance(index, Text | Constant):
        found = inner.fields.get(template_of(index).template)
        return found.value if found else unknown(node)
    if isinstance(inner, Items) and isinstance(index, Constant) and isinstance(index.value, int):
        position = index.value
        return inner.items[position] if -len(inner.items) <= position < len(inner.items) else unknown(node)
    if isinstance(container, Unknown) and isinstance(index, Text) and not container.source:
        return Unknown(label_of(node), defined=container.defined)
    return unknown(node)


def _slice(value: Value, node: ast.Slice, frame: Frame) -> Value | None:
    bounds: list[int | None] = []
    for part in (node.lower, node.upper, node.step):
        bound = settled(frame.evaluate(part)) if part is not None else Constant(None)
        if not isinstance(bound, Constant) or isinstance(bound.value, float):
            return None
        bounds.append(bound.value)
    cut = slice(bounds[0], bounds[1], bounds[2] or None)
    if isinstance(value, Items):
        return Items(value.items[cut])
    return Text(value.template[cut]) if isinstance(value, Text) and value.literal else None


@evaluates(ast.BinOp)
def _binary(node: ast.BinOp, frame: Frame) -> Value:
    if isinstance(node.op, ast.Add):
        return _sum(node, frame)
    left, right = frame.evaluate(node.left), frame.evaluate(node.right)
    if isinstance(node.op, ast.Mod) and isinstance(left, Text):
        fields = {name: given.value for name, given in right.fields.items()} if isinstance(right, Mapping) else {}
        return interpolated(left, right.items if isinstance(right, Items) else [right], fields)
    if isinstance(node.op, ast.Mult) and isinstance(left, Text) and isinstance(right, Constant):
        times = right.value if isinstance(right.value, int) else 0
        if 0 <= times * len(left.template) <= MAX_TEXT:
            return Text(left.template * times, left.computed)
    return _arithmetic(node, left, right)


def _sum(node: ast.BinOp, frame: Frame) -> Value:
    """A chain of ``+``, however long, read from the left without recursion."""
    nodes: list[ast.expr] = []
    rest: ast.expr = node
    while isinstance(rest, ast.BinOp) and isinstance(rest.op, ast.Add):
        nodes.append(rest.right)
        rest = rest.left
    nodes.append(rest)
    values = [(frame.evaluate(part), part) for part in reversed(nodes)]
    if any(isinstance(settled(value), Items) for value, _ in values):
        found: list[Value] = []
        for value, part in values:
            inner = settled(value)
            found.extend(inner.items if isinstance(inner, Items) else [unknown(part)])
        return Items(found)
    if any(isinstance(value, Text) for value, _ in values):
        return joined([template_of(value, part) for value, part in values])
    return _arithmetic(node, *(value for value, _ in values)) if len(values) == 2 else unknown(node)


def _arithmetic(node: ast.BinOp, left: Value, right: Value) -> Value:
    one, other = settled(left), settled(right)
    if not (isinstance(one, Constant) and isinstance(other, Constant)):
        return unknown(node)
    a, b = one.value, other.value
    if a is None or b is None or max(abs(a), abs(b)) > 10**9:
        return unknown(node)
    if isinstance(node.op, ast.Add):
        return Constant(a + b)
    if isinstance(node.op, ast.Sub):
        return Constant(a - b)
    return Constant(a * b) if isinstance(node.op, ast.Mult) else unknown(node)


@evaluates(ast.UnaryOp)
def _unary(node: ast.UnaryOp, frame: Frame) -> Value:
    value = settled(frame.evaluate(node.operand))
    if isinstance(value, Constant) and isinstance(node.op, ast.USub) and value.value is not None:
        return Constant(-value.value)
    if isinstance(node.op, ast.Not) and (truth := truth_of(value)) is not None:
        return Constant(not truth)
    return unknown(node)


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
    return known[-1] if known else values[0] if wanted else unknown(node)


def _with_fallback(value: Value, fallback: Value) -> Value:
    """What is not known, with what it is in the source if nothing else gives it a value."""
    if isinstance(value, Secret) and value.fallback is None:
        return Secret(value.name, fallback)
    if isinstance(value, Unknown) and value.known is None:
        return Unknown(value.label, value.source, fallback, value.defined)
    return value


@evaluates(ast.Compare)
def _compare(node: ast.Compare, frame: Frame) -> Value:
    values = [settled(frame.evaluate(part)) for part in (node.left, *node.comparators)]
    if len(values) != 2 or not all(isinstance(v, Constant) or (isinstance(v, Text) and v.literal) for v in values):
        return unknown(node)
    if isinstance(node.ops[0], ast.Eq | ast.Is):
        return Constant(values[0] == values[1])
    return Constant(values[0] != values[1]) if isinstance(node.ops[0], ast.NotEq | ast.IsNot) else unknown(node)


@evaluates(ast.IfExp)
def _conditional(node: ast.IfExp, frame: Frame) -> Value:
    truth = truth_of(settled(frame.evaluate(node.test)))
    body, other = frame.evaluate(node.body), frame.evaluate(node.orelse)
    if truth is not None:
        return body if truth else other
    if isinstance(body, Unknown | Secret):
        return _with_fallback(body, other)
    return _with_fallback(other, body) if isinstance(other, Unknown | Secret) and isinstance(body, Text) else body


@evaluates(ast.Await)
def _await(node: ast.Await, frame: Frame) -> Value:
    return frame.evaluate(node.value)


@evaluates(ast.NamedExpr)
def _named(node: ast.NamedExpr, frame: Frame) -> Value:
    value = frame.evaluate(node.value)
    frame.names[node.target.id] = value
    return value


@evaluates(ast.ListComp, ast.SetComp, ast.GeneratorExp)
def _comprehension(node: ast.ListComp | ast.SetComp | ast.GeneratorExp, frame: Frame) -> Value:
    inner = frame.inner()
    first = node.generators[0]
    found: list[Value] = []
    for item in repetitions(frame.evaluate(first.iter), first.target):
        bind(first.target, item, inner)
        for further in node.generators[1:]:
            bind(further.target, next(repetitions(inner.evaluate(further.iter), further.target)), inner)
        found.append(inner.evaluate(node.elt))
    return Items(found)


@evaluates(ast.DictComp)
def _dict_comprehension(node: ast.DictComp, frame: Frame) -> Value:
    inner = frame.inner()
    first = node.generators[0]
    fields: dict[str, Field] = {}
    for item in repetitions(frame.evaluate(first.iter), first.target):
        bind(first.target, item, inner)
        key, value = settled(inner.evaluate(node.key)), inner.evaluate(node.value)
        if isinstance(key, Text | Constant):
            name = template_of(key).template
            fields[name] = Field(_called(value, name), frame.place(node))
    return Mapping(fields, frame.place(node))


def repetitions(value: Value, target: ast.expr) -> Iterator[Value]:
    """What a loop goes over: the items where they can be seen, else one value named after the loop's variable."""
    inner = settled(value)
    if isinstance(inner, Items) and inner.items:
        yield from inner.items[:MAX_ITEMS]
    elif isinstance(inner, Mapping) and inner.fields:
        yield from (Text(name) for name in inner.fields)
    else:
        yield Unknown(label_of(target))


def bind(target: ast.expr, value: Value, frame: Frame) -> None:
    """Gives a loop's variable, or each of several, its value."""
    if isinstance(target, ast.Name):
        frame.names[target.id] = value
    elif isinstance(target, ast.Tuple | ast.List):
        inner = settled(value)
        items = inner.items if isinstance(inner, Items) and len(inner.items) == len(target.elts) else None
        for number, part in enumerate(target.elts):
            bind(part, items[number] if items else Unknown(label_of(part)), frame)


def truth_of(value: Value) -> bool | None:
    """Whether a value is true, where that can be known."""
    if isinstance(value, Constant):
        return bool(value.value)
    if isinstance(value, Text):
        return bool(value.template)
    if isinstance(value, Items):
        return bool(value.items)
    return True if isinstance(value, Definition) else None
