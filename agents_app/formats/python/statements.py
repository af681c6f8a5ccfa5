"""Follows statements: assignments, definitions and control flow, of which every branch is followed."""

from __future__ import annotations

import ast
from dataclasses import replace

from agents_app.formats.python.attributes import items_of, own_method, put_outside, set_attribute
from agents_app.formats.python.calling import call_function, is_of_many
from agents_app.formats.python.expressions import index_in, slice_of
from agents_app.formats.python.flows import say_flow
from agents_app.formats.python.frames import (
    Flow,
    Frame,
    FunctionNode,
    executes,
    fallen_back,
    named_here,
    open_part,
    unknown,
)
from agents_app.formats.python.labels import source_of
from agents_app.formats.python.loops import (
    MAX_ITEMS,
    as_varying,
    bind,
    differs_by_text,
    is_empty,
    is_known,
    repetitions,
    say_unseen,
    unpacked,
)
from agents_app.formats.python.operators import arithmetic, truth_of
from agents_app.formats.python.settings import note_setting
from agents_app.formats.python.texts import joined, template_of
from agents_app.formats.python.things import MAX_DECORATORS, MAX_NAME, Class, Function, Instance, ModuleOf
from agents_app.formats.python.turns import ends_by_run, mark_alike, one_of_many
from agents_app.formats.report import Place
from agents_app.formats.to_spec.naming import is_generic
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Items,
    Mapping,
    Missing,
    Outside,
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
        _give(target, value, frame, node.value)
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant) and target.id not in frame.elsewhere:
            frame.constants.add(target.id)


@executes(ast.AnnAssign)
def _annotated(node: ast.AnnAssign, frame: Frame) -> None:
    if node.value is not None:
        _give(node.target, frame.evaluate(node.value), frame, node.value)


def _give(target: ast.expr, value: Value, frame: Frame, node: ast.expr | None = None) -> None:
    """Gives a target a value; ``node`` is the expression that it is of."""
    if isinstance(value, Items):
        value.is_named = True
    if isinstance(target, ast.Name):
        value = _titled(value, target.id, node, frame)
        _mark_replaced(frame.elsewhere.get(target.id, frame).names.get(target.id), value, frame.place(target))
        frame.set(target.id, value)
    elif isinstance(target, ast.Attribute):
        value = _titled(value, target.attr, node, frame)
        owner = settled(frame.evaluate(target.value))
        frame.world.touched += isinstance(owner, Definition)
        put_outside(owner, target.attr, value, frame)
        set_attribute(owner, target.attr, value, Field(value, frame.place(target)), frame)
    elif isinstance(target, ast.Tuple | ast.List):
        same = isinstance(node, ast.Tuple | ast.List) and len(node.elts) == len(target.elts)
        nodes = node.elts if isinstance(node, ast.Tuple | ast.List) and same else [None] * len(target.elts)
        for (part, item), given in zip(unpacked(target.elts, value, frame), nodes, strict=True):
            _give(part, item, frame, given)
    elif isinstance(target, ast.Subscript):
        _put(target, value, frame, node)


def _titled(value: Value, name: str, node: ast.expr | None, frame: Frame) -> Value:
    """The value; a part of a crew keeps the first name that says something."""
    if isinstance(value, Definition) and (
        is_generic(value.name) or (value.is_named_by_maker and _says_more(name, value))
    ):
        value.name, value.is_named_by_maker = name, False
    named = named_here(value, name, node, frame.world.budget)
    if isinstance(named, Unknown) and named.elsewhere and named.source:
        return replace(named, elsewhere=replace(named.elsewhere, name=name[:MAX_NAME]))
    return named


def _says_more(name: str, made: Definition) -> bool:
    """Whether a variable's name says more than that of the function that made the value."""
    return not is_generic(name) and (len(name) > 2 or is_of_many(made))


def _mark_replaced(old: Value | None, new: Value, place: Place) -> None:
    if isinstance(old, Definition) and isinstance(new, Definition) and old.origin is not new.origin:
        old.replaced = place


