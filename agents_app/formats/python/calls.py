"""Reads calls: which function, class, method or library is called, and with what."""

from __future__ import annotations

import ast

from agents_app.formats.python.attributes import attribute_of
from agents_app.formats.python.calling import call_function, instantiate
from agents_app.formats.python.definitions import define
from agents_app.formats.python.frames import Frame, evaluates, unknown
from agents_app.formats.python.methods import method_of
from agents_app.formats.python.outside import call_outside
from agents_app.formats.python.things import Class, Function, Instance
from agents_app.formats.report import Place
from agents_app.formats.to_spec.values import (
    Definition,
    Field,
    Items,
    Mapping,
    Outside,
    Unknown,
    Value,
    settled,
    size_of,
)


@evaluates(ast.Call)
def _call(node: ast.Call, frame: Frame) -> Value:
    args = _args(node, frame)
    fields = _fields(node, frame)
    if isinstance(node.func, ast.Attribute):
        receiver = frame.evaluate(node.func.value)
        result = method_of(receiver, node, args=args, fields=fields, frame=frame)
        if result is not None:
            return result
        called = attribute_of(receiver, node.func, frame)
    else:
        called = frame.evaluate(node.func)
    return _called(settled(called), node, args, fields, frame)


def _called(called: Value, node: ast.Call, args: list[Value], fields: dict[str, Field], frame: Frame) -> Value:
    if isinstance(called, Function):
        return call_function(called, args, fields, frame)
    if isinstance(called, Class):
        return instantiate(called, args, fields, frame, place=frame.place(node))
    if isinstance(called, Instance):
        method = called.cls.member("__call__")
        return (
            call_function(Function(method.node, method.frame, called), args, fields, frame)
            if isinstance(method, Function)
            else unknown(node, frame)
        )
    path = called.path if isinstance(called, Outside) else _undefined_path(called, node)
    if not path:
        return unknown(node, frame)
    result = call_outside(path, args, fields, frame)
    return result if result is not None else define(path, node, args, fields, frame)


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
            fields["config"] = Field(inner, place)
    return fields
