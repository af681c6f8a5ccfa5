"""The value of ``value.name``, for the source's objects, modules and definitions and for libraries."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace

from agents_app.formats.python.calling import call_function
from agents_app.formats.python.changes import attribute_as_read, member_as_read
from agents_app.formats.python.data_classes import declared
from agents_app.formats.python.frames import Frame, part_of, unknown
from agents_app.formats.python.labels import source_of
from agents_app.formats.python.paths import FilePath, document, file_of, path_attribute
from agents_app.formats.python.things import Class, Function, Instance, ModuleOf, Super, tool_name
from agents_app.formats.to_spec.known_tools import SERVERS
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Items,
    Mapping,
    Missing,
    Outside,
    Text,
    Unknown,
    Value,
    found_in,
    has_parts,
    settled,
)

MAX_LEVELS = 6
_MODEL_NAMES = ("model", "model_name")
_PROPERTIES = ("property", "cached_property", "computed_field")
_EMPTY: dict[str, Callable[[], Value]] = {
    **dict.fromkeys(("list", "set", "tuple"), lambda: Items([], is_named=True)),
    "dict": lambda: Mapping({}),
    "int": lambda: Constant(0),
    "float": lambda: Constant(0.0),
    "bool": lambda: Constant(False),
    "str": lambda: Text(""),
}
"""What Python's types make of nothing."""
_CONFIG_FILES = {"agents_config": "config/agents.yaml", "tasks_config": "config/tasks.yaml"}


def attribute_of(value: Value, node: ast.Attribute, frame: Frame) -> Value:
    """The attribute that the node reads from the value; an ``Unknown`` if it cannot be known."""
    value = settled(value)
    result: Value | None = None
    if isinstance(value, Outside):
        frame.world.budget.pay_chars(len(value.path))
        result = frame.world.put_outside.get(f"{value.path}.{node.attr}") or Outside(f"{value.path}.{node.attr}")
    elif isinstance(value, FilePath):
        result = path_attribute(value, node.attr)
    elif isinstance(value, Instance | Class | Super):
        result = _of_class(value, node, frame)
    elif isinstance(value, ModuleOf):
        found = value.frame.lookup(node.attr)
        result = member_as_read(found, node, value.frame, frame) if found else Unknown(node.attr, defined=False)
    elif isinstance(value, Definition):
        result = _of_definition(value, node, frame)
    elif isinstance(value, Function) and node.attr == "name" and value.decorated("tool"):
        result = Text(tool_name(value))
    elif isinstance(value, Text | Constant | Items | Mapping) and node.attr == "value":
        result = value  # of an Enum, whose members stand for their values here
    elif isinstance(value, Unknown):
        result = _of_unknown(value, node, frame)
    return result if result is not None else found_in(value, node.attr, unknown(node, frame))


def _of_unknown(value: Unknown, node: ast.Attribute, frame: Frame) -> Value | None:
    """A part of something that only a run shows; an answer's text is what the answer is as a text."""
    if value.source:
        return value if node.attr == "raw" else None
    return part_of(value, node, frame, source="" if value.defined else source_of(node, frame.world.budget))


def _of_definition(value: Definition, node: ast.Attribute, frame: Frame) -> Value | None:
    """What it was made with. Tools that an agent or a task was not given are a list that code may fill; a server's are
    what it is itself."""
    if node.attr in value.fields:
        return value.fields[node.attr].value
    if value.kind == "llm" and node.attr in _MODEL_NAMES:
        return next((value.fields[name].value for name in _MODEL_NAMES if name in value.fields), None)
    if node.attr != "tools":
        return None
    if value.short in SERVERS:
        return value
    config = settled(value.fields["config"].value) if "config" in value.fields else Mapping({})
    if value.kind not in ("agent", "task") or not isinstance(config, Mapping) or "tools" in config.fields:
        return None
    value.fields["tools"] = Field(Items([], is_named=True), frame.place(node))
    return value.fields["tools"].value


