"""Reads comprehensions, and what loops go over: the items if they are known, else one value that stands for all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from agents_app.formats.python.attributes import items_of
from agents_app.formats.python.frames import Frame, evaluates, identity_of, named_here
from agents_app.formats.python.labels import label_of, source_of
from agents_app.formats.python.operators import truth_of
from agents_app.formats.python.texts import characters, template_of
from agents_app.formats.python.things import Class, Function, called, is_toolset
from agents_app.formats.to_spec.values import (
    ASKED,
    Constant,
    Field,
    Items,
    Mapping,
    Missing,
    Outside,
    Text,
    Unknown,
    Value,
    has_parts,
    open_of,
    settled,
    size_of,
)

MAX_ITEMS = 300
MAX_VARYING = 100


Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


@evaluates(ast.ListComp, ast.SetComp, ast.GeneratorExp)
def _comprehension(node: ast.ListComp | ast.SetComp | ast.GeneratorExp, frame: Frame) -> Value:
    inner = frame.inner()
    items = [each.evaluate(node.elt) for each in _rounds(node, inner, 0)]
    return Items(items, is_sample=inner.maybe, open_as=inner.open_as)


def _rounds(node: Comprehension, inner: Frame, level: int) -> Iterator[Frame]:
    """The frame of a comprehension, once for each of its rounds, with its variables set."""
    if level == len(node.generators):
        yield inner
        return
    generator = node.generators[level]
    over = items_of(inner.evaluate(generator.iter), inner)
    if is_empty(over, generator.iter, inner):
        return
    inner.maybe |= not is_known(over)
    inner.open_as = inner.open_as or open_of(over)
    if id(node) in inner.world.reach.making:
        say_unseen(over, generator.iter, inner)
    for item in repetitions(over, generator.target, inner):
        bind(generator.target, item, inner)
        if all(_kept(test, node, inner) for test in generator.ifs):
            yield from _rounds(node, inner, level + 1)


def _kept(test: ast.expr, node: Comprehension, inner: Frame) -> bool:
    """Whether a comprehension's ``if`` lets its item through; it does where only a run would show."""
    truth = truth_of(settled(inner.evaluate(test)))
    if truth is None:
        message = f"Whether `{source_of(test, inner.world.budget)}` holds is only known when the code runs"
        message, place = f"{message}: all were taken.", inner.place(test)
        if id(node) in inner.world.reach.making:
            inner.world.reading.report.warn(place, message)
        elif _chooses_parts(node, inner):
            inner.world.remarks.setdefault((place, message), inner.world.made)
    return truth is not False


def _chooses_parts(node: Comprehension, inner: Frame) -> bool:
    """Whether it lists parts of a crew that were made before."""
    kept = node.value if isinstance(node, ast.DictComp) else node.elt
    value = inner.lookup(kept.id) if isinstance(kept, ast.Name) else None
    return value is not None and has_parts(value)


def is_known(over: Value) -> bool:
    """Whether the source says what a loop goes over."""
    inner = settled(over)
    if isinstance(inner, Items) and inner.is_sample:
        return False
    return bool(size_of(inner)) or isinstance(inner, Text) or (isinstance(inner, Class) and inner.is_enum)


def is_empty(over: Value, node: ast.expr, frame: Frame) -> bool:
    """Whether a loop surely goes over nothing. A list with a name may be filled by what is not seen here."""
    if not isinstance(over, Items) or over.items or over.open_as is not None:
        return False
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return not (over.is_named and name in frame.world.reach.filled)


def say_unseen(over: Value, node: ast.expr, frame: Frame) -> None:
    """Warns of a loop that makes parts of a crew for each of something that only a run would show."""
    inner = settled(over)
    report, written = frame.world.reading.report, source_of(node, frame.world.budget)
    is_text = isinstance(inner, Text) and inner.literal
    if isinstance(inner, Missing):
        report.warn(frame.place(node), f"{inner.why[:1].upper()}{inner.why[1:]}: the loop over it was read once.")
    elif not size_of(inner) and not is_text and not (isinstance(inner, Class) and inner.is_enum):
        message = f"What `{written}` holds is only known when the code runs: the loop over it was read once."
        report.warn(frame.place(node), message)
    elif isinstance(inner, Items) and inner.chosen_by:
        message = (
            f"Which list `{inner.chosen_by}` gives is only known when the code runs: one that it may give was taken."
        )
        report.warn(frame.place(node), message)
    elif (open_value := open_of(inner)) is not None and open_value.changed_by:
        message = f"`{written}` may be changed by `{open_value.changed_by}` when the code runs"
        report.warn(frame.place(node), f"{message}: the loop went over what it holds before.")
    elif size_of(inner) > MAX_ITEMS:
        report.warn(frame.place(node), f"`{written}` holds more than {MAX_ITEMS} entries: the first of them were read.")


