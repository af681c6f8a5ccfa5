"""The values in a source, before they become a spec; the same classes serve Python and YAML.

A value is what can be known without running anything. What only a run would show is an ``Unknown`` with a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal

from agents_app.formats.budget import Budget
from agents_app.formats.report import NOWHERE, Place

MAX_LOOKED_AT = 20
MAX_FILLED = 100_000
MAX_PATH = 500
COMPARED_PER_STEP = 4
"""So many unknown values that are compared cost one step."""
ASKED = "answer"
"""The label of what somebody answers to a question, until the source gives it a name."""
MARK = "\x1f"
_MARKED = re.compile(r"\{([^{}\x1f\n]{1,200})\x1f([0-9]{1,7})\}")

Kind = Literal["agent", "task", "crew", "llm", "guardrail", "tool", "other"]


class Value:
    """Anything an expression can stand for."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Text(Value):
    """A text; ``{name}`` in it is a placeholder. ``computed`` are the placeholders that stand for unknown values."""

    template: str
    computed: tuple[Unknown | Secret, ...] = ()

    @property
    def literal(self) -> bool:
        return not self.computed


@dataclass(frozen=True, slots=True)
class Constant(Value):
    """A number, a flag or None. ``raw`` is how it was written, if that could also be meant as text. ``open_as`` is as
    that of ``Items``."""

    value: int | float | bool | None
    raw: str = ""
    open_as: Unknown | None = field(default=None, compare=False)


@dataclass(slots=True, eq=False)
class Items(Value):
    """A list, tuple or set. ``chosen_by``: the function that gives it or another one, when the code runs.
    ``is_sample``: its items stand for any number of such. ``is_named``: code may fill it by a name that it has.
    ``shape``: ``list``, ``tuple`` or ``set``. ``open_as``: what stands for it in texts, where code that is not followed
    before may change it."""

    items: list[Value]
    chosen_by: str = ""
    is_sample: bool = False
    is_named: bool = False
    shape: str = "list"
    open_as: Unknown | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A value and where it was given."""

    value: Value
    place: Place = NOWHERE


@dataclass(slots=True, eq=False)
class Mapping(Value):
    """A dictionary with text keys; ``place`` is where it starts. ``factory`` makes entries that are not there.
    ``open_as``: as that of ``Items``."""

    fields: dict[str, Field]
    place: Place = NOWHERE
    factory: Value | None = None
    open_as: Unknown | None = None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What makes a value, by its dotted name: its module may not be among the files. ``name`` is that of the value."""

    path: str
    name: str = ""

    def part(self, name: str) -> Elsewhere:
        """Of something that is found in it."""
        return Elsewhere(f"{self.path}.{name}"[:MAX_PATH], name)


@dataclass(frozen=True, slots=True)
class Unknown(Value):
    """What only a run would show; ``label`` is the name it gets as an input.

    ``source`` is the expression, and "" for a variable, a parameter or a question to the user: those are natural inputs
    of a crew, an expression is not. ``known`` is a value that the source gives it all the same, such as a parameter's
    default; it is no part of a comparison, because such values can hold each other twice over, time and again.
    ``defined`` is false for a name that the source uses but never defines. ``which`` tells those of one label apart
    that are not the same thing; 0 for what is one thing wherever it is named so. ``of`` tells apart what is found in
    them: the number of the function whose parameter it is. ``within``: what the function makes in which it was found.
    ``perhaps``: one of the values that it may have, where nothing says that it is this one. ``elsewhere``: what makes
    it. ``changed_by``: what may give it another value than ``known``. ``is_found``: it is called after where it was
    found: any of what a loop goes over, or what somebody answers. ``named``: the label that it had before it got nearer
    ones.
    """

    label: str
    source: str = ""
    known: Value | None = field(default=None, compare=False)
    defined: bool = True
    which: int = 0
    of: int = 0
    within: str = field(default="", compare=False)
    perhaps: Value | None = field(default=None, compare=False)
    elsewhere: Elsewhere | None = field(default=None, compare=False)
    changed_by: str = field(default="", compare=False)
    is_found: bool = field(default=False, compare=False)
    named: str = field(default="", compare=False)

    @property
    def mark(self) -> str:
        """What stands for it in templates; ``unmarked`` makes placeholders of such."""
        return f"{{{self.label}{MARK}{self.which}}}" if self.which else f"{{{self.label}}}"


