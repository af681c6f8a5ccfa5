"""Branches that choose the agents or tasks of a crew which is made after them: a crew is made for each of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from agents_app.formats.python.frames import Frame
from agents_app.formats.python.things import Instance
from agents_app.formats.python.uses import names_filled, names_given
from agents_app.formats.python.ways import COPIED_NAMES_PER_ELEMENT, recorded, take_back
from agents_app.formats.to_spec.members import listed_by
from agents_app.formats.to_spec.naming import snake
from agents_app.formats.to_spec.values import (
    MAX_LOOKED_AT,
    Constant,
    Definition,
    Text,
    Unknown,
    Value,
    members,
    settled,
)

MAX_FORKS = 20
MAX_OTHERS = 5
MAX_ASKED = 50
Body = Sequence[ast.stmt]


def bodies_of(node: ast.If) -> Iterator[Body]:
    """The branches of an ``if`` with all its ``elif`` and its ``else``."""
    yield node.body
    while len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        node = node.orelse[0]
        yield node.body
    if node.orelse:
        yield node.orelse


def fork(node: ast.If | ast.Match, bodies: Sequence[Body], ahead: tuple[Body, int], frame: Frame) -> bool:
    """Sees to it that a crew is made for each of several branches, of which the first was followed. Whether it is so.

    ``ahead``: the statements around the branches, and where those after them begin. These are followed for each other
    branch that sets what the first one sets, if that is an agent or a task and a crew is made there. It is left at one
    crew where lists are filled on the way that were there before: they would hold the parts of several; and where other
    branches ask for the same, which would have to be followed alike.
    """
    taken, others = bodies[0], bodies[1:]
    world = frame.world
    own, lines = _asked(node), range(node.lineno, (node.end_lineno or node.lineno) + 1)
    keys = [(frame.file, frame.function_name(), name) for name in own]
    is_again = any(world.branched.get(key, node.lineno) not in lines for key in keys)
    for key in keys:
        world.branched.setdefault(key, node.lineno)
    if is_again or world.forked == MAX_FORKS or world.is_forking or world.aside:
        return False
    parts = {name for name in _set_in(taken) if _chosen(name, frame)}
    alike = [body for body in others if parts & set(_set_in(body))]
    rest = ahead[0][ahead[1] :]
    if not alike or len(alike) > MAX_OTHERS or not _makes_crew(rest, frame):
        return False
    nodes = [part for body in (*alike, rest) for statement in body for part in ast.walk(statement)]
    world.budget.pay_steps(len(nodes) // 5)
    choices = [part for part in nodes if isinstance(part, ast.If | ast.Match | ast.IfExp)]
    if any(not own.isdisjoint(_asked(part)) for part in choices):
        return False
    fresh = {name.rpartition(".")[2] for body in (*alike, rest) for name in _set_in(body)}
    filled = {name for part in nodes for name in names_filled(part)} - fresh
    if any(not isinstance(settled(frame.names.get(name, Unknown(""))), Text | Constant) for name in filled):
        return False
    world.forked += 1
    world.fork = partial(_follow, node, alike, rest, frame)
    return True


def _asked(node: ast.If | ast.IfExp | ast.Match) -> set[str]:
    """The variables and attributes that a branch asks for."""
    parts = list(ast.walk(node.subject if isinstance(node, ast.Match) else node.test))[:MAX_ASKED]
    owners = {id(part.value) for part in parts if isinstance(part, ast.Attribute)}
    kinds = (ast.Name, ast.Attribute)
    return {ast.unparse(part) for part in parts if isinstance(part, kinds) and id(part) not in owners}


def _set_in(body: Body) -> Iterator[str]:
    """The variables and own attributes that the statements of a branch set."""
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        for target in targets:
            for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
                if isinstance(part, ast.Name):
                    yield part.id
                elif isinstance(part, ast.Attribute) and names_given(part.value) == ["self"]:
                    yield f"self.{part.attr}"


def _chosen(name: str, frame: Frame) -> bool:
    """Whether it is an agent or a task, or a list that begins with such."""
    owner, _, attribute = name.rpartition(".")
    holder = frame.lookup(owner) if owner else None
    value: Value | None = frame.names.get(name)
    if isinstance(holder, Instance):
        value = holder.attributes.get(attribute)
    found = list(members(value, frame.world.budget))[:MAX_LOOKED_AT] if value is not None else []
    kinds = [inner.kind for part in found if isinstance(inner := settled(part), Definition)]
    return "agent" in kinds or "task" in kinds


def _makes_crew(rest: Body, frame: Frame) -> bool:
    parts = [part for statement in rest for part in ast.walk(statement)]
    frame.world.budget.pay_steps(len(parts) // 5)
    calls = (part.func for part in parts if isinstance(part, ast.Call))
    names = {getattr(called, "id", getattr(called, "attr", "")) for called in calls}
    return not names.isdisjoint(frame.world.reach.builders | {"Crew"})


def _follow(node: ast.If | ast.Match, others: Sequence[Body], rest: Body, frame: Frame) -> None:
    """Follows other branches, each with what comes after; all that it sets is taken back. Of the crews that are made,
    those stay that have parts which no crew had before, and it is said that they are listed."""
    world = frame.world
    crews = world.found.crews
    before, given, maybe = len(crews), len(frame.returned), frame.maybe
    kept = dict(frame.names)
    world.budget.pay_elements((1 + len(others)) * len(kept) // COPIED_NAMES_PER_ELEMENT)
    world.undecided += 1
    world.aside += 1
    world.is_forking = True
    for body in others:
        with recorded(frame) as journal:
            if frame.run(body) is None:
                frame.run(rest)
            take_back(journal(), frame)
        frame.names.update(kept)
    world.is_forking = False
    world.aside -= 1
    world.undecided -= 1
    del frame.returned[given:]
    frame.maybe = maybe
    had = {id(part.origin) for crew in crews[:before] for part in _parts_of(crew, frame) if part is not None}
    made = crews[before:]
    crews[before:] = [crew for crew in made if _has_others(_parts_of(crew, frame), had)]
    for crew in crews[before:]:
        crew.is_other = True
        if not crew.name and isinstance(owner := frame.lookup("self"), Instance):
            crew.name, crew.is_named_by_maker = snake(owner.cls.name), True
    if len(crews) > before:
        message = "The crews that are made if another branch is taken here are listed too."
        world.reading.report.info(frame.place(node), message)


def _parts_of(crew: Definition, frame: Frame) -> list[Definition | None]:
    """The agents and tasks that a crew lists; None for what only a run shows."""
    listed = [part for name in ("agents", "tasks") for part in listed_by(crew.fields.get(name)) or [Unknown(name)]]
    frame.world.budget.pay_elements(len(listed))
    return [inner if isinstance(inner := settled(part), Definition) else None for part in listed]


def _has_others(parts: Sequence[Definition | None], had: AbstractSet[int]) -> bool:
    """Whether all parts are known, and one of them is made by none of these calls."""
    known = [part for part in parts if part is not None]
    return len(known) == len(parts) and any(id(part.origin) not in had for part in known)
