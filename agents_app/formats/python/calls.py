"""Reads calls: which function, class, method or library is called, and with what."""

from __future__ import annotations

import ast
from dataclasses import replace
from itertools import islice

from agents_app.formats.python.attributes import attribute_of, items_of, own_method, set_attribute
from agents_app.formats.python.calling import call_function, hides_part, instantiate
from agents_app.formats.python.definitions import define
from agents_app.formats.python.frames import Frame, evaluates, fallen_back, unknown
from agents_app.formats.python.known import CHECKS, CONDITION
from agents_app.formats.python.labels import source_of
from agents_app.formats.python.loops import MAX_ITEMS
from agents_app.formats.python.methods import method_of, sort_items
from agents_app.formats.python.operators import truth_of
from agents_app.formats.python.outside import call_outside
from agents_app.formats.python.things import Class, Function, Instance, Partial, Super
from agents_app.formats.report import Place
from agents_app.formats.to_spec.llms import likely_model
from agents_app.formats.to_spec.naming import snake
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Items,
    Mapping,
    Outside,
    Text,
    Unknown,
    Value,
    elsewhere_of,
    members,
    settled,
    size_of,
)

_ITERATES = frozenset(
    {"list", "tuple", "set", "sorted", "reversed", "enumerate", "zip", "iter", "map", "filter", "next", "any", "all"}
)
_BY_METHOD = {"len": "__len__", "str": "__str__", "repr": "__repr__"}
_SAYS_ENOUGH = frozenset({"role", "goal", "backstory", "description", "expected_output", "agents", "tasks", "model"})
_TEXTS = frozenset({"role", "goal", "backstory", "description", "expected_output", "tools", "llm", "agent", "context"})


@evaluates(ast.Call)
def _call(node: ast.Call, frame: Frame) -> Value:
    args = _args(node, frame)
    fields = _fields(node, frame)
    if isinstance(node.func, ast.Attribute):
        receiver = frame.evaluate(node.func.value)
        result = method_of(receiver, node, args=args, fields=fields, frame=frame)
        if result is not None:
            return fallen_back(result, (receiver, *args), node, frame)
        called = attribute_of(receiver, node.func, frame)
        if isinstance(receiver, Super) and node.func.attr == "__init__" and not isinstance(called, Function):
            return _start_of_base(receiver.instance, args, fields)
    else:
        called = frame.evaluate(node.func)
    return _called(settled(called), node, args, fields, frame)


def _called(called: Value, node: ast.Call, args: list[Value], fields: dict[str, Field], frame: Frame) -> Value:
    if isinstance(called, Function):
        if called.name in CHECKS or called.name == CONDITION:
            return define(called.name, node, args, fields, frame)
        return call_function(called, args, fields, frame)
    if isinstance(called, Partial):
        called.is_called = True
        frame.world.budget.pay_elements(len(called.args) + len(called.fields))
        return _called(settled(called.called), node, [*called.args, *args], {**called.fields, **fields}, frame)
    if isinstance(called, Class):
        return _made_of(called, node, args, fields, frame)
    if isinstance(called, Instance):
        method = called.cls.member("__call__")
        bound = Function(method.node, method.frame, called) if isinstance(method, Function) else None
        return call_function(bound, args, fields, frame) if bound else unknown(node, frame)
    return _of_library(called, node, args, fields, frame)


def _made_of(cls: Class, node: ast.Call, args: list[Value], fields: dict[str, Field], frame: Frame) -> Value:
    """An object of a class of the source; a part of a crew, if it is made of CrewAI's or only hides the name of it."""
    if hides_part(cls, fields):
        given = " and ".join(name for name in fields if name in _SAYS_ENOUGH)
        message = f"`{cls.name}` is the source's own class in line {cls.node.lineno}; it was read as CrewAI's, "
        frame.world.reading.report.warn(frame.place(node), f"{message}because it is given {given}.")
        return define(f"crewai.{cls.name}", node, args, fields, frame)
    made, path = instantiate(cls, args, fields, frame, place=frame.place(node)), cls.part_of_crew
    return _as_definition(made, path, node, frame) if path and isinstance(made, Instance) else made


def make_unmade(cls: Class, frame: Frame) -> Value | None:
    """What an own subclass of ``Agent``, ``Task`` or ``Crew`` is of which nothing makes an object.

    None if it has no texts of its own.
    """
    made = instantiate(cls, [], {}, frame, place=frame.place(cls.node))
    if not isinstance(made, Instance):
        return None
    own = {name for base in cls.ancestors() if isinstance(base, Class) for name in base.body.names}
    if not (own | made.given.keys() | made.attributes.keys()) & {"role", "description", "tasks"}:
        return None
    call = ast.Call(ast.Name(cls.name, ast.Load()), [], [])
    return _as_definition(made, cls.part_of_crew, ast.copy_location(call, cls.node), frame)


def call_partial(called: Partial, frame: Frame) -> Value:
    """What a ``functools.partial`` gives that is called without anything more."""
    return _called(called, called.node, [], {}, frame)


