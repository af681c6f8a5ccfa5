"""Follows branches: ``if``, ``try`` and ``match``, of which each is read that a run may take."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from agents_app.formats.python.frames import Flow, Frame, executes
from agents_app.formats.python.labels import as_label, source_of
from agents_app.formats.python.operators import compared, truth_of
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Items,
    Secret,
    Text,
    Unknown,
    Value,
    has_parts,
    is_same,
    settled,
    size_of,
)

COPIED_NAMES_PER_ELEMENT = 8


@executes(ast.If)
def _if(node: ast.If, frame: Frame) -> Flow | None:
    test = frame.evaluate(node.test)
    truth = truth_of(settled(test))
    if truth is not None:
        return _decided(node, test, truth, frame)
    if _only_empties(node, frame):
        return None
    before = dict(frame.names)
    world, is_over = frame.world, frame.maybe and any(isinstance(value, Definition) for value in frame.returned)
    crews, added, given = len(world.found.crews), world.added, len(frame.returned)
    flow, differs, fuller = _undecided(node.body, [node.orelse], frame)
    if not node.orelse:
        world.budget.pay_elements(len(before) // COPIED_NAMES_PER_ELEMENT)
        differs = [name for name, value in before.items() if isinstance(value, Text) and _is_other(frame, name, value)]
    made = world.found.crews[crews:]
    makes = _matters(node, frame) or any(map(has_parts, frame.returned[given:]))
    changed = [name for name in differs if before.get(name) is not frame.names.get(name)]
    if made and node.orelse and _stands_in(made, node.body, frame) and _stands_in(made, node.orelse, frame):
        _say_branch(node, "the crews of both branches are listed", frame)
    elif fuller:
        _say_branch(node, "the crew was read as if it does not, which gives its parts in full", frame)
    elif added < world.added or (makes and not (is_over or world.aside)):
        _say_branch(node, "the crew was read as if it does", frame)
    elif made and makes:
        _say_branch(node, "the crews that are made if it does are listed", frame)
    elif any(not isinstance(frame.names.get(name), Secret) for name in changed) and not world.aside:
        _say_branch(node, "the crew was read as if it does", frame, later=True)
    return flow


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


def _is_other(frame: Frame, name: str, text: Text) -> bool:
    """Whether the name stands for another text than this one, which it had before."""
    now = frame.names.get(name)
    return isinstance(now, Text) and not is_same(now, text, frame.world.budget)


def _stands_in(made: Sequence[Definition], body: Sequence[ast.stmt], frame: Frame) -> bool:
    """Whether one of the definitions is made within a branch."""
    frame.world.budget.pay_steps(len(made))
    first, last = body[0].lineno, body[-1].end_lineno or body[-1].lineno
    return any(one.place.file == frame.file and first <= (one.place.line or 0) <= last for one in made)


def _decided(node: ast.If, test: Value, truth: bool, frame: Frame) -> Flow | None:
    """Follows the branch that the source decides on. If it does so by values that it only falls back on, that is said
    where parts of a crew depend on it; numbers and texts that do are inputs, with what they are by these values."""
    flow = frame.run(node.body if truth else node.orelse)
    if not isinstance(test, Unknown | Secret):
        return flow
    parts = [part for branch in (node.body, node.orelse) for statement in branch for part in ast.walk(statement)]
    frame.world.budget.pay_steps(len(parts) // 5)
    names = {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    if _matters(node, frame) or any(has_parts(frame.names.get(name) or Constant(None)) for name in names):
        outcome = "holds" if truth else "does not hold"
        _say_branch(node, f"by the values that are written there it {outcome}, and so the crew was read", frame)
    if isinstance(test, Unknown) and not frame.class_body:
        frame.falls_back |= any(isinstance(part, ast.Return) for part in parts)
        for name in sorted(names & frame.names.keys()):
            _fall_back(name, node, frame)
    return flow


def _fall_back(name: str, node: ast.If, frame: Frame) -> None:
    value = frame.names[name]
    if isinstance(value, Constant) or (isinstance(value, Text) and value.literal):
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


def _undecided(
    first: Sequence[ast.stmt], others: Sequence[Sequence[ast.stmt]], frame: Frame
) -> tuple[Flow | None, list[str], list[str]]:
    """As ``_preferred``, for branches of which a run may take none: nothing is taken out of lists in there."""
    frame.world.undecided += 1
    outcome = _preferred(first, others, frame)
    frame.world.undecided -= 1
    return outcome


def _preferred(
    first: Sequence[ast.stmt], others: Sequence[Sequence[ast.stmt]], frame: Frame
) -> tuple[Flow | None, list[str], list[str]]:
    """Follows all branches. If several set a name, the first branch's value stays, unless it lists parts of a crew that
    cannot be followed and the last branch's value does not.

    How they leave the code around them, if all do so alike, the names that they set to different values, and those that
    keep the last branch's.
    """
    flow = frame.run(first)
    if not any(others):
        return None, [], []
    frame.world.budget.pay_elements(len(frame.names) // COPIED_NAMES_PER_ELEMENT)
    kept = dict(frame.names)
    frame.world.aside += 1
    flows = [frame.run(body) for body in others]
    frame.world.aside -= 1
    differs = [name for name, value in kept.items() if not is_same(frame.names[name], value, frame.world.budget)]
    for name in differs:
        frame.world.budget.pay_looking(size_of(kept[name]) + size_of(frame.names[name]))
    fuller = [name for name in differs if _lists_all(frame.names[name]) and _lists_unknown(kept[name])]
    frame.names.update({name: value for name, value in kept.items() if name not in fuller})
    return flow if all(other == flow for other in flows) else None, differs, fuller


def _lists_all(value: Value) -> bool:
    """Whether it is a list of parts of a crew, all of which are known."""
    items = value.items if isinstance(value, Items) else []
    return bool(items) and all(isinstance(settled(item), Definition) for item in items)


def _lists_unknown(value: Value) -> bool:
    return isinstance(value, Items) and any(isinstance(settled(item), Unknown) for item in value.items)


@executes(ast.Try, ast.TryStar)
def _try(node: ast.Try | ast.TryStar, frame: Frame) -> Flow | None:
    """Follows it as if nothing went wrong; what handlers make is read too, unless the code before them returns."""
    before = len(frame.returned)
    flow = frame.run(node.body)
    given, maybe = len(frame.returned), frame.maybe
    kept = dict(frame.names) if node.handlers else {}
    frame.world.budget.pay_elements(len(kept) // COPIED_NAMES_PER_ELEMENT)
    for handler in node.handlers:
        frame.run(handler.body)
    frame.names.update(kept)
    if given > before:
        del frame.returned[given:]
        frame.maybe = maybe
    flow = frame.run(node.orelse) or flow
    return frame.run(node.finalbody) or flow


@executes(ast.Match)
def _match(node: ast.Match, frame: Frame) -> Flow | None:
    """Follows the case that fits. Where only a run would show which does, all that may, up to the first that must."""
    subject = frame.evaluate(node.subject)
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
    is_open = isinstance(subject, Unknown | Secret) or not surely or len(possible) > 1
    if possible and is_open and _matters(node, frame):
        written = source_of(node.subject, frame.world.budget)
        message = f"Which case of `match {written}` holds is only known when the code runs: "
        frame.world.reading.report.info(
            frame.place(node), f"{message}the one in line {possible[0].body[0].lineno} was read."
        )
    if len(possible) == 1:
        return frame.run(possible[0].body)
    if possible:
        flow, *_ = _undecided(possible[0].body, [case.body for case in possible[1:]], frame)
        return flow if surely else None
    return None


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
