"""Follows statements: assignments, definitions and control flow, of which every branch is followed."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from agents_app.formats.python.attributes import items_of, own_method, set_attribute
from agents_app.formats.python.calling import call_function
from agents_app.formats.python.expressions import index_in, slice_of
from agents_app.formats.python.flows import say_flow
from agents_app.formats.python.frames import Flow, Frame, FunctionNode, executes, unknown
from agents_app.formats.python.labels import as_label, source_of
from agents_app.formats.python.loops import MAX_ITEMS, bind, is_empty, repetitions, say_unseen, unpacked
from agents_app.formats.python.operators import arithmetic, compared, truth_of
from agents_app.formats.python.settings import note_setting
from agents_app.formats.python.texts import joined, template_of
from agents_app.formats.python.things import MAX_DECORATORS, MAX_NAME, Class, Function, Instance, ModuleOf
from agents_app.formats.report import Place
from agents_app.formats.to_spec.naming import is_generic
from agents_app.formats.to_spec.values import (
    ASKED,
    Constant,
    Definition,
    Field,
    Items,
    Mapping,
    Outside,
    Secret,
    Text,
    Unknown,
    Value,
    has_parts,
    settled,
    size_of,
)

COPIED_NAMES_PER_ELEMENT = 8
_HOOKS = frozenset({"before_kickoff", "after_kickoff", "before_llm_call", "after_llm_call"})


@executes(ast.Expr)
def _expression(node: ast.Expr, frame: Frame) -> None:
    frame.evaluate(node.value)


@executes(ast.Assign)
def _assign(node: ast.Assign, frame: Frame) -> None:
    value = frame.evaluate(node.value)
    for target in node.targets:
        _give(target, value, frame)
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant) and target.id not in frame.elsewhere:
            frame.constants.add(target.id)


@executes(ast.AnnAssign)
def _annotated(node: ast.AnnAssign, frame: Frame) -> None:
    if node.value is not None:
        _give(node.target, frame.evaluate(node.value), frame)


def _give(target: ast.expr, value: Value, frame: Frame) -> None:
    if isinstance(target, ast.Name):
        value = _titled(value, target.id)
        _mark_replaced(frame.elsewhere.get(target.id, frame).names.get(target.id), value, frame.place(target))
        frame.set(target.id, value)
    elif isinstance(target, ast.Attribute):
        value = _titled(value, target.attr)
        owner = settled(frame.evaluate(target.value))
        set_attribute(owner, target.attr, value, Field(value, frame.place(target)))
    elif isinstance(target, ast.Tuple | ast.List):
        for part, item in unpacked(target.elts, value, frame):
            _give(part, item, frame)
    elif isinstance(target, ast.Subscript):
        _put(target, value, frame)


def _titled(value: Value, name: str) -> Value:
    """The value, which keeps the first name that says something; a computed value gets this one."""
    if isinstance(value, Definition) and is_generic(value.name):
        value.name = name
    if isinstance(value, Unknown) and (value.source or value.label == ASKED):
        within = "" if value.label == ASKED else value.within
        return replace(value, label=as_label(name), within=within)
    return value


def _mark_replaced(old: Value | None, new: Value, place: Place) -> None:
    if isinstance(old, Definition) and isinstance(new, Definition) and old.origin is not new.origin:
        old.replaced = place


def _put(target: ast.Subscript, value: Value, frame: Frame) -> None:
    container = settled(frame.evaluate(target.value))
    if isinstance(target.slice, ast.Slice):
        bounds, given = slice_of(target.slice, frame), settled(value)
        if isinstance(container, Items) and isinstance(given, Items) and bounds is not None and bounds.step is None:
            frame.world.budget.pay_elements(size_of(given))
            frame.world.budget.pay_looking(size_of(container))
            container.items[bounds] = list(given.items)
        return
    key = settled(frame.evaluate(target.slice))
    if isinstance(container, Mapping) and isinstance(key, Text | Constant):
        name = template_of(key, frame.world.budget).template
        container.fields[name] = Field(_titled(value, name[:MAX_NAME]), frame.place(target))
    elif isinstance(container, Items) and (index := index_in(container, key)) is not None:
        container.items[index] = value
    elif isinstance(container, Outside) and container.short == "environ" and isinstance(key, Text):
        note_setting(key.template, value, frame.place(target), frame.world)


@executes(ast.Delete)
def _delete(node: ast.Delete, frame: Frame) -> None:
    """``del things[key]``. A name that is deleted is not used any more: it may stay."""
    for target in node.targets:
        if not isinstance(target, ast.Subscript) or frame.world.undecided:
            continue
        container = settled(frame.evaluate(target.value))
        if isinstance(target.slice, ast.Slice):
            bounds = slice_of(target.slice, frame)
            if isinstance(container, Items) and bounds is not None:
                frame.world.budget.pay_looking(len(container.items))
                del container.items[bounds]
            continue
        key = settled(frame.evaluate(target.slice))
        if isinstance(container, Mapping) and isinstance(key, Text | Constant):
            container.fields.pop(template_of(key, frame.world.budget).template, None)
        elif isinstance(container, Items) and (index := index_in(container, key)) is not None:
            frame.world.budget.pay_looking(len(container.items))
            del container.items[index]


@executes(ast.Global, ast.Nonlocal)
def _elsewhere(node: ast.Global | ast.Nonlocal, frame: Frame) -> None:
    for name in node.names:
        outer = frame.parent
        while (
            outer is not None and outer.parent is not None and (isinstance(node, ast.Global) or name not in outer.names)
        ):
            outer = outer.parent
        if outer is not None:
            frame.elsewhere[name] = outer


@executes(ast.AugAssign)
def _augmented(node: ast.AugAssign, frame: Frame) -> None:
    old, more = settled(frame.evaluate(node.target)), frame.evaluate(node.value)
    added, budget = settled(more), frame.world.budget
    if isinstance(node.op, ast.Add) and isinstance(old, Items):
        budget.pay_elements(size_of(added))
        old.items.extend(added.items if isinstance(added, Items) else [unknown(node.value, frame)])
    elif isinstance(node.op, ast.Add) and isinstance(old, Text):
        _give(node.target, joined([old, template_of(more, budget, node.value)], budget), frame)
    elif isinstance(node.op, ast.BitOr) and isinstance(old, Mapping) and isinstance(added, Mapping):
        budget.pay_elements(size_of(added))
        old.fields.update(added.fields)
    elif isinstance(old, Constant):
        result = arithmetic(node.op, old, added)
        _give(node.target, result if result is not None else unknown(node.target, frame), frame)


@executes(ast.FunctionDef, ast.AsyncFunctionDef)
def _function(node: FunctionNode, frame: Frame) -> None:
    function = Function(node, frame.enclosing())
    for decorator in node.decorator_list[:MAX_DECORATORS]:
        _decorate(function, decorator, frame)
    frame.set(node.name, function)
    report = frame.world.reading.report
    if any(function.decorated(name) for name in _HOOKS):
        message = f"`{node.name}` is Python that runs before or after the crew; it was not imported."
        report.warn(frame.place(node), message)


def _decorate(function: Function, decorator: ast.expr, frame: Frame) -> None:
    """Follows a decorator of the source, which may keep the function somewhere; the name keeps the function itself."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    first = target.value if isinstance(target, ast.Attribute) else target
    known = frame.lookup(first.id) if isinstance(first, ast.Name) else None
    is_own = isinstance(known, Function) if first is target else isinstance(known, Instance | Class | ModuleOf)
    if is_own and isinstance(decorating := settled(frame.evaluate(decorator)), Function):
        call_function(decorating, [function], {}, frame)