def _of_library(called: Value, node: ast.Call, args: list[Value], fields: dict[str, Field], frame: Frame) -> Value:
    path = called.path if isinstance(called, Outside) else _undefined_path(called, node)
    if not path:
        perhaps = likely_model([*(Field(arg) for arg in args), *fields.values()], frame.world.budget)
        return replace(unknown(node, frame), perhaps=perhaps, elsewhere=elsewhere_of(called))
    if path in ("functools.partial", "partial") and args:
        return Partial(args[0], args[1:], fields, node)
    if path in ("setattr", "getattr") and 2 <= len(args) == len(node.args):
        return _named_attribute(path, node, args, frame)
    if path == "sorted" and "key" in fields and isinstance(kept := call_outside("list", args, {}, frame), Items):
        sort_items(kept, node, fields, frame)
        return kept
    if path in _ITERATES:
        args = [items_of(arg, frame) for arg in args]
    elif path in _BY_METHOD and args and (given := own_method(settled(args[0]), _BY_METHOD[path], [], frame)):
        return given
    result = _over_items(path, node, args, frame) or call_outside(path, args, fields, frame)
    return define(path, node, args, fields, frame) if result is None else fallen_back(result, args, node, frame)


def _named_attribute(path: str, node: ast.Call, args: list[Value], frame: Frame) -> Value:
    """``setattr`` and ``getattr`` with a name that is known."""
    name = settled(args[1])
    if not isinstance(name, Text) or not name.literal:
        return unknown(node, frame)
    if path == "setattr" and len(args) == 3:
        set_attribute(settled(args[0]), name.template, args[2], Field(args[2], frame.place(node)), frame)
        return Constant(None)
    read = ast.copy_location(ast.Attribute(node.args[0], name.template, ast.Load()), node)
    found = attribute_of(args[0], read, frame)
    other = args[2] if len(args) == 3 and isinstance(settled(args[0]), Instance | Class) else None
    if isinstance(found, Unknown) and found.known is None and isinstance(other, Constant | Text):
        return replace(found, known=other)
    return found


def _over_items(path: str, node: ast.Call, args: list[Value], frame: Frame) -> Value | None:
    """``map``, ``filter`` and ``next`` over what is known; None for any other call."""
    if path not in ("map", "filter", "next") or not args or not size_of(settled(args[-1])):
        return None
    if path == "next":
        items = settled(args[0])
        return items.items[0] if isinstance(items, Items) and items.items else None
    if len(args) != 2:
        return None
    rule, over = settled(args[0]), list(islice(members(args[1], frame.world.budget), MAX_ITEMS))
    outcomes = over if rule == Constant(None) else [_called(rule, node, [item], {}, frame) for item in over]
    if path == "map":
        return Items(outcomes)
    return Items([item for item, kept in zip(over, outcomes, strict=True) if truth_of(settled(kept)) is not False])


def _start_of_base(instance: Instance, args: list[Value], fields: dict[str, Field]) -> Value:
    """``super().__init__(...)`` of a class from outside the source: what it is given are the object's fields."""
    instance.given.update(fields)
    instance.given_args.extend(args)
    instance.attributes.update({name: field.value for name, field in fields.items()})
    return Constant(None)


def _as_definition(made: Instance, path: str, node: ast.Call, frame: Frame) -> Definition:
    """An object of the source's own subclass of ``Agent``, ``Task``, ``Crew`` or a model."""
    place = frame.place(node)
    declared = {
        name: Field(value, place)
        for ancestor in reversed(list(made.cls.ancestors()))
        if isinstance(ancestor, Class)
        for name, value in ancestor.body.names.items()
        if not isinstance(value, Function | Class)
    }
    later = {name: Field(value, place) for name, value in made.attributes.items() if name in _TEXTS}
    frame.world.budget.pay_elements(len(declared) + len(made.given))
    definition = define(path, node, made.given_args, {**declared, **made.given, **later}, frame)
    if not definition.name:
        definition.name, definition.is_named_by_maker = snake(made.cls.name), True
    return definition


def _undefined_path(called: Value, node: ast.Call) -> str:
    """The name of a function that is not defined: listings use ``Agent`` and ``LLM`` without importing them."""
    return (
        called.label if isinstance(called, Unknown) and not called.defined and isinstance(node.func, ast.Name) else ""
    )


def _args(node: ast.Call, frame: Frame) -> list[Value]:
    args: list[Value] = []
    for arg in node.args:
        if isinstance(arg, ast.Starred):
            inner = settled(frame.evaluate(arg.value))
            frame.world.budget.pay_elements(size_of(inner))
            args.extend(inner.items if isinstance(inner, Items) else ())
        else:
            args.append(frame.evaluate(arg))
    return args


def _fields(node: ast.Call, frame: Frame) -> dict[str, Field]:
    """The keyword arguments, with those of ``**mapping``; a mapping that is not known becomes the field ``config``."""
    fields: dict[str, Field] = {}
    open_ones: list[tuple[str, Field]] = []
    for keyword in node.keywords:
        value = frame.evaluate(keyword.value)
        place = Place(keyword.lineno, frame.file)
        if keyword.arg is not None:
            fields[keyword.arg] = Field(value, place)
            continue
        inner = settled(value)
        if isinstance(inner, Mapping):
            frame.world.found.used.add(id(inner))
            frame.world.budget.pay_elements(len(inner.fields))
            fields.update(inner.fields)
        elif isinstance(inner, Unknown | Definition):
            open_ones.append((source_of(keyword.value, frame.world.budget), Field(inner, place)))
    for written, field in open_ones:
        if fields.keys() & _SAYS_ENOUGH:
            message = f"What `**{written}` gives is only known when the code runs: it was left out."
            frame.world.reading.report.warn(field.place, message)
        else:
            fields["config"] = field
    return fields
