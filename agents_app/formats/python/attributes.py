"""The value of ``value.name``, for the source's objects, modules and definitions and for libraries."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agents_app.formats.python.calling import call_function
from agents_app.formats.python.frames import Frame, part_of, unknown
from agents_app.formats.python.labels import source_of
from agents_app.formats.python.things import Class, Function, Instance, ModuleOf, Super
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
    settled,
)

MAX_PATH = 300
_CONFIG_FILES = {"agents_config": "config/agents.yaml", "tasks_config": "config/tasks.yaml"}


def attribute_of(value: Value, node: ast.Attribute, frame: Frame) -> Value:
    """The attribute that the node reads from the value; an ``Unknown`` if it cannot be known."""
    value = settled(value)
    result: Value | None = None
    if isinstance(value, Outside):
        frame.world.budget.pay_chars(len(value.path))
        result = Outside(f"{value.path}.{node.attr}")
    elif isinstance(value, Instance):
        result = _of_instance(value, node, frame)
    elif isinstance(value, Class):
        result = _bound(value.member(node.attr), value)
    elif isinstance(value, Super):
        result = next((_bound(found, value.instance) for found in _inherited(value, node.attr)), None)
    elif isinstance(value, ModuleOf):
        result = value.frame.lookup(node.attr) or Unknown(node.attr, defined=False)
    elif isinstance(value, Definition) and node.attr in value.fields:
        result = value.fields[node.attr].value
    elif isinstance(value, Text | Constant) and node.attr == "value":
        result = value  # of an Enum, whose members stand for their values here
    elif isinstance(value, Unknown) and not value.source:
        source = "" if value.defined else source_of(node, frame.world.budget)
        result = part_of(value, node, frame, source=source)
    return result if result is not None else unknown(node, frame)


def _inherited(value: Super, name: str) -> Iterator[Value]:
    yield from (cls.body.names[name] for cls in value.instance.cls.after(value.cls) if name in cls.body.names)


def _of_instance(instance: Instance, node: ast.Attribute, frame: Frame) -> Value:
    name = node.attr
    if name in instance.attributes:
        return instance.attributes[name]
    if instance.cls.is_crew_base and name in ("agents", "tasks"):
        return Items(
            [call_function(_with(method, instance), [], {}, frame) for method in instance.cls.methods(name[:-1])]
        )
    member = instance.cls.member(name)
    if name in _CONFIG_FILES and instance.cls.is_crew_base:
        return _config(member, name, frame)
    if isinstance(member, Function) and member.decorated("property"):
        return call_function(_with(member, instance), [], {}, frame)
    bound = _bound(member, instance)
    return bound if bound is not None else Unknown(name)


def _with(function: Function, owner: Value) -> Function:
    return Function(function.node, function.frame, owner)


def _bound(member: Value | None, owner: Value) -> Value | None:
    if isinstance(member, Function) and not member.decorated("staticmethod"):
        return _with(member, owner) if isinstance(owner, Instance) or member.decorated("classmethod") else member
    return member


def _config(member: Value | None, name: str, frame: Frame) -> Value:
    """``self.agents_config``: the YAML file that it names, if the project's files include it."""
    if isinstance(member, Mapping):
        return member
    path = member.template if isinstance(member, Text) else _CONFIG_FILES[name]
    return document(path, frame) or Unknown(name, source=path)


def document(path: str, frame: Frame) -> Value | None:
    """The project's file of this path, or else the only one of that name."""
    documents = frame.world.documents
    frame.world.budget.pay_steps(len(documents))
    if len(path) > MAX_PATH:
        return None
    wanted = path.replace("\\", "/").lstrip("./")
    for file in documents:
        if file == wanted or file.endswith("/" + wanted) or wanted.endswith("/" + file):
            return documents[file]
    namesakes = [file for file in documents if file.rpartition("/")[2] == wanted.rpartition("/")[2]]
    return documents[namesakes[0]] if len(namesakes) == 1 else None


def set_attribute(owner: Value, name: str, value: Value, field: Field) -> None:
    """``owner.name = value``."""
    if isinstance(owner, Instance):
        owner.attributes[name] = value
    elif isinstance(owner, Definition):
        owner.fields[name] = field
    elif isinstance(owner, Class):
        owner.body.names[name] = value
