"""Reads Python expressions: literals, f-strings, names, lists, dictionaries, subscripts."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import replace

from agents_app.formats.python.attributes import (
    as_written,
    attribute_of,
    items_of,
    made_by,
    own_method,
    taken_from_outside,
)
from agents_app.formats.python.changes import name_as_read
from agents_app.formats.python.command_line import argument
from agents_app.formats.python.formatting import with_spec
from agents_app.formats.python.frames import Frame, evaluates, fallen_back, named_here, open_part, part_of, unknown
from agents_app.formats.python.known import is_part
from agents_app.formats.python.labels import label_in, label_of, source_of, written
from agents_app.formats.python.texts import joined, template_of, without_layout
from agents_app.formats.python.things import MAX_NAME, TYPES, Annotation, Function, Instance, called, type_name
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Items,
    Mapping,
    Missing,
    Outside,
    Secret,
    Text,
    Unknown,
    Value,
    found_in,
    has_parts,
    literal_text,
    members,
    settled,
    size_of,
)
from engine.text import storable

_BUILTINS = frozenset(dir(builtins))
MAX_INPUT = 100
"""Characters of a constant that may be an input: longer ones are parts of a prompt."""


@evaluates(ast.Constant)
def _constant(node: ast.Constant, frame: Frame) -> Value:
    value = node.value
    if isinstance(value, str):
        frame.world.budget.pay_chars(len(value))
        text = storable(value, nul="")
        return Text(without_layout(text) if _is_block(node, frame) else text)
    if value is None or isinstance(value, bool | float):
        return Constant(value)
    if isinstance(value, int) and abs(value) < 10**15:
        return Constant(value)
    return unknown(node, frame)


def _is_block(node: ast.Constant | ast.JoinedStr, frame: Frame) -> bool:
    """Whether a text in triple quotes runs over several lines, which are then indented by the source's layout."""
    if node.end_lineno == node.lineno:
        return False
    lines = frame.world.lines.get(frame.file, [])
    line = lines[node.lineno - 1] if node.lineno <= len(lines) else ""
    frame.world.budget.pay_looking(len(line))
    start = line.encode("utf-8", "replace")[node.col_offset :].decode("utf-8", "replace")
    return start.lstrip("rRbBuUfF").startswith(('"""', "'''"))


@evaluates(ast.JoinedStr)
def _joined(node: ast.JoinedStr, frame: Frame) -> Value:
    """An f-string. While the layout is taken off, marks stand for its values, whose lines must not be changed."""
    budget = frame.world.budget
    values: list[Text] = []
    pieces: list[str] = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            pieces.append(storable(str(part.value), nul=""))
        else:
            pieces.append(f"\0{len(values)}\0")
            value = _constant_as_input(part, frame) if len(node.values) > 1 else None
            values.append(template_of(value or frame.evaluate(part), budget, part))
    text = "".join(pieces)
    budget.pay_chars(len(text))
    pieces = (without_layout(text) if _is_block(node, frame) else text).split("\0")
    return joined([values[int(piece)] if number % 2 else Text(piece) for number, piece in enumerate(pieces)], budget)


def _constant_as_input(part: ast.expr, frame: Frame) -> Value | None:
    """A short text that the source names once and puts into a longer one: an input, with that text as its default."""
    if not isinstance(part, ast.FormattedValue) or part.format_spec is not None or part.conversion != -1:
        return None
    name = part.value.id if isinstance(part.value, ast.Name) else ""
    value = frame.constant(name)
    text = value.template if isinstance(value, Text) else ""
    label = (name.lower() if name.isupper() else name).strip("_")
    if not text.strip() or len(text) > MAX_INPUT or "\n" in text or "{" in text or not label.isidentifier():
        return None
    if frame.world.input_texts.setdefault(label, text) != text:
        return None
    return Unknown(label, known=value)


@evaluates(ast.FormattedValue)
def _formatted(node: ast.FormattedValue, frame: Frame) -> Value:
    value, budget = as_written(frame.evaluate(node.value), frame), frame.world.budget
    if node.format_spec is not None or node.conversion != -1:
        spec = literal_text(frame.evaluate(node.format_spec), budget) if node.format_spec is not None else ""
        conversion = chr(node.conversion) if node.conversion != -1 else ""
        shown = with_spec(value, spec, conversion, budget) if spec is not None else None
        if shown is not None:
            return shown
    return template_of(value, budget, node.value)


