"""Brings what changed in an original into a copy that may have changed too: field by field, three ways.

A field that one side changed is that side's. Where both changed it, and not alike, it is a conflict, which a person
decides: nothing is mixed within a text. Agents and tasks are matched by key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ValidationError

from agents_app.spec_json import json_fault
from agents_app.versions.spec_fields import LABELS, LISTS
from engine.spec.crew_spec import CrewSpec
from teams.refusals import Invalid

Side = Literal["mine", "theirs"]
PARTS = {"agents": "Agent", "tasks": "Task"}
Leaves = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that both sides changed. ``path`` is by keys: ``tasks.summary.description``.

    The texts are None where the side has nothing there: an agent or a task that it removed, or a default.
    """

    path: str
    label: str
    base: str | None
    mine: str | None
    theirs: str | None
    is_list: bool
    choice: Side | None


@dataclass(frozen=True, slots=True)
class Merged:
    """``taken``: how many fields, agents and tasks come from the original. ``data`` is the crew's JSON, with the copy's
    own side where a conflict is ``open``."""

    data: dict[str, Any]
    conflicts: tuple[Conflict, ...]
    taken: int

    @property
    def open(self) -> tuple[Conflict, ...]:
        return tuple(conflict for conflict in self.conflicts if conflict.choice is None)


def merge(base: CrewSpec, mine: CrewSpec, theirs: CrewSpec, choices: Mapping[str, str]) -> Merged:
    """``base`` is what both come from. ``choices``: "mine" or "theirs" by the path of a conflict."""
    work = _Merging(choices)
    sides = [spec.to_json() for spec in (base, mine, theirs)]
    data = _nested(work.leaves("", "Crew", *map(_own_leaves, sides)))
    for kind, word in PARTS.items():
        data[kind] = work.parts(kind, word, *({part["key"]: part for part in side.get(kind, ())} for side in sides))
    return Merged(data, tuple(work.conflicts), work.taken)


def decided(merged: Merged, *, other: str) -> CrewSpec:
    """What was merged, as a crew. ``other``: where the other side is ("the original").

    Raises ``Invalid`` with a field for each conflict that is open, and for what is no crew: a field that one side set
    can need what the other side removed.
    """
    if merged.open:
        fields = {conflict.path: "Both changed it: choose one." for conflict in merged.open}
        what = "One field was" if len(fields) == 1 else f"{len(fields)} fields were"
        told = f"{what} changed both here and in {other}. Choose for each which one is kept; nothing was changed yet."
        raise Invalid(told, fields=fields, code="undecided")
    try:
        return CrewSpec.from_json(merged.data)
    except ValidationError as error:
        raise Invalid(f"Taken over like this it is no crew. {json_fault(error)}") from error


