"""What a source says, before it is a spec: values that know their place, the same for Python and for YAML.

Values are what could be known without running anything; what only a run would show is an ``Unknown`` with a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from agents_app.formats.report import NOWHERE, Place

Kind = Literal["agent", "task", "crew", "llm", "guardrail", "tool", "other"]


class Value:
    """Anything an expression can stand for."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Text(Value):
    """A text; ``{name}`` in it is a placeholder. ``computed`` are those of them that stand for something unknown."""

    template: str
    computed: tuple[Unknown | Secret, ...] = ()

    @property
    def literal(self) -> bool:
        return not self.computed


@dataclass(frozen=True, slots=True)
class Constant(Value):
    """A number, a flag or None. ``raw`` is how it was written where that could also have been meant as text."""

    value: int | float | bool | None
    raw: str = ""


@dataclass(slots=True, eq=False)
class Items(Value):
    """A list, tuple or set."""

    items: list[Value]


@dataclass(frozen=True, slots=True)
class Field:
    """A value and where it was given."""

    value: Value
    place: Place = NOWHERE


@dataclass(slots=True, eq=False)
class Mapping(Value):
    """A dictionary with text keys; ``place`` is where it starts."""

    fields: dict[str, Field]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Unknown(Value):
    """What only a run would show, named after what it is called.

    ``source`` is the expression where it is more than a variable, parameter or question to the user: those are natural
    inputs of a crew, an expression is not. ``known`` is a value it has in the source all the same, such as a
    parameter's default. ``defined`` is false for a name that the source uses and never gives a value.
    """

    label: str
    source: str = ""
    known: Value | None = None
    defined: bool = True


@dataclass(frozen=True, slots=True)
class Secret(Value):
    """A setting read from outside the source; never imported. ``fallback`` is the default written beside it."""

    name: str
    fallback: Value | None = None

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(slots=True, eq=False)
class Definition(Value):
    """Something made by a call such as ``Agent(...)``, or by an entry of a YAML file.

    ``path`` is the dotted name of what was called, ``name`` what the source calls the result, ``origin`` the call
    itself: two definitions of one origin with equal content are one thing made twice. ``replaced`` is where the source
    gives its name to something else.
    """

    kind: Kind
    path: str
    place: Place
    fields: dict[str, Field] = field(default_factory=dict)
    args: list[Field] = field(default_factory=list)
    name: str = ""
    origin: object = None
    replaced: Place | None = None

    @property
    def short(self) -> str:
        """The last part of the path: ``Agent`` of ``crewai.Agent``."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Outside(Value):
    """Something that is not made in the source: a library's class or function, by its dotted name."""

    path: str

    @property
    def short(self) -> str:
        return self.path.rpartition(".")[2]


def settled(value: Value) -> Value:
    """The best that is known of a value: a parameter's default, a setting's fallback, or the value itself."""
    while True:
        inner = value.known if isinstance(value, Unknown) else value.fallback if isinstance(value, Secret) else None
        if inner is None:
            return value
        value = inner


def members(value: Value) -> Iterator[Value]:
    """The items of a list, or the value itself as the only one; nothing for None."""
    value = settled(value)
    if isinstance(value, Items):
        yield from value.items
    elif isinstance(value, Mapping):
        yield from (entry.value for entry in value.fields.values())
    elif not (isinstance(value, Constant) and value.value is None):
        yield value


@dataclass(frozen=True, slots=True, eq=False)
class Schema(Value):
    """A JSON Schema made from a class of the source; ``name`` is the class's."""

    name: str
    data: dict[str, Any]