@evaluates(ast.Name)
def _name(node: ast.Name, frame: Frame) -> Value:
    value = frame.lookup(node.id)
    if value is not None:
        return name_as_read(value, node, frame)
    if node.id in _BUILTINS:
        return Outside(node.id)
    module = frame.world.stars.get(frame.file)
    return Outside(f"{module}.{node.id}") if module and not is_part(node.id) else Unknown(node.id, defined=False)


@evaluates(ast.Attribute)
def _attribute(node: ast.Attribute, frame: Frame) -> Value:
    return attribute_of(frame.evaluate(node.value), node, frame)


@evaluates(ast.List, ast.Tuple, ast.Set)
def _items(node: ast.List | ast.Tuple | ast.Set, frame: Frame) -> Value:
    shape = "tuple" if isinstance(node, ast.Tuple) else "set" if isinstance(node, ast.Set) else "list"
    return Items(list(_spread(node.elts, frame)), shape=shape)


def _spread(nodes: list[ast.expr], frame: Frame) -> Iterator[Value]:
    for node in nodes:
        if isinstance(node, ast.Starred):
            inner = settled(items_of(frame.evaluate(node.value), frame))
            frame.world.budget.pay_elements(size_of(inner))
            yield from inner.items if isinstance(inner, Items) else (open_part(inner, node.value, frame),)
        else:
            yield frame.evaluate(node)


@evaluates(ast.Dict)
def _dict(node: ast.Dict, frame: Frame) -> Value:
    fields: dict[str, Field] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        evaluated = frame.evaluate(value)
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            evaluated = named_here(evaluated, key.value[:MAX_NAME], value, frame.world.budget)
        if key is None:
            inner = settled(evaluated)
            frame.world.budget.pay_elements(size_of(inner))
            fields.update(inner.fields if isinstance(inner, Mapping) else {})
            continue
        named = settled(frame.evaluate(key))
        if isinstance(named, Text | Constant):
            name = template_of(named, frame.world.budget).template
            fields[name] = Field(called(evaluated, name) if isinstance(named, Text) else evaluated, frame.place(value))
    return Mapping(fields, frame.place(node))


@evaluates(ast.Subscript)
def _subscript(node: ast.Subscript, frame: Frame) -> Value:
    container = frame.evaluate(node.value)
    inner = settled(container)
    if isinstance(inner, Outside) and inner.path in ("sys.argv", "argv"):
        return argument(frame.world.budget, written(node.slice, frame.world.budget))
    if isinstance(node.slice, ast.Slice):
        return _sliced(container, node.slice, node, frame)
    if type_name(inner) in TYPES:
        return Annotation(node, frame)
    given = frame.evaluate(node.slice)
    index = settled(given)
    if isinstance(inner, Instance):
        return own_method(inner, "__getitem__", [index], frame) or unknown(node, frame)
    element = _element(inner, index, frame)
    if element is not None and isinstance(given, Unknown):
        _say_chosen(inner, element, node, frame)
    if element is None:
        return _open_element(container, index, node, frame)
    return fallen_back(element, (given, container), node, frame)


def _say_chosen(whole: Value, element: Value, node: ast.Subscript, frame: Frame) -> None:
    """Says that a run chooses among parts of crews, or among texts with inputs, of which one was read."""
    is_open = has_parts(element) or (isinstance(element, Text) and not element.literal)
    if is_open and size_of(whole) > 1:
        written = source_of(node, frame.world.budget)
        message = f"Which one `{written}` gives is only known when the code runs: by the values that are written there "
        frame.world.reading.report.warn(frame.place(node), f"{message}it was chosen.")


def _element(inner: Value, index: Value, frame: Frame) -> Value | None:
    """``inner[index]``; None if it cannot be known."""
    if isinstance(inner, Outside):
        secret = inner.short in ("environ", "secrets") and isinstance(index, Text)
        return Secret(index.template) if secret and isinstance(index, Text) else taken_from_outside(inner, index, frame)
    if isinstance(inner, Mapping) and isinstance(index, Text | Constant):
        return _entry(inner, template_of(index, frame.world.budget).template, frame)
    if isinstance(inner, Items) and (position := index_in(inner, index)) is not None:
        return inner.items[position]
    if isinstance(inner, Mapping) and isinstance(index, Unknown) and size_of(inner) == 1 and has_parts(inner):
        return next(iter(inner.fields.values())).value  # such as what a loop over something unknown put in
    text = literal_text(inner, frame.world.budget)
    is_within = isinstance(index, Constant) and isinstance(index.value, int) and -len(text or "") <= index.value
    at = index.value if is_within and isinstance(index, Constant) and isinstance(index.value, int) else None
    return Text(text[at]) if text and at is not None and at < len(text) else None