def _put(target: ast.Subscript, value: Value, frame: Frame, node: ast.expr | None) -> None:
    container = settled(frame.evaluate(target.value))
    if isinstance(target.slice, ast.Slice):
        bounds, given = slice_of(target.slice, frame), settled(value)
        if isinstance(container, Items) and isinstance(given, Items) and bounds is not None and bounds.step is None:
            frame.world.budget.pay_elements(size_of(given))
            frame.world.budget.pay_looking(size_of(container))
            container.items[bounds] = list(given.items)
        return
    key = settled(frame.evaluate(target.slice))
    put_outside(container, key, value, frame)
    is_open = isinstance(key, Unknown) and has_parts(value)
    if isinstance(container, Mapping) and (is_open or isinstance(key, Text | Constant)):
        name = template_of(key, frame.world.budget).template
        if is_open and frame.world.undecided and name in container.fields:
            name = f"{name}{size_of(container)}"  # only a run shows which of them it is
        value = _titled(value, name[:MAX_NAME], node, frame) if isinstance(key, Text) else value
        frame.world.put(container.fields, name, Field(value, frame.place(target)))
    elif isinstance(container, Mapping) and container.open_as is None and not has_parts(container):
        container.open_as = unknown(target.value, frame)  # only a run shows under which names there is what
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
    given, more = frame.evaluate(node.target), frame.evaluate(node.value)
    old, added, budget = settled(given), settled(more), frame.world.budget
    if isinstance(node.op, ast.Add) and isinstance(old, Items):
        budget.pay_elements(size_of(added))
        old.items.extend(added.items if isinstance(added, Items) else [open_part(added, node.value, frame)])
    elif isinstance(node.op, ast.Add) and (isinstance(old, Text) or _is_open_text(given, added)):
        whole = [template_of(given, budget, node.target), template_of(more, budget, node.value)]
        _give(node.target, joined(whole, budget), frame)
    elif isinstance(node.op, ast.BitOr) and isinstance(old, Mapping) and isinstance(added, Mapping):
        budget.pay_elements(size_of(added))
        old.fields.update(added.fields)
    elif isinstance(old, Constant):
        result = arithmetic(node.op, old, added) or unknown(node.target, frame)
        _give(node.target, fallen_back(result, (given, more), node.target, frame), frame)


def _is_open_text(given: Value, added: Value) -> bool:
    """Whether a text is added to something that only a run shows, which so is a text too."""
    return isinstance(given, Unknown) and not isinstance(given, Missing) and isinstance(added, Text)


@executes(ast.FunctionDef, ast.AsyncFunctionDef)
def _function(node: FunctionNode, frame: Frame) -> None:
    function = Function(node, frame.enclosing())
    made: Value = function
    for decorator in reversed(node.decorator_list[:MAX_DECORATORS]):
        made = _decorate(function, decorator, frame) or made
    frame.set(f"{node.name}.setter" if function.decorated("setter") else node.name, made)
    _note_maker(function, frame)
    report = frame.world.reading.report
    if any(function.decorated(name) for name in _HOOKS):
        message = f"`{node.name}` is Python that runs before or after the crew; it was not imported."
        report.warn(frame.place(node), message)