def _of_class(value: Instance | Class | Super, node: ast.Attribute, frame: Frame) -> Value | None:
    if isinstance(value, Instance):
        return _of_instance(value, node, frame)
    if isinstance(value, Class) and node.attr in ("__name__", "__qualname__"):
        return Text(value.name)
    if isinstance(value, Class):
        bound = _bound(value.member(node.attr), value)
        return attribute_as_read(bound, value, node, frame) if bound is not None else None
    return next((_bound(found, value.instance) for found in _inherited(value, node.attr)), None)


def _inherited(value: Super, name: str) -> Iterator[Value]:
    yield from (cls.body.names[name] for cls in value.instance.cls.after(value.cls) if name in cls.body.names)


def _default_of(declared: Definition, name: str) -> Value:
    """What a field has that is declared as ``field(default_factory=list)`` or ``Field("x", description=...)``."""
    given = declared.fields.get("default") or (declared.args[0] if declared.args else None)
    factory = declared.fields["default_factory"].value if "default_factory" in declared.fields else None
    if given is not None and not isinstance(given.value, Unknown):
        return given.value
    return (made_by(factory) if factory is not None else None) or Unknown(name)


def made_by(factory: Value) -> Value | None:
    """What a factory of defaults makes, such as ``list`` or a lambda; None if that is not known."""
    factory = settled(factory)
    if isinstance(factory, Outside) and factory.path in _EMPTY:
        return _EMPTY[factory.path]()
    return call_function(factory, [], {}, factory.frame) if isinstance(factory, Function) else None


def own_method(value: Value, name: str, args: list[Value], frame: Frame) -> Value | None:
    """What an object's own method gives, such as its ``__iter__``; None if its class has none in the source."""
    method = value.cls.member(name) if isinstance(value, Instance) else None
    return call_function(_with(method, value), args, {}, frame) if isinstance(method, Function) else None


def items_of(value: Value, frame: Frame) -> Value:
    """What a loop over a value meets: the value itself, or what an object's own ``__iter__`` gives."""
    given = own_method(settled(value), "__iter__", [], frame)
    return given if given is not None else value


def as_written(value: Value, frame: Frame) -> Value:
    """What stands for a value in a text: the value itself, or what an object's own ``__str__`` gives."""
    given = own_method(settled(value), "__str__", [], frame)
    return given if given is not None else value


def _of_instance(instance: Instance, node: ast.Attribute, frame: Frame) -> Value:
    name = node.attr
    if name in instance.attributes:
        return attribute_as_read(instance.attributes[name], instance.cls, node, frame)
    if instance.cls.is_crew_base and name in ("agents", "tasks"):
        return Items(
            [call_function(_with(method, instance), [], {}, frame) for method in instance.cls.methods(name[:-1])]
        )
    if name in _CONFIG_FILES and instance.cls.is_crew_base:
        return _config(instance, name, frame)
    member = instance.cls.member(name)
    if isinstance(member, Function) and any(member.decorated(kind) for kind in _PROPERTIES):
        return call_function(_with(member, instance), [], {}, frame)
    if isinstance(member, Definition) and member.short.lower() == "field":
        instance.attributes[name] = _default_of(member, name)  # one for all who ask for it
        return instance.attributes[name]
    asked = None if name.startswith("__") else own_method(instance, "__getattr__", [Text(name)], frame)
    asked = as_mapping(instance, frame, levels=1) if name == "__dict__" else asked
    other = instance if name == "value" else Unknown(name)  # a member of an Enum stands for its value
    bound = _bound(member, instance)
    return (attribute_as_read(bound, instance.cls, node, frame) if bound is not None else None) or asked or other