def _entry(mapping: Mapping, key: str, frame: Frame) -> Value | None:
    """An entry; a ``defaultdict`` makes it if it has none."""
    if mapping.factory is not None and key not in mapping.fields:
        made = made_by(mapping.factory)
        if made is not None:
            frame.world.budget.pay_elements(1)
            mapping.fields[key] = Field(made, mapping.place)
        return made
    return frame.world.documents.entry(mapping, key)


def index_in(items: Items, index: Value | None) -> int | None:
    """The index as a number that the list has; None if it is not known, or beyond the list."""
    if not isinstance(index, Constant) or not isinstance(index.value, int):
        return None
    return index.value if -len(items.items) <= index.value < len(items.items) else None


def _open_element(container: Value, index: Value, node: ast.Subscript, frame: Frame) -> Unknown:
    if isinstance(container, Unknown) and isinstance(index, Text) and not container.source:
        return part_of(container, node, frame)
    named = template_of(index, frame.world.budget).template if isinstance(index, Text | Constant) else ""
    named = "" if isinstance(index, Text) and not index.literal else named
    if isinstance(container, Missing):
        return replace(container, label=label_in(container.label, named) if named else container.label)
    made_once = isinstance(node.value, ast.Name | ast.Attribute)
    if isinstance(container, Definition) and container.kind == "other" and made_once:
        part = part_of(container, node, frame, source=source_of(node, frame.world.budget))
        part = found_in(container, named[:MAX_NAME], part)
        is_written = isinstance(node.slice, ast.Constant)
        return part if is_written or not named else replace(part, label=label_in(part.label, named))
    whole = container.label if isinstance(container, Unknown) else label_of(node.value, frame.world.budget)
    found = unknown(node, frame, label=label_in(whole, named) if named else "")
    return found_in(container, named[:MAX_NAME] or whole, found)


def _sliced(container: Value, cut: ast.Slice, node: ast.Subscript, frame: Frame) -> Value:
    """A part of a list or a text. The beginning of something that only a run shows is that thing, made shorter."""
    is_open = isinstance(container, Unknown) or (isinstance(container, Definition) and container.kind == "other")
    if is_open and cut.lower is None and cut.step is None:
        return container
    part = _slice(settled(container), cut, frame)
    return unknown(node, frame) if part is None else fallen_back(part, (container,), node, frame)


def _slice(value: Value, node: ast.Slice, frame: Frame) -> Value | None:
    cut = slice_of(node, frame)
    if cut is None:
        return None
    if isinstance(value, Items):
        frame.world.budget.pay_elements(len(range(*cut.indices(len(value.items)))))
        return Items(value.items[cut])
    text = literal_text(value, frame.world.budget)
    if text is None:
        return None
    frame.world.budget.pay_chars(len(text))
    return Text(text[cut])


def slice_of(node: ast.Slice, frame: Frame) -> slice | None:
    """The bounds of a slice; None if one of them is not known."""
    bounds: list[int | None] = []
    for part in (node.lower, node.upper, node.step):
        bound = settled(frame.evaluate(part)) if part is not None else Constant(None)
        if not isinstance(bound, Constant) or isinstance(bound.value, float):
            return None
        bounds.append(bound.value)
    return slice(bounds[0], bounds[1], bounds[2] or None)


@evaluates(ast.Await)
def _await(node: ast.Await, frame: Frame) -> Value:
    return frame.evaluate(node.value)


@evaluates(ast.NamedExpr)
def _named(node: ast.NamedExpr, frame: Frame) -> Value:
    value = named_here(frame.evaluate(node.value), node.target.id, node.value, frame.world.budget)
    frame.set(node.target.id, value)
    return value


@evaluates(ast.Lambda)
def _lambda(node: ast.Lambda, frame: Frame) -> Value:
    """A function whose body is one expression."""
    body = ast.copy_location(ast.Return(node.body), node)
    made = ast.FunctionDef(name="lambda", args=node.args, body=[body], decorator_list=[])
    function = Function(ast.copy_location(made, node), frame.enclosing())
    frame.world.budget.pay_elements(1)
    frame.world.kept.append(function)
    return function


@evaluates(ast.Yield, ast.YieldFrom)
def _yield(node: ast.Yield | ast.YieldFrom, frame: Frame) -> Value:
    value = frame.evaluate(node.value) if node.value is not None else Constant(None)
    if isinstance(node, ast.YieldFrom):
        frame.yielded.extend(members(value, frame.world.budget))
    else:
        frame.world.budget.pay_elements(1)
        frame.yielded.append(value)
    return Unknown("sent")