def _note_maker(made: Function | Class, frame: Frame) -> None:
    """Keeps what makes parts of crews, so that it can be followed if nothing calls it."""
    world = frame.world
    if id(made.node) in world.reach.making or id(made.node) in world.reach.askers:
        world.budget.pay_elements(1)
        world.defined.append(made)
    if isinstance(made, Class):
        methods = [value.node for value in made.body.names.values() if isinstance(value, Function)]
        world.budget.pay_elements(len(methods) // COPIED_NAMES_PER_ELEMENT)
        world.owners.update((id(method), made) for method in methods)


def _decorate(function: Function, decorator: ast.expr, frame: Frame) -> Value | None:
    """Follows a decorator of the source, which may keep the function somewhere. The name keeps the function itself, but
    for what makes a part of a crew of what the function gives, which is returned."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    first = target.value if isinstance(target, ast.Attribute) else target
    known = frame.lookup(first.id) if isinstance(first, ast.Name) else None
    is_own = isinstance(known, Function) if first is target else isinstance(known, Instance | Class | ModuleOf)
    if is_own and isinstance(decorating := settled(frame.evaluate(decorator)), Function):
        instead = call_function(decorating, [function], {}, frame)
        makes = isinstance(instead, Function) and id(instead.node) in frame.world.reach.makers
        return instead if makes and instead is not function else None
    return None


def _tell_bases(cls: Class, frame: Frame) -> None:
    """A class that is made of others is known to them; one of them may do something with each such."""
    bases = [base for base in cls.bases if isinstance(base, Class)]
    frame.world.budget.pay_elements(len(bases))
    for base in bases:
        base.made_of_it.append(cls)
    hook = next((found for base in bases if (found := base.member("__init_subclass__")) is not None), None)
    if isinstance(hook, Function):
        call_function(Function(hook.node, hook.frame, cls), [], {}, frame)


@executes(ast.ClassDef)
def _class(node: ast.ClassDef, frame: Frame) -> None:
    body = frame.inner(class_body=True)
    cls = Class(node, frame, body, [frame.evaluate(base) for base in node.bases])
    frame.names[node.name] = cls
    body.run(node.body)
    _note_maker(cls, frame)
    _tell_bases(cls, frame)
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


@executes(ast.For, ast.AsyncFor)
def _for(node: ast.For | ast.AsyncFor, frame: Frame) -> Flow | None:
    over = items_of(frame.evaluate(node.iter), frame)
    if is_empty(over, node.iter, frame):
        return frame.run(node.orelse)
    if id(node) in frame.world.reach.making:
        say_unseen(over, node.iter, frame)
    is_open = not is_known(over)
    varies = id(node) in frame.world.reach.building and differs_by_text(over, frame)
    if varies:
        message = (
            f"Crews are made for each of {size_of(settled(over))} values here; the first are the defaults. Launch the"
        )
        frame.world.reading.report.info(frame.place(node), f"{message} others as a batch.")
    tasks, starts = frame.world.found.tasks, list[int]()
    for item in repetitions(over, node.target, frame):
        starts.append(len(tasks))
        bind(node.target, as_varying(item, node.target) if varies else item, frame)
        flow = _turn(node, frame) if is_open else frame.run(node.body)
        if flow == "return":
            return flow
        if flow == "break":
            return None
    mark_alike(starts, frame.place(node), frame)
    return frame.run(node.orelse)


def _turn(node: ast.For | ast.AsyncFor | ast.While, frame: Frame) -> Flow | None:
    """The body of a loop, once for all turns that only a run shows."""
    with one_of_many(node, frame):
        frame.world.sampled += 1
        flow = frame.run(node.body)
        frame.world.sampled -= 1
    return flow


@executes(ast.While)
def _while(node: ast.While, frame: Frame) -> Flow | None:
    """Goes round as long as the test is known to hold and something that it asks for changes; else once."""
    seen: list[Value | int | None] = []
    is_open = ends_by_run(node, frame)
    for _ in range(MAX_ITEMS):
        truth = truth_of(settled(frame.evaluate(node.test)))
        if truth is False:
            return frame.run(node.orelse)
        asked = _asked_for(node.test, frame)
        if asked == seen or truth is None or is_open:
            break
        flow = frame.run(node.body) if asked else _turn(node, frame)
        seen = asked
        if flow == "return":
            return flow
        if flow == "break":
            return None
    if not seen:
        _turn(node, frame)
    if id(node) in frame.world.reach.making:
        message = f"How often `while {source_of(node.test, frame.world.budget)}` goes round is only known when the code"
        frame.world.reading.report.warn(frame.place(node), f"{message} runs: what it makes was read once.")
    return None


def _asked_for(test: ast.expr, frame: Frame) -> list[Value | int | None]:
    """The values of the names in a test, and how long each is."""
    parts = [node for node in ast.walk(test) if isinstance(node, ast.Name | ast.Attribute)]
    frame.world.budget.pay_steps(len(parts))
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    values = [settled(value) if (value := frame.lookup(name)) else None for name in names]
    values += [settled(frame.evaluate(part)) for part in parts if isinstance(part, ast.Attribute)]
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