@executes(ast.ClassDef)
def _class(node: ast.ClassDef, frame: Frame) -> None:
    body = frame.inner(class_body=True)
    cls = Class(node, frame, body, [frame.evaluate(base) for base in node.bases])
    frame.names[node.name] = cls
    body.run(node.body)
    say_flow(node, frame)


@executes(ast.Return)
def _return(node: ast.Return, frame: Frame) -> Flow:
    if node.value is not None:
        frame.returned.append(frame.evaluate(node.value))
    frame.maybe |= frame.world.undecided > frame.undecided
    return "return"


@executes(ast.Break)
def _break(node: ast.Break, frame: Frame) -> Flow:
    return "break"


@executes(ast.Continue)
def _continue(node: ast.Continue, frame: Frame) -> Flow:
    return "continue"


@executes(ast.If)
def _if(node: ast.If, frame: Frame) -> Flow | None:
    test = frame.evaluate(node.test)
    truth = truth_of(settled(test))
    if truth is not None:
        return _decided(node, test, truth, frame)
    before = dict(frame.names)
    crews = len(frame.world.found.crews)
    flow, differs = _undecided(node.body, [node.orelse], frame)
    if crews < len(frame.world.found.crews) and node.orelse and _makes_crews(node.body) and _makes_crews(node.orelse):
        _say_branch(node, "the crews of both branches are listed", frame)
    elif _matters(node, frame) or any(before.get(name) is not frame.names.get(name) for name in differs):
        _say_branch(node, "the crew was read as if it does", frame)
    return flow