@evaluates(ast.DictComp)
def _dict_comprehension(node: ast.DictComp, frame: Frame) -> Value:
    fields: dict[str, Field] = {}
    inner = frame.inner()
    for each in _rounds(node, inner, 0):
        key, value = settled(each.evaluate(node.key)), each.evaluate(node.value)
        name = template_of(key, frame.world.budget).template
        if isinstance(key, Text | Constant):
            fields[name] = Field(called(value, name) if isinstance(key, Text) else value, frame.place(node))
        elif isinstance(key, Unknown) and has_parts(value):
            fields[name] = Field(value, frame.place(node))
    return Mapping(fields, frame.place(node), open_as=inner.open_as)


def repetitions(value: Value, target: ast.expr, frame: Frame) -> Iterator[Value]:
    """What a loop goes over: the items if they are known, else one value named after the loop's variable."""
    inner = settled(value)
    if isinstance(inner, Items) and inner.items:
        yield from inner.items[:MAX_ITEMS]
    elif isinstance(inner, Mapping) and inner.fields:
        yield from [Text(name) for name in islice(inner.fields, MAX_ITEMS)]
    elif isinstance(inner, Text) and inner.literal:
        yield from characters(inner, frame.world.budget).items[:MAX_ITEMS]
    elif isinstance(inner, Class) and inner.is_enum:
        values = (value for value in inner.body.names.values() if not isinstance(value, Function | Class | Outside))
        yield from islice(values, MAX_ITEMS)
    elif is_toolset(inner):
        yield inner
    else:
        yield _one_of(target, value, frame)


def differs_by_text(over: Value, frame: Frame) -> bool:
    """Whether a loop goes over several short texts, or over entries of such names of which nothing more is known."""
    inner = settled(over)
    items = inner.items if isinstance(inner, Items) else [Text(name) for name in getattr(inner, "fields", ())]
    frame.world.budget.pay_elements(len(items))
    return len(items) > 1 and all(_is_short(item) or _is_open_entry(item) for item in items)


def _is_short(value: Value) -> bool:
    text = value.template if isinstance(value, Text) and value.literal else ""
    return 0 < len(text) <= MAX_VARYING and "\n" not in text


def _is_open_entry(value: Value) -> bool:
    """Whether it is a pair as ``items()`` gives them, of a short text and something that only a run shows."""
    pair = value.items if isinstance(value, Items) else []
    return len(pair) == 2 and _is_short(pair[0]) and isinstance(pair[1], Unknown)


def as_varying(value: Value, target: ast.expr) -> Value:
    """A text that differs from crew to crew as an input of each, with itself as the default."""
    if isinstance(target, ast.Name) and isinstance(value, Text):
        return Unknown(target.id, known=value)
    if isinstance(target, ast.Tuple) and isinstance(value, Items) and len(target.elts) == len(value.items):
        return Items([as_varying(item, part) for item, part in zip(value.items, target.elts, strict=True)])
    return value


def _one_of(target: ast.expr, whole: Value, frame: Frame) -> Unknown:
    """What stands for what a loop, or an assignment to several names, finds in something that is not known."""
    budget = frame.world.budget
    label, which = label_of(target, budget), budget.number_of("one of", target, identity_of(whole))
    if isinstance(whole, Missing):
        return replace(whole, label=label, which=which)
    whole_name = whole.label if isinstance(whole, Unknown) and whole.label != ASKED else ""
    return Unknown(label, which=which, within=frame.function_name(), is_found=True, named=whole_name)


def bind(target: ast.expr, value: Value, frame: Frame) -> None:
    """Sets a loop's variable, or each of several, to its value."""
    if isinstance(target, ast.Name):
        frame.set(target.id, named_here(value, target.id, None, frame.world.budget))
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
        yield target, items[number] if len(items) == len(targets) else _one_of(target, value, frame)
