"""Classes of data: the fields that they declare, and what Pydantic makes of the values that these are given."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from agents_app.formats.python.things import Class
from agents_app.formats.to_spec.values import Field, Items, Mapping, Value, settled, size_of

DATA_BASES = ("BaseModel", "TypedDict", "FlowState")
MAX_LEVELS = 5
_LISTS = frozenset({"list", "List", "tuple", "Tuple", "set", "Set", "Sequence", "Iterable"})
_DICTS = frozenset({"dict", "Dict", "Mapping"})
_WRAPPERS = frozenset({"Optional", "Union", "Annotated", "Final", "|"})

Make = Callable[[Class, Mapping], Value]


def declared(cls: Class) -> list[str]:
    """The fields of a dataclass or a named tuple in the order in which it takes their values, those of bases first."""
    names: dict[str, None] = {}
    for name, _ in _annotated(cls):
        names[name] = None
    return list(names)


def typed(values: dict[str, Value], cls: Class, make: Make) -> dict[str, Value]:
    """The values of fields as Pydantic makes them: objects of the source's classes in place of dictionaries.

    ``make`` makes such an object.
    """
    types = dict(_annotated(cls))
    return {name: _as_typed(value, types.get(name), cls, make, 0) for name, value in values.items()}


def _annotated(cls: Class) -> Iterator[tuple[str, ast.expr]]:
    for ancestor in reversed(list(cls.ancestors())):
        for node in ancestor.node.body if isinstance(ancestor, Class) else ():
            cls.frame.world.budget.pay_steps()
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.target.id, node.annotation


def _as_typed(value: Value, kind: ast.expr | None, cls: Class, make: Make, level: int) -> Value:
    inner = settled(value)
    if kind is None or level > MAX_LEVELS or not size_of(inner):
        return value
    made = _class_of(kind, cls)
    if made is not None and isinstance(inner, Mapping):
        return make(made, inner)
    container, item = _container(kind)
    if container in _WRAPPERS:
        return _as_typed(value, item, cls, make, level + 1)
    cls.frame.world.budget.pay_elements(size_of(inner))
    if isinstance(inner, Items) and container in _LISTS:
        return Items([_as_typed(part, item, cls, make, level + 1) for part in inner.items])
    if isinstance(inner, Mapping) and container in _DICTS:
        parts = (
            (name, field, _as_typed(field.value, item, cls, make, level + 1)) for name, field in inner.fields.items()
        )
        return Mapping({name: Field(part, field.place) for name, field, part in parts}, inner.place)
    return value


def _class_of(kind: ast.expr, cls: Class) -> Class | None:
    """The class of data of the source that a type names."""
    name = kind.id if isinstance(kind, ast.Name) else kind.value if isinstance(kind, ast.Constant) else ""
    found = cls.frame.lookup(name) if isinstance(name, str) else None
    return found if isinstance(found, Class) and found.inherits(*DATA_BASES) else None


def _container(kind: ast.expr) -> tuple[str, ast.expr | None]:
    """``List[X]`` as ``("List", X)``, ``X | None`` as ``("|", X)``; of several types the last that says something."""
    if isinstance(kind, ast.BinOp):
        return "|", kind.left
    if not isinstance(kind, ast.Subscript):
        return "", None
    name = kind.value.attr if isinstance(kind.value, ast.Attribute) else getattr(kind.value, "id", "")
    parts = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
    told = [part for part in parts if not isinstance(part, ast.Constant) or isinstance(part.value, str)]
    first = name in ("Annotated", *_LISTS)
    return name, (told[0] if first else told[-1]) if told else None