@dataclass(frozen=True, slots=True)
class Missing(Unknown):
    """An entry of the project's files that is not there; ``why`` names the file and what is amiss, for a sentence."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Secret(Value):
    """A setting that is read from the environment; it is never imported. ``fallback`` is its default in the source."""

    name: str
    fallback: Value | None = field(default=None, compare=False)

    @property
    def label(self) -> str:
        return self.name.lower()

    @property
    def mark(self) -> str:
        return f"{{{self.label}}}"


@dataclass(slots=True, eq=False)
class Definition(Value):
    """What a call such as ``Agent(...)``, or an entry of a YAML file, defines.

    ``path`` is the dotted name of what is called, ``name`` the source's name of the result, ``origin`` the call itself:
    two definitions of one origin with equal content are one thing made twice. ``replaced`` is where the source gives
    the name to something else. ``is_named_by_maker``: after the function that made it.
    ``of_class``: the class of the object whose inherited method made it, or the caller of the helper that did.
    ``again``: the loop of which an earlier round made the same, but for what only a run shows.
    ``is_other``: a crew of a branch that the source's own values decide against.
    ``which`` and ``within`` are as those of an ``Unknown``.
    """

    kind: Kind
    path: str
    place: Place
    fields: dict[str, Field] = field(default_factory=dict)
    args: list[Field] = field(default_factory=list)
    name: str = ""
    origin: object = None
    replaced: Place | None = None
    is_named_by_maker: bool = False
    of_class: str = ""
    is_other: bool = False
    again: Place | None = None
    which: int = 0
    within: str = ""

    @property
    def short(self) -> str:
        """The last part of the path: ``Agent`` of ``crewai.Agent``."""
        return self.path.rpartition(".")[2]

    @property
    def is_object(self) -> bool:
        """Whether the call makes an object of a class. Any other call may give anything, also None or False."""
        return self.kind != "other" or self.short[:1].isupper()


@dataclass(frozen=True, slots=True)
class Outside(Value):
    """A class or function of a library, by its dotted name."""

    path: str

    @property
    def short(self) -> str:
        return self.path.rpartition(".")[2]


def elsewhere_of(value: Value) -> Elsewhere | None:
    """What makes a value outside of what was followed; None if the source makes it."""
    if isinstance(value, Definition):
        return Elsewhere(value.path, value.name or value.short) if value.kind == "other" else None
    if isinstance(value, Outside):
        return Elsewhere(value.path, value.short)
    return value.elsewhere if isinstance(value, Unknown) else None


def found_in(whole: Value, name: str, part: Unknown) -> Unknown:
    """A part of what is made outside of what was followed, or an object's method: it is made there too."""
    made = elsewhere_of(whole)
    return replace(part, elsewhere=made.part(name)) if made else part


def is_same(one: Value, other: Value, budget: Budget) -> bool:
    """Whether two values are equal; pays for comparing what two texts are computed of."""
    if one is other:
        return True
    if isinstance(one, Text) and isinstance(other, Text) and one.template == other.template:
        budget.pay_steps(len(one.computed) // COMPARED_PER_STEP)
    return one == other


def settled(value: Value) -> Value:
    """The best that is known of a value: a parameter's default, a setting's fallback, or the value itself."""
    while True:
        inner = value.known if isinstance(value, Unknown) else value.fallback if isinstance(value, Secret) else None
        if inner is None:
            return value
        value = inner


def open_of(value: Value) -> Unknown | None:
    """What stands for a value in texts, if code that is not followed before may change it."""
    return value.open_as if isinstance(value, Constant | Items | Mapping) else None


def literal_text(value: Value, budget: Budget) -> str | None:
    """The text that a value is as the source stands: what it gives to unknown parts is put in. None if a part is not
    known, or the value is no text.
    """
    text = settled(value)
    if not isinstance(text, Text):
        return None
    whole = text.template
    for part in text.computed:
        known = settled(part)
        inner = known.template if isinstance(known, Text) and known.literal else _written(known)
        if inner is None or len(whole) + whole.count("{") * len(inner) > MAX_FILLED:
            return None
        budget.pay_chars(len(whole) + len(inner))
        whole = whole.replace(part.mark, inner)
    return whole


def unmarked(template: str, name_of: Callable[[str, int], str] | None = None) -> str:
    """The template with placeholders instead of marks: named by ``name_of(label, which)``, or else by their labels."""
    return _MARKED.sub(lambda mark: f"{{{name_of(mark[1], int(mark[2])) if name_of else mark[1]}}}", template)


def _written(value: Value) -> str | None:
    if isinstance(value, Constant) and value.value is not None:
        return value.raw or str(value.value)
    return None


def members(value: Value, budget: Budget) -> Iterator[Value]:
    """The items of a list, or the value itself as the only one; nothing for None. Pays for each."""
    value = settled(value)
    budget.pay_elements(size_of(value))
    if isinstance(value, Items):
        yield from value.items
    elif isinstance(value, Mapping):
        yield from (entry.value for entry in value.fields.values())
    elif not (isinstance(value, Constant) and value.value is None):
        yield value


def size_of(value: Value) -> int:
    """How many entries a list or a dictionary has; 0 for any other value."""
    if isinstance(value, Items):
        return len(value.items)
    return len(value.fields) if isinstance(value, Mapping) else 0


def has_parts(value: Value) -> bool:
    """Whether it is an agent, a task, a crew or a model, or a list or dictionary that begins with such."""
    for inner in islice(members(value, Budget()), MAX_LOOKED_AT) if size_of(settled(value)) else (settled(value),):
        if isinstance(inner, Definition) and inner.kind != "other":
            return True
    return False


@dataclass(frozen=True, slots=True, eq=False)
class Schema(Value):
    """A JSON Schema made from a class of the source; ``name`` is the class's."""

    name: str
    data: dict[str, Any]
