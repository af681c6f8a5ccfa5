"""Which agents and tasks a crew has, under which keys, and what they mean when they refer to each other.

It makes no specs. A name that is not defined becomes an empty agent or task, and the report says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from agents_app.formats.budget import Budget
from agents_app.formats.report import Place
from agents_app.formats.to_spec.absent import Origin
from agents_app.formats.to_spec.fields import Reading
from agents_app.formats.to_spec.naming import KeyMaker, first_words, is_generic, snake, title, without_maker
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Items,
    Kind,
    Missing,
    Outside,
    Text,
    Unknown,
    Value,
    elsewhere_of,
    literal_text,
    settled,
    unmarked,
)

_NUMBERED = re.compile(r"(?:agent|task)_[0-9]{1,3}")
"""Keys that we make ourselves: a crew that went out comes back with them."""
_MAX_COMPARED = 4  # levels; tasks can refer to each other in a circle


@dataclass(slots=True)
class Roster:
    """The agents, or the tasks, of the crew that is being read. ``pool`` is all of them that the source defines.

    ``meant``: members by their keys and names, the first of a name; ``twins``: members by what they may be equal in.
    ``listed``: what the crews of the source list, by ``id()``; ``absent``: what stands for parts of modules that were
    not given, by their names, what makes them and its module; ``is_absent``: such a module makes the whole list.
    """

    kind: Kind
    reading: Reading
    pool: list[Definition]
    members: list[Definition] = field(default_factory=list)
    keys: dict[int, str] = field(default_factory=dict)
    names: KeyMaker = field(default_factory=KeyMaker)
    meant: dict[str, Definition] = field(default_factory=dict)
    twins: dict[int | None, list[Definition]] = field(default_factory=dict)
    listed: set[int] = field(default_factory=set)
    absent: dict[tuple[str, str, str], Definition] = field(default_factory=dict)
    is_absent: bool = False
    pool_by_name: dict[str, Definition] = field(init=False)

    def __post_init__(self) -> None:
        roles = {snake(_text(member, "role")): member for member in reversed(self.pool)}
        names = {snake(member.name): member for member in self.pool}
        made = {snake(without_maker(member.name)): member for member in reversed(self.pool)}
        self.pool_by_name = {name: member for name, member in {**made, **roles, **names}.items() if name}

    def key_of(self, definition: Definition) -> str | None:
        """A member's key, also if the same thing was made a second time; None for others."""
        if id(definition) in self.keys:
            return self.keys[id(definition)]
        alike = (member for group in _groups_of(definition) for member in self.twins.get(group, ()))
        twin = next((member for member in alike if _same(member, definition, self.reading.budget)), None)
        return self.keys[id(twin)] if twin else None

    def add(self, definition: Definition) -> str:
        """Makes it a member if it is none yet; returns its key."""
        key = self.key_of(definition)
        if key is None:
            self.members.append(definition)
            key = self.names.key(_name_of(definition), fallback=f"{self.kind}_{len(self.members)}")
            for group in _groups_of(definition):
                self.twins.setdefault(group, []).append(definition)
            self.meant.setdefault(key, definition)
            self.meant.setdefault(snake(definition.name), definition)
        self.keys[id(definition)] = key
        return key

    def named(self, name: str) -> Definition | None:
        """Whom a text means: a member by its key or name, or any definition by its name or an agent's role."""
        wanted = snake(name)
        return self.meant.get(wanted) or self.pool_by_name.get(wanted)

    def stub(self, name: str, *, place: Place) -> Definition:
        """An empty member for a name that the source uses but does not define."""
        why = Missing(name, why=f"`{name}` is not defined in this source")
        message = f"`{name}` is not defined in this source: an empty {self.kind} was made from its name; fill it in."
        self.reading.report.warn(place, message)
        return self._empty(name, why, place)

    def of_absent(self, value: Value, origin: Origin, *, place: Place) -> Definition:
        """An empty member for what a module makes that was not given; one for each name of the source."""
        found = elsewhere_of(value)
        names = (found.name if found else "", *reversed(origin.name.split(".")))
        name = next((name for name in names if not is_generic(name)), names[1])
        key = (name, origin.name, origin.module)
        if key not in self.absent:
            why = Missing(name, why=origin.words)
            self.absent[key] = self._empty(name, why, place)
            self.reading.absent.say(origin, self.reading.report, f"{self.kind} `{name}`")
        return self.absent[key]

    def _empty(self, name: str, why: Missing, place: Place) -> Definition:
        fields = {"config": Field(why, place)}
        if self.kind == "agent":
            fields["role"] = Field(Text(title(name)), place)
        self.reading.tally.lost_members[self.kind] += 1
        return Definition(self.kind, self.kind, place, fields, name=name)