def as_mapping(instance: Instance, frame: Frame, *, levels: int = MAX_LEVELS) -> Mapping:
    """The fields of an object of data as a dictionary, as ``model_dump``, ``asdict`` and ``vars`` give them."""
    fields: dict[str, Field] = {}
    names = dict.fromkeys((*declared(instance.cls), *instance.attributes))
    frame.world.budget.pay_elements(len(names))
    for name in names:
        member = instance.cls.member(name)
        if isinstance(member, Definition) and member.short.lower() == "field":
            member = _default_of(member, name)
        value = instance.attributes.get(name, member)
        if value is not None and not isinstance(value, Function | Class):
            fields[name] = Field(_dumped(value, frame, levels=levels - 1))
    return Mapping(fields)


def _dumped(value: Value, frame: Frame, *, levels: int) -> Value:
    """A value of a field with dictionaries in place of objects of data."""
    inner = settled(value)
    if levels <= 0:
        return value
    if isinstance(inner, Instance):
        return as_mapping(inner, frame, levels=levels)
    if isinstance(inner, Items) and any(isinstance(settled(item), Instance) for item in inner.items[:1]):
        frame.world.budget.pay_elements(len(inner.items))
        return Items([_dumped(item, frame, levels=levels - 1) for item in inner.items])
    return value


def _with(function: Function, owner: Value) -> Function:
    return Function(function.node, function.frame, owner)


def _bound(member: Value | None, owner: Value) -> Value | None:
    if isinstance(member, Function) and not member.decorated("staticmethod"):
        return _with(member, owner) if isinstance(owner, Instance) or member.decorated("classmethod") else member
    return member


def _config(instance: Instance, name: str, frame: Frame) -> Value:
    """``self.agents_config``: the YAML file that it names, if the project's files include it."""
    member = settled(instance.cls.member(name) or Constant(None))
    if isinstance(member, Mapping):
        return member
    path = file_of(member, frame) or _CONFIG_FILES[name]
    return document(path, frame, beside=instance.cls.frame.file) or Missing(
        name, source=path, why=f"`{path}` was not given"
    )


def _said_by_class(instance: Instance, name: str) -> Value | None:
    said = settled(instance.cls.member(name) or Constant(None))
    is_text = isinstance(said, Text) and bool(said.template) and said.literal
    return said if is_text or isinstance(said, Outside) else None


def put_outside(owner: Value, key: Value | str, value: Value, frame: Frame) -> None:
    """Keeps a part of a crew, or an object, that code puts into something of a library, such as a session's state."""
    name = key.template if isinstance(key, Text) else key
    if isinstance(owner, Outside) and isinstance(name, str) and (has_parts(value) or isinstance(value, Instance)):
        frame.world.budget.pay_chars(len(owner.path) + len(name))
        frame.world.budget.pay_elements(1)
        frame.world.put_outside[f"{owner.path}.{name}"] = value


def taken_from_outside(owner: Value, key: Value, frame: Frame) -> Value | None:
    """What code put there; None if it put nothing of a crew there."""
    name = key.template if isinstance(key, Text) else ""
    return frame.world.put_outside.get(f"{owner.path}.{name}") if isinstance(owner, Outside) else None


def set_attribute(owner: Value, name: str, value: Value, field: Field, frame: Frame) -> None:
    """``owner.name = value``. What its class says falls in where only a run shows the value."""
    world = frame.world
    if isinstance(owner, Instance):
        setter = owner.cls.member(f"{name}.setter")
        if isinstance(setter, Function):
            call_function(_with(setter, owner), [value], {}, frame)
            return
        if isinstance(value, Unknown) and value.known is None and not isinstance(value, Missing):
            value = replace(value, known=_said_by_class(owner, name))
        world.put(owner.attributes, name, value)
    elif isinstance(owner, Definition):
        world.put(owner.fields, name, field)
    elif isinstance(owner, Class):
        world.put(owner.body.names, name, value)
    elif isinstance(owner, ModuleOf):
        world.put(owner.frame.names, name, value)