def _makes_crews(body: Sequence[ast.stmt]) -> bool:
    calls = (part.func for statement in body for part in ast.walk(statement) if isinstance(part, ast.Call))
    return any(getattr(called, "id", getattr(called, "attr", "")) == "Crew" for called in calls)


def _decided(node: ast.If, test: Value, truth: bool, frame: Frame) -> Flow | None:
    """Follows the branch that the source decides on. If it does so by values that it only falls back on, that is said
    where parts of a crew depend on it; numbers and texts that do are inputs, with what they are by these values."""
    flow = frame.run(node.body if truth else node.orelse)
    if not isinstance(test, Unknown | Secret):
        return flow
    parts = [part for branch in (node.body, node.orelse) for statement in branch for part in ast.walk(statement)]
    frame.world.budget.pay_steps(len(parts) // 10)
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


def _say_branch(node: ast.If, how: str, frame: Frame) -> None:
    test = source_of(node.test, frame.world.budget)
    message = f"Whether `{test}` holds is only known when the code runs: {how}."
    frame.world.reading.report.info(frame.place(node), message)


def _undecided(
    first: Sequence[ast.stmt], others: Sequence[Sequence[ast.stmt]], frame: Frame
) -> tuple[Flow | None, list[str]]:
    """As ``_preferred``, for branches of which a run may take none: nothing is taken out of lists in there."""
    frame.world.undecided += 1
    flow, differs = _preferred(first, others, frame)
    frame.world.undecided -= 1
    return flow, differs


def _preferred(
    first: Sequence[ast.stmt], others: Sequence[Sequence[ast.stmt]], frame: Frame
) -> tuple[Flow | None, list[str]]:
    """Follows all branches. If several set a name, the first branch's value stays.

    How they leave the code around them, if all do so alike, and the names that they set to different values.
    """
    flow = frame.run(first)
    if not any(others):
        return None, []
    frame.world.budget.pay_elements(len(frame.names) // COPIED_NAMES_PER_ELEMENT)
    kept = dict(frame.names)
    flows = [frame.run(body) for body in others]
    differs = [name for name, value in kept.items() if frame.names[name] is not value and frame.names[name] != value]
    frame.names.update(kept)
    return flow if all(other == flow for other in flows) else None, differs


@executes(ast.For, ast.AsyncFor)
def _for(node: ast.For | ast.AsyncFor, frame: Frame) -> Flow | None:
    over = items_of(frame.evaluate(node.iter), frame)
    if is_empty(over, node.iter):
        return frame.run(node.orelse)
    if id(node) in frame.world.reach.making:
        say_unseen(over, node.iter, frame)
    for item in repetitions(over, node.target, frame):
        bind(node.target, item, frame)
        flow = frame.run(node.body)
        if flow == "return":
            return flow
        if flow == "break":
            return None
    return frame.run(node.orelse)


@executes(ast.While)
def _while(node: ast.While, frame: Frame) -> Flow | None:
    """Goes round as long as the test is known to hold and something that it asks for changes; else once."""
    seen: list[Value | int | None] = []
    for _ in range(MAX_ITEMS):
        truth = truth_of(settled(frame.evaluate(node.test)))
        if truth is False:
            return frame.run(node.orelse)
        asked = _asked_for(node.test, frame)
        if asked == seen or truth is None:
            break
        seen = asked
        flow = frame.run(node.body)
        if flow == "return":
            return flow
        if flow == "break":
            return None
    if not seen:
        frame.run(node.body)
    if id(node) in frame.world.reach.making:
        message = f"How often `while {source_of(node.test, frame.world.budget)}` goes round is only known when the code"
        frame.world.reading.report.warn(frame.place(node), f"{message} runs: what it makes was read once.")
    return None


def _asked_for(test: ast.expr, frame: Frame) -> list[Value | int | None]:
    """The values of the names in a test, and how long each is."""
    names = [node.id for node in ast.walk(test) if isinstance(node, ast.Name)]
    frame.world.budget.pay_steps(len(names))
    values = [settled(value) if (value := frame.lookup(name)) else None for name in names]
    return [*values, *(size_of(value) if value else 0 for value in values)]


@executes(ast.With, ast.AsyncWith)
def _with(node: ast.With | ast.AsyncWith, frame: Frame) -> Flow | None:
    for item in node.items:
        value = frame.evaluate(item.context_expr)
        entered = own_method(settled(value), "__enter__", [], frame)
        value = value if entered is None else entered
        if item.optional_vars is not None:
            _give(item.optional_vars, value, frame)
    return frame.run(node.body)


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
        flow, _ = _undecided(possible[0].body, [case.body for case in possible[1:]], frame)
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
