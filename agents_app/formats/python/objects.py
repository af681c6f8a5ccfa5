"""Calls whose result hangs on where they stand, or that are about objects: ``super``, copies, ``vars``."""

from __future__ import annotations

from agents_app.formats.python.attributes import as_mapping
from agents_app.formats.python.frames import Frame
from agents_app.formats.python.things import Class, Function, Instance, Super
from agents_app.formats.to_spec.values import Constant, Field, Items, Mapping, Text, Unknown, Value, settled, size_of

_COPIES = {"copy": 1, "deepcopy": 20}
"""How many levels of lists and dictionaries each copies."""


def of_frame(name: str, args: list[Value], frame: Frame) -> Value | None:
    """Calls whose result hangs on where they stand, or on objects of the source."""
    if name == "super":
        return _super(frame) or Unknown("super")
    if len(args) != 1:
        return None
    if name in _COPIES:
        return _copied(args[0], frame, levels=_COPIES[name])
    data = settled(args[0])
    is_asked = name == "id" or (name in ("asdict", "vars") and isinstance(data, Instance))
    return _of_object(data, name, frame) if is_asked else None


def _of_object(data: Value, name: str, frame: Frame) -> Value:
    """``id(x)``, and ``asdict(x)`` and ``vars(x)`` of an object of data."""
    if isinstance(data, Instance) and name != "id":
        return as_mapping(data, frame, levels=1) if name == "vars" else as_mapping(data, frame)
    frame.world.kept.append(data)
    return Constant(frame.world.budget.number_of("id", data if isinstance(data, Text | Constant) else id(data)))


def _super(frame: Frame) -> Super | None:
    """``super()`` in the method that is being followed."""
    instance = frame.lookup("self")
    if not isinstance(instance, Instance) or not frame.world.active:
        return None
    for ancestor in instance.cls.ancestors():
        for method in ancestor.body.names.values() if isinstance(ancestor, Class) else ():
            frame.world.budget.pay_steps()
            if (
                isinstance(method, Function)
                and id(method.node) == frame.world.active[-1]
                and isinstance(ancestor, Class)
            ):
                return Super(instance, ancestor)
    return None


def _copied(value: Value, frame: Frame, *, levels: int) -> Value:
    """``copy.copy`` and ``copy.deepcopy`` of lists and dictionaries; other things are the same here."""
    inner, world = settled(value), frame.world
    if not isinstance(inner, Items | Mapping) or levels == 0:
        return value
    world.budget.pay_elements(1 + size_of(inner))
    if isinstance(inner, Items):
        return Items([_copied(item, frame, levels=levels - 1) for item in inner.items])
    fields = {
        name: Field(_copied(field.value, frame, levels=levels - 1), field.place) for name, field in inner.fields.items()
    }
    copy = Mapping(fields, inner.place, inner.factory)
    world.documents.copies[id(copy)] = id(inner)
    world.kept.append(copy)
    return copy