@dataclass(slots=True)
class _Merging:
    choices: Mapping[str, str]
    conflicts: list[Conflict] = field(default_factory=list)
    taken: int = 0

    def leaves(self, path: str, owner: str, base: Leaves, mine: Leaves, theirs: Leaves) -> Leaves:
        """The fields that a merged crew, agent or task states."""
        merged = {}
        for name in dict.fromkeys((*mine, *theirs, *base)):
            label = f"{owner} · {_label(name)}"
            side = self.side(f"{path}{name}", label, base.get(name), mine.get(name), theirs.get(name))
            kept = theirs if side == "theirs" else mine
            if name in kept:
                merged[name] = kept[name]
        return merged

    def parts(self, kind: str, word: str, *sides: dict[str, Any]) -> list[dict[str, Any]]:
        base, mine, theirs = sides
        merged: dict[str, dict[str, Any]] = {}
        for key in dict.fromkeys((*mine, *theirs, *base)):
            path, owner = f"{kind}.{key}", f"{word} {key}"
            if key in mine and key in theirs:
                leaves = (_part_leaves(side.get(key, {})) for side in sides)
                merged[key] = {"key": key, **_nested(self.leaves(f"{path}.", owner, *leaves))}
            else:
                side = self.side(path, owner, base.get(key), mine.get(key), theirs.get(key))
                part = (theirs if side == "theirs" else mine).get(key)
                if part is not None:
                    merged[key] = part
        return [merged[key] for key in self.order(kind, word, merged, *sides)]

    def order(self, kind: str, word: str, merged: Mapping[str, Any], *sides: dict[str, Any]) -> list[str]:
        """The keys of the merged parts: in the order of whoever changed it, with those that only one side has behind
        the one that they follow there."""
        base, mine, theirs = ([key for key in side if key in merged] for side in sides)
        both = [[key for key in keys if key in mine and key in theirs] for keys in (base, mine, theirs)]
        known = [[key for key in keys if key in base] for keys in both]
        if both[1] == both[2] or known[2] == known[0]:
            first, second = mine, theirs
        elif known[1] == known[0]:
            first, second = theirs, mine
            self.taken += 1
        else:
            lines = ("\n".join(keys) for keys in both)
            side = self.side(kind, f"{word}s · order", *lines)
            first, second = (theirs, mine) if side == "theirs" else (mine, theirs)
        return _woven(first, second)

    def side(self, path: str, label: str, base: Any, mine: Any, theirs: Any) -> Side:
        """Whose value is kept. A conflict that nobody has decided is ``mine`` for the moment."""
        was, ours, other = (_canonical(value) for value in (base, mine, theirs))
        if other in (was, ours):
            return "mine"
        if ours == was:
            self.taken += 1
            return "theirs"
        choice = self.choices.get(path)
        chosen: Side | None = "mine" if choice == "mine" else "theirs" if choice == "theirs" else None
        is_list = path in PARTS or path.rpartition(".")[2] in LISTS
        conflict = Conflict(path, label, _text(base), _text(mine), _text(theirs), is_list, chosen)
        self.conflicts.append(conflict)
        self.taken += chosen == "theirs"
        return chosen or "mine"


def _own_leaves(data: Mapping[str, Any]) -> Leaves:
    """The crew's own fields, and each of its inputs."""
    leaves = {name: value for name, value in data.items() if name not in ("agents", "tasks", "inputs")}
    return leaves | {f"inputs.{name}": text for name, text in data.get("inputs", {}).items()}


def _part_leaves(part: Mapping[str, Any]) -> Leaves:
    """The fields of an agent or a task without its key, those of its model one by one: who changes a temperature does
    not decide on the model."""
    leaves = {name: value for name, value in part.items() if name not in ("key", "llm")}
    return leaves | {f"llm.{name}": value for name, value in part.get("llm", {}).items()}


def _nested(leaves: Leaves) -> dict[str, Any]:
    """The reverse of both."""
    data: dict[str, Any] = {}
    for name, value in leaves.items():
        outer, dot, inner = name.partition(".")
        if dot:
            data.setdefault(outer, {})[inner] = value
        else:
            data[name] = value
    return data


def _woven(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """All keys: ``first`` in its order, the rest of ``second`` each behind the one that it follows there."""
    woven = list(first)
    for place, key in enumerate(second):
        if key not in woven:
            before = next((other for other in reversed(second[:place]) if other in woven), None)
            woven.insert(0 if before is None else woven.index(before) + 1, key)
    return woven


def _canonical(value: Any) -> str:
    """The order of keys counts, as it does for the hash."""
    return json.dumps(value, ensure_ascii=False)


def _label(name: str) -> str:
    if name.startswith("inputs."):
        return f"input {name.removeprefix('inputs.')}"
    last = name.removeprefix("llm.")
    return LABELS.get(last, last.replace("_", " "))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "\n".join(_items(value))
    return json.dumps(value, ensure_ascii=False, indent=2)


def _items(values: list[Any]) -> Iterator[str]:
    for value in values:
        is_name = isinstance(value, dict) and set(value) == {"name"}
        yield value["name"] if is_name else _text(value) or ""
