"""Follows branches: ``if``, ``try`` and ``match``, of which each is read that a run may take."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from agents_app.formats.python.forks import bodies_of, fork
from agents_app.formats.python.frames import Flow, Frame, executes
from agents_app.formats.python.known import is_model
from agents_app.formats.python.labels import as_label, source_of, written
from agents_app.formats.python.operators import compared, truth_of
from agents_app.formats.python.ways import COPIED_NAMES_PER_ELEMENT, Ways, is_plain, recorded, take_back, undecided
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Items,
    Mapping,
    Secret,
    Text,
    Unknown,
    Value,
    has_parts,
    is_same,
    settled,
    size_of,
)

Ahead = tuple[Sequence[ast.stmt], int]
MAX_FALLBACK = 300
"""Characters of a text that may become an input because a branch on an input sets it."""


@executes(ast.If)
def _if(node: ast.If, frame: Frame) -> Flow | None:
    ahead = frame.ahead
    test = frame.evaluate(node.test)
    truth = truth_of(settled(test))
    if truth is not None:
        return _decided(node, test, truth, ahead, frame)
    return None if _only_empties(node, frame) else _open(node, ahead, frame)


def _open(node: ast.If, ahead: Ahead, frame: Frame) -> Flow | None:
    """Follows both ways of an ``if``, and says which was taken where parts of a crew or texts hang on that."""
    before = dict(frame.names)
    world, is_over = frame.world, frame.maybe and any(isinstance(value, Definition) for value in frame.returned)
    crews, added, given = len(world.found.crews), world.added, len(frame.returned)
    ways = undecided(node.body, [node.orelse], frame)
    differs = ways.differs if node.orelse else _others(before, frame)
    made = world.found.crews[crews:]
    makes = _matters(node, frame) or any(map(has_parts, frame.returned[given:]))
    now = [(name, frame.names.get(name)) for name in differs if before.get(name) is not frame.names.get(name)]
    telling = world.reach.telling
    fills = id(node) in world.reach.fillers and not ways.by_others
    sets = ways.sets or fills or any(not isinstance(value, Secret) and name in telling for name, value in now)
    if made and node.orelse and _stands_in(made, node.body, frame) and _stands_in(made, node.orelse, frame):
        _say_branch(node, "the crews of both branches are listed", frame)
    elif ways.fuller:
        _say_branch(node, "the crew was read as if it does not, which gives its parts in full", frame)
    elif added < world.added or (makes and not (is_over or world.aside)):
        _say_branch(node, _what_was_read(node, ways, frame), frame)
    elif made and makes:
        _say_branch(node, "the crews that are made if it does are listed", frame)
    elif (sets or ways.by_others) and not world.aside:
        how = "as if it does" if sets else "as if it does not, which sets more"
        _say_branch(node, f"the crew was read {how}", frame, later=True)
    if ways.flow is None and not (ways.fuller or made):
        fork(node, list(bodies_of(node)), ahead, frame)
    return ways.flow


def _what_was_read(node: ast.If, ways: Ways, frame: Frame) -> str:
    """Which way the parts of a crew are read, of which only a run shows whether they are made."""
    if ways.added[0] and ways.added[1]:
        return "what both ways add was read"
    holds = bool(ways.made[0] or not ways.made[1])
    test, is_not = node.test, isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
    asked = test.operand if isinstance(test, ast.UnaryOp) and is_not else test
    key = (frame.file, frame.function_name(), written(asked, frame.world.budget))
    if frame.world.assumed.setdefault(key, holds is not is_not) != (holds is not is_not):
        return f"what is made if it does{'' if holds else ' not'} was read too"
    return "the crew was read as if it does" + ("" if holds else " not")


def _only_empties(node: ast.If, frame: Frame) -> bool:
    """``if tools is None: tools = []``, where it is something that only a run shows: that is what was given."""
    assigned = node.body[0] if len(node.body) == 1 and not node.orelse else None
    if not isinstance(assigned, ast.Assign) or not isinstance(assigned.value, ast.List | ast.Dict | ast.Constant):
        return False
    names = [target.id for target in assigned.targets if isinstance(target, ast.Name)]
    asked = [part.id for part in ast.walk(node.test) if isinstance(part, ast.Name)]
    is_empty = isinstance(assigned.value, ast.List) and not assigned.value.elts
    is_empty |= isinstance(assigned.value, ast.Dict) and not assigned.value.keys
    return is_empty and names == asked and frame.lookup(names[0]) is not None


def _others(before: dict[str, Value], frame: Frame) -> list[str]:
    """The names that stand for another text or number than before."""
    budget = frame.world.budget
    budget.pay_elements(len(before) // COPIED_NAMES_PER_ELEMENT)
    pairs = [(name, value, frame.names.get(name)) for name, value in before.items() if is_plain(settled(value))]
    return [name for name, value, now in pairs if now and is_plain(now) and not is_same(now, value, budget)]


def _stands_in(made: Sequence[Definition], body: Sequence[ast.stmt], frame: Frame) -> bool:
    """Whether one of the definitions is made within a branch."""
    frame.world.budget.pay_steps(len(made))
    first, last = body[0].lineno, body[-1].end_lineno or body[-1].lineno
    return any(one.place.file == frame.file and first <= (one.place.line or 0) <= last for one in made)


def _decided(node: ast.If, test: Value, truth: bool, ahead: Ahead, frame: Frame) -> Flow | None:
    """Follows the branch that the source decides on. If it does so by values that it only falls back on, that is said
    where parts of a crew depend on it; numbers and texts that do are inputs, with what they are by these values."""
    given = len(frame.returned)
    flow = frame.run(node.body if truth else node.orelse)
    if not isinstance(test, Unknown | Secret):
        return flow
    both = _offers_other(node.orelse if truth else node.body, frame)
    parts = [part for branch in (node.body, node.orelse) for statement in branch for part in ast.walk(statement)]
    frame.world.budget.pay_steps(len(parts) // 5)
    names = {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    set_here = [value for name in names if (value := frame.names.get(name)) is not None]
    if both:
        _say_branch(node, "the crews that are made if it does and if it does not are listed", frame)
    elif _matters(node, frame) or _gives_models(parts) or any(map(has_parts, [*set_here, *frame.returned[given:]])):
        _say_branch(node, _by_values(truth), frame)
    elif id(node) in frame.world.reach.fillers or _sets_texts(names, test, frame):
        _say_branch(node, _by_values(truth), frame, later=True)
    if isinstance(test, Unknown) and not frame.class_body:
        frame.falls_back |= any(isinstance(part, ast.Return) for part in parts)
        for name in sorted(names & frame.names.keys()):
            _fall_back(name, node, frame)
    if flow is None and not both:
        others = list(bodies_of(node))
        fork(node, others if truth else [node.orelse, node.body], ahead, frame)
    return flow


def _offers_other(branch: Sequence[ast.stmt], frame: Frame) -> bool:
    """Follows the branch that values decide against which a run may change, if crews are made in there: they are
    offered too. Whether there were any."""
    world = frame.world
    calls = [part.func for statement in branch for part in ast.walk(statement) if isinstance(part, ast.Call)]
    world.budget.pay_steps(len(calls))
    called = {getattr(part, "id", getattr(part, "attr", "")) for part in calls}
    if not called & (world.reach.builders | {"Crew"}):
        return False
    before, kept, given, maybe = len(world.found.crews), dict(frame.names), len(frame.returned), frame.maybe
    world.budget.pay_elements(len(kept) // COPIED_NAMES_PER_ELEMENT)
    world.undecided += 1
    world.aside += 1
    with recorded(frame) as journal:
        frame.run(branch)
        take_back(journal(), frame)
    world.aside -= 1
    world.undecided -= 1
    frame.names.update(kept)
    del frame.returned[given:]
    frame.maybe = maybe
    for crew in world.found.crews[before:]:
        crew.is_other = True
    return len(world.found.crews) > before


def _by_values(truth: bool) -> str:
    outcome = "holds" if truth else "does not hold"
    return f"by the values that are written there it {outcome}, and so the crew was read"


def _sets_texts(names: set[str], test: Value, frame: Frame) -> bool:
    """Whether names get plain values in a branch which no input stands for: long texts, and what settings decide."""
    told = [value for name in names & frame.world.reach.telling if (value := frame.names.get(name)) is not None]
    return any(is_plain(value) and (isinstance(test, Secret) or _is_prompt(value)) for value in told)


def _is_prompt(value: Value) -> bool:
    """Whether it is a text that belongs to whoever wrote the crew, and not to whoever runs it."""
    return isinstance(value, Text) and len(value.template) > MAX_FALLBACK


def _gives_models(parts: list[ast.AST]) -> bool:
    """Whether something in there is returned that makes a model."""
    given = [part.value for part in parts if isinstance(part, ast.Return) and isinstance(part.value, ast.Call)]
    return any(is_model(value.func) for value in given)


def _fall_back(name: str, node: ast.If, frame: Frame) -> None:
    value = frame.names[name]
    if isinstance(value, Items | Mapping) and not size_of(value) and value.open_as is None:
        which = frame.world.budget.number_of("branch", node, name)
        value.open_as = Unknown(as_label(name), which=which, within=frame.function_name())
    if isinstance(value, Constant) or (isinstance(value, Text) and value.literal and not _is_prompt(value)):
        which = frame.world.budget.number_of("branch", node, name)
        frame.set(name, Unknown(as_label(name), name, value, which=which, within=frame.function_name()))


def _matters(node: ast.If | ast.Match, frame: Frame) -> bool:
    """Whether parts of a crew are made or added in there."""
    return id(node) in frame.world.reach.makers or id(node) in frame.world.reach.adders


def _say_branch(node: ast.If, how: str, frame: Frame, *, later: bool = False) -> None:
    """Says which way was taken; ``later``: only if parts are made after this, which what it sets may be in."""
    test = source_of(node.test, frame.world.budget)
    message = f"Whether `{test}` holds is only known when the code runs: {how}."
    if later:
        frame.world.remarks.setdefault((frame.place(node), message), frame.world.made)
    else:
        frame.world.reading.report.info(frame.place(node), message)


@executes(ast.Try, ast.TryStar)
def _try(node: ast.Try | ast.TryStar, frame: Frame) -> Flow | None:
    """Follows it as if nothing went wrong; what handlers make is read too, unless the code before them returns."""
    before = len(frame.returned)
    flow = frame.run(node.body)
    given, maybe = len(frame.returned), frame.maybe
    kept = dict(frame.names) if node.handlers else {}
    frame.world.budget.pay_elements(len(kept) // COPIED_NAMES_PER_ELEMENT)
    with recorded(frame) as journal:
        for handler in node.handlers:
            frame.run(handler.body)
        take_back(journal(), frame)
    frame.names.update(kept)
    if given > before:
        del frame.returned[given:]
        frame.maybe = maybe
    flow = frame.run(node.orelse) or flow
    return frame.run(node.finalbody) or flow


@executes(ast.Match)
def _match(node: ast.Match, frame: Frame) -> Flow | None:
    """Follows the case that fits. Where only a run would show which does, all that may, up to the first that must."""
    ahead, subject = frame.ahead, frame.evaluate(node.subject)
    possible: list[ast.match_case] = []
    surely = False
    for case in node.cases:
        outcome = _fits(case.pattern, subject, frame)
        if outcome is not False and case.guard is not None:
            guard = truth_of(settled(frame.evaluate(case.guard)))
            outcome = guard if outcome or guard is False else None
        if outcome is not False:
            possible.append(case)
        if outcome:
            surely = True
            break
    if not possible:
        return None
    is_open = isinstance(subject, Unknown | Secret) or not surely or len(possible) > 1
    if len(possible) == 1:
        flow = frame.run(possible[0].body)
    else:
        ways = undecided(possible[0].body, [case.body for case in possible[1:]], frame)
        flow = ways.flow if surely else None
    bodies = [possible[0].body, *(case.body for case in node.cases if case is not possible[0])]
    is_forked = is_open and flow is None and fork(node, bodies, ahead, frame)
    if is_open and (is_forked or _matters(node, frame)):
        written = source_of(node.subject, frame.world.budget)
        message = f"Which case of `match {written}` holds is only known when the code runs: "
        frame.world.reading.report.info(
            frame.place(node), f"{message}the one in line {possible[0].body[0].lineno} was read."
        )
    return flow


def _fits(pattern: ast.pattern, subject: Value, frame: Frame) -> bool | None:
    """Whether a pattern fits; None if that cannot be known. Sets the name that the pattern gives to what it fits."""
    frame.world.budget.pay_steps()
    if isinstance(pattern, ast.MatchValue):
        return compared(ast.Eq(), subject, frame.evaluate(pattern.value), frame.world.budget)
    if isinstance(pattern, ast.MatchSingleton):
        return compared(ast.Is(), subject, Constant(pattern.value), frame.world.budget)
    if isinstance(pattern, ast.MatchOr):
        outcomes = [_fits(part, subject, frame) for part in pattern.patterns]
        return True if True in outcomes else None if None in outcomes else False
    if isinstance(pattern, ast.MatchAs):
        outcome = _fits(pattern.pattern, subject, frame) if pattern.pattern is not None else True
        if pattern.name is not None and outcome is not False:
            frame.set(pattern.name, subject)
        return outcome
    return None
