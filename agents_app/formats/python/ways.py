"""Branches of which a run takes one: all are followed, and what the first one sets counts."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from agents_app.formats.python.frames import Flow, Frame
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Items,
    Text,
    Unknown,
    Value,
    is_same,
    settled,
    size_of,
)

COPIED_NAMES_PER_ELEMENT = 8


@dataclass(slots=True)
class Ways:
    """What came of branches of which a run takes one: ``flow``, how they leave the code around them, if all do so
    alike; ``differs``, the names that they set to different values; ``fuller``: something keeps what the last branch
    gives it; ``sets``: attributes or entries have a text that they would not have otherwise; ``by_others``: they have
    it by another branch than the first; ``made``, ``added``: how many parts of crews the first branch makes, or puts
    into lists, and how many the others do."""

    flow: Flow | None
    differs: list[str]
    fuller: bool
    sets: bool
    by_others: bool = False
    made: tuple[int, int] = (0, 0)
    added: tuple[int, int] = (0, 0)


def undecided(first: Sequence[ast.stmt], others: Sequence[Sequence[ast.stmt]], frame: Frame) -> Ways:
    """As ``_preferred``, for branches of which a run may take none: nothing is taken out of lists in there."""
    frame.world.undecided += 1
    outcome = _preferred(first, others, frame)
    frame.world.undecided -= 1
    return outcome


def _preferred(first: Sequence[ast.stmt], others: Sequence[Sequence[ast.stmt]], frame: Frame) -> Ways:
    """Follows all branches. If several set a name, an attribute or an entry, the first branch's value stays, unless it
    lists parts of a crew that cannot be followed and the last branch's value does not. An attribute or an entry that
    only one branch sets has what that gives it: all that is done may stand in that branch."""
    world = frame.world
    made, added = world.made, world.added
    with recorded(frame) as journal:
        flow = frame.run(first)
        entries = journal()
    sets = _sets_something(entries)
    ways = Ways(None, [], fuller=False, sets=sets, made=(world.made - made, 0), added=(world.added - added, 0))
    if any(others):
        made, added = world.made, world.added
        _follow_others(others, {(id(slots), name) for slots, name, _ in entries}, flow, ways, frame)
        ways.made, ways.added = (ways.made[0], world.made - made), (ways.added[0], world.added - added)
    return ways


def _follow_others(
    others: Sequence[Sequence[ast.stmt]], mine: set[tuple[int, str]], flow: Flow | None, ways: Ways, frame: Frame
) -> None:
    """Follows the other branches, and takes back what they set that the first one sets too (``mine``)."""
    world = frame.world
    world.budget.pay_elements(len(frame.names) // COPIED_NAMES_PER_ELEMENT)
    kept = dict(frame.names)
    world.aside += 1
    with recorded(frame) as journal:
        flows = [frame.run(body) for body in others]
        theirs = journal()
    world.aside -= 1
    sets = _sets_something(theirs)
    shared = [entry for entry in theirs if (id(entry[0]), entry[1]) in mine]
    is_fuller = take_back(shared, frame)
    ways.differs = [name for name, value in kept.items() if not is_same(frame.names[name], value, world.budget)]
    for name in ways.differs:
        world.budget.pay_looking(size_of(kept[name]) + size_of(frame.names[name]))
    fuller = [name for name in ways.differs if _lists_all(frame.names[name]) and _lists_unknown(kept[name])]
    frame.names.update({name: value for name, value in kept.items() if name not in fuller})
    ways.flow = flow if all(other == flow for other in flows) else None
    ways.fuller = bool(fuller) or is_fuller
    ways.by_others = sets and not shared and not ways.sets
    ways.sets |= bool(shared)


Entry = tuple[dict[str, Any], str, Any]


@contextmanager
def recorded(frame: Frame) -> Iterator[Callable[[], list[Entry]]]:
    """While this lasts, it is noted what attributes and entries were before they were set."""
    world = frame.world
    outer = world.journal
    world.journal = entries = outer if outer is not None else []
    start = len(entries)

    def noted() -> list[Entry]:
        world.budget.pay_looking(len(entries) - start)
        return entries[start:]

    yield noted
    world.journal = outer


def take_back(entries: list[Entry], frame: Frame) -> bool:
    """Gives attributes and entries the values that they had. What was not there stays, as do lists that say more of a
    crew than those before; the latter is returned."""
    frame.world.budget.pay_looking(len(entries))
    is_fuller = False
    for slots, name, before in reversed(entries):
        if before is None:
            continue
        if _lists_all(_bare(slots[name])) and _lists_unknown(_bare(before)):
            is_fuller = True
        else:
            slots[name] = before
    return is_fuller


def _bare(value: Value | Field) -> Value:
    return value.value if isinstance(value, Field) else value


def _sets_something(entries: list[Entry]) -> bool:
    """Whether something has another text or number than before."""
    given = ((_bare(before), _bare(slots[name])) for slots, name, before in entries if before is not None)
    changed = [before for before, now in given if is_plain(now) and now is not before]
    return any(map(is_plain, changed))


def _lists_all(value: Value) -> bool:
    """Whether it is a list of parts of a crew, all of which are known."""
    items = value.items if isinstance(value, Items) else []
    return bool(items) and all(isinstance(settled(item), Definition) and not _is_open(item) for item in items)


def _lists_unknown(value: Value) -> bool:
    return isinstance(value, Items) and any(map(_is_open, value.items))


def _is_open(item: Value) -> bool:
    """Whether only a run shows what it is."""
    inner = settled(item)
    return isinstance(inner, Unknown) or (isinstance(inner, Definition) and not inner.is_object)


def is_plain(value: Value) -> bool:
    return isinstance(value, Text) or (isinstance(value, Constant) and value.value is not None)