def wanted(value: Value, roster: Roster, *, place: Place) -> Definition | None:
    """The agent or task that a value means, if need be an empty one made from its name; None if it means none."""
    value = settled(value)
    if isinstance(value, Definition) and value.kind == roster.kind:
        return value
    name = name_meant(value, roster.reading.budget)
    origin = roster.reading.absent.origin(value)
    if origin and not (name and roster.named(name)):
        return roster.of_absent(value, origin, place=place)
    is_found = isinstance(value, Unknown) and bool(value.which)  # in a loop or a list, and no name of the source
    if not name or (is_found and not roster.named(name)):
        return None
    return roster.named(name) or roster.stub(name, place=place)


def name_meant(value: Value, budget: Budget) -> str:
    """The name by which a value refers to an agent or task; "" if it does not."""
    if isinstance(value, Text):
        return (literal_text(value, budget) or "").strip()
    if isinstance(value, Unknown) and not value.source:
        return value.label
    return value.short if isinstance(value, Outside) else ""


def listed_by(field: Field | None) -> list[Value] | None:
    """The members that a crew lists; None if it lists none, or by code that cannot be followed."""
    if field is None:
        return None
    value = settled(field.value)
    if isinstance(value, Items):
        return value.items
    return [] if isinstance(value, Constant) else None


def _groups_of(definition: Definition) -> list[int | None]:
    """Where to look for its twins: among those of the call that made it, and among agents without a name (None)."""
    groups: list[int | None] = [] if definition.origin is None else [id(definition.origin)]
    return [*groups, None] if definition.kind == "agent" and not definition.name else groups


def _same(first: Definition, second: Definition, budget: Budget, *, depth: int = 0) -> bool:
    """Whether two definitions come from one call, run twice with the same arguments, or are one agent written twice."""
    budget.pay_steps()
    written_twice = first.kind == second.kind == "agent" and not first.name and not second.name
    if not (written_twice or (first.origin is not None and first.origin is second.origin)):
        return False
    if first.fields.keys() != second.fields.keys() or depth > _MAX_COMPARED:
        return False
    pairs = ((field.value, second.fields[name].value) for name, field in first.fields.items())
    return all(_equal(value, other, budget, depth=depth + 1) for value, other in pairs)


def _equal(first: Value, second: Value, budget: Budget, *, depth: int) -> bool:
    budget.pay_steps()
    if first is second or depth > _MAX_COMPARED:
        return first is second
    if isinstance(first, Items) and isinstance(second, Items):
        pairs = zip(first.items, second.items, strict=False)
        return len(first.items) == len(second.items) and all(_equal(a, b, budget, depth=depth + 1) for a, b in pairs)
    if isinstance(first, Definition) and isinstance(second, Definition):
        return _same(first, second, budget, depth=depth)
    if isinstance(first, Text) and isinstance(second, Text):
        budget.pay_looking(len(first.template))
        budget.pay_steps(len(first.computed))
    return first == second


def _text(definition: Definition, name: str) -> str:
    field = definition.fields.get(name)
    return unmarked(field.value.template) if field and isinstance(field.value, Text) else ""


def _name_of(definition: Definition) -> str:
    """What to call a member: the source's name for it, or else its role, its name or its description's first words."""
    name = definition.name
    if (
        not is_generic(name) or _NUMBERED.fullmatch(name) or (name and definition.origin is None)
    ):  # in YAML the name is the key
        return name
    own = _text(definition, "role") if definition.kind == "agent" else _text(definition, "name")
    if own and snake(own):
        return own
    named = definition.name and not definition.is_named_by_maker
    words = first_words(_text(definition, "description"))
    return words if words and definition.kind == "task" and not named else name
