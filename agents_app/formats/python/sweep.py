"""Follows what no module of a project calls, so that its agents, tasks and crews are found: callers before helpers."""

from __future__ import annotations

import ast
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence

from agents_app.formats.python.calling import PROJECT_DECORATORS, STARTS, call_function, enter_unbound, instantiate
from agents_app.formats.python.calls import call_partial, make_unmade
from agents_app.formats.python.frames import Frame, World
from agents_app.formats.python.things import Class, Function, Partial, decorators
from agents_app.formats.python.things import called as titled
from agents_app.formats.report import Place
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Items,
    Mapping,
    Outside,
    Value,
    members,
    settled,
    size_of,
)

MAX_HELD = 100
"""Entries of a list or a dictionary of the source that are looked through for factories."""
MAX_LEVELS = 2
MAX_ROUNDS = 10
"""How often functions are looked for in what was followed last."""
_TELLING = ("role", "description")
_PARTS = frozenset({"Agent", "Task", "ConditionalTask", "Crew"})
_OF_PROJECTS = frozenset({*PROJECT_DECORATORS, "before_kickoff", "after_kickoff"})
_OF_FLOWS = frozenset({"start", "listen", "router", "flow", "step", "asset", "fixture"})
_OF_SERVERS = frozenset({"route", "get", "post", "put", "api_route", "websocket", "command", "on_message"})
_ENTRIES = _OF_PROJECTS | _OF_FLOWS | _OF_SERVERS
"""Decorators of functions that a library calls."""


def sweep(chosen: Sequence[str], world: World) -> None:
    """Follows what makes parts of crews in these modules, by path.

    What nothing calls comes first, then what code calls that nothing followed. What has parameters and is called comes
    last, after those who call it, and only if none of them was followed: else its parameters would be inputs beside the
    values that it is given.
    """
    for called in (False, True):
        for path in chosen:
            _enter_module(world.modules[path], called=called)
    files = {world.modules[path].file for path in chosen}
    for path in chosen:
        _enter_held(world.modules[path].names.items(), world.modules[path])
    for _ in range(MAX_ROUNDS):
        before = len(world.entered_on), len(world.entered)
        _enter_rest(files, world)
        if (len(world.entered_on), len(world.entered)) == before:
            break


def _enter_module(module: Frame, *, called: bool) -> None:
    """Classes first, then functions. ``called``: those that some code calls."""
    reach = module.world.reach
    names = list(module.names.items())
    for name, value in names:
        if isinstance(value, Class) and value.frame is module and (name in reach.called) is called:
            _enter_class(value, module)
    for name, value in names:
        if not isinstance(value, Function) or value.frame is not module or value.node.name != name:
            continue
        comes_later = name in reach.called and (name in reach.builders or _helps(value, module.world))
        if comes_later is called and _waits(value, module.world) and not _helps(value, module.world):
            _enter_function(value, module)


def _waits(function: Function, world: World) -> bool:
    """Whether it makes parts of crews and was not followed."""
    reach, node = world.reach, id(function.node)
    made = node in reach.making or node in reach.askers or function.name in reach.builders
    return made and node not in world.entered


def _helps(function: Function, world: World) -> bool:
    """Whether code gives it what it makes things of. A step of a flow, a route or a command is called from outside."""
    spec, reach = function.node.args, world.reach
    given = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *filter(None, (spec.vararg, spec.kwarg))]
    if not any(argument.arg not in ("self", "cls") for argument in given):
        return False
    is_called = function.name in reach.called or function.name in reach.handed
    return is_called and not _ENTRIES.intersection(decorators(function.node))


def _enter_class(cls: Class, frame: Frame) -> None:
    """Its methods that make parts, on one object: those that make a crew first.

    Those of a class that is there for others to be made of it are followed on objects of these.
    """
    world = frame.world
    if _users(cls, world) != [cls]:
        return
    if cls.part_of_crew.rpartition(".")[2] in _PARTS and not _is_made(cls, world):
        world.objects[id(cls)] = make_unmade(cls, frame) or Constant(None)
    methods = [value for value in cls.body.names.values() if isinstance(value, Function)]
    waiting = [*(method for method in methods if _waits(method, world)), *_inherited(cls, world)]
    starts = [method for method in waiting if method.name in STARTS]
    waiting = [method for method in waiting if method.name not in STARTS and not _helps(method, world)]
    if waiting or starts:
        owner = _object_of(cls, frame)
        waiting.sort(key=lambda method: not method.decorated("crew") and method.name not in world.reach.builders)
        for method in waiting:
            if (id(cls), id(method.node)) not in world.entered_on:
                _enter_method(method, owner, frame)
    for value in list(cls.body.names.values()):
        if isinstance(value, Class) and value.frame is cls.body:
            _enter_class(value, cls.body)


def _is_made(cls: Class, world: World) -> bool:
    """Whether something makes an object of the class, or it was made already."""
    reach = world.reach
    return id(cls) in world.objects or cls.name in reach.called | reach.handed | reach.bases


def _inherited(cls: Class, world: World) -> Iterator[Function]:
    """Methods of its bases that make a crew, and all that make parts of those that are only there to be such."""
    seen, reach = set(cls.body.names), world.reach
    for base in cls.after(cls):
        world.budget.pay_steps(1 + len(base.body.names) // 10)
        is_abstract = base.is_abstract
        for name, method in base.body.names.items():
            if name in seen or not isinstance(method, Function):
                continue
            makes = name in reach.builders or (is_abstract and id(method.node) in reach.making)
            if makes and name not in STARTS and (id(cls), id(method.node)) not in world.entered_on:
                yield method
        seen |= base.body.names.keys()


def _object_of(cls: Class, frame: Frame) -> Value:
    """One object for all methods of a class that nothing calls."""
    objects = frame.world.objects
    if id(cls) not in objects:
        objects[id(cls)] = instantiate(cls, [], {}, frame, place=frame.place(cls.node))
    return objects[id(cls)]


def _enter_method(method: Function, owner: Value, frame: Frame) -> None:
    plain = method.decorated("staticmethod")
    _enter_function(method if plain else Function(method.node, method.frame, owner), frame)


def _enter_function(function: Function, frame: Frame) -> None:
    found = frame.world.found
    agents, tasks = len(found.agents), len(found.tasks)
    enter_unbound(function, frame)
    _say_open((*found.agents[agents:], *found.tasks[tasks:]), function, frame)


def _say_open(made: Iterable[Definition], function: Function, frame: Frame) -> None:
    """Says that no call gives what the function makes an agent or a task of."""
    number = frame.world.budget.number_of("parameters", function.node)
    open_names: dict[str, None] = {}
    for part in made:
        for name in _TELLING:
            value = part.fields[name].value if name in part.fields else None
            if getattr(value, "of", 0) == number:
                open_names[f"`{name}`"] = None
    if open_names and function.name not in frame.world.reach.builders:
        kind = "agent" if "`role`" in open_names else "task"
        message = f"`{function.name}` makes an {kind} of what it is given, and no call in the source gives it that"
        message = message.replace("an task", "a task")
        frame.world.reading.report.warn(
            Place(function.node.lineno, function.frame.file), f"{message}: its parameters became inputs."
        )


def _enter_held(held: Iterable[tuple[str, Value]], module: Frame, *, level: int = 0) -> None:
    """Lambdas and ``functools.partial`` that a module keeps by name, in lists or dictionaries, and does not call."""
    world = module.world
    for name, value in list(held):
        inner = settled(value)
        if isinstance(inner, Partial) and not inner.is_called and _makes(inner.called, world):
            titled(call_partial(inner, module), name)
        elif isinstance(inner, Function) and inner.name == "lambda" and inner.frame is module:
            if id(inner.node) not in world.entered and _calls_part(inner, world):
                titled(call_function(inner, [], {}, module, as_inputs=True), name)
        elif isinstance(inner, Items | Mapping) and level < MAX_LEVELS and 0 < size_of(inner) <= MAX_HELD:
            keys = list(inner.fields) if isinstance(inner, Mapping) else [""] * size_of(inner)
            _enter_held(zip(keys, members(inner, world.budget), strict=True), module, level=level + 1)


def _makes(called: Value, world: World) -> bool:
    inner = settled(called)
    if isinstance(inner, Function):
        return id(inner.node) in world.reach.making
    return (inner.short if isinstance(inner, Outside) else getattr(inner, "name", "")) in world.reach.parts


def _calls_part(function: Function, world: World) -> bool:
    parts = list(ast.walk(function.node.body[0]))
    world.budget.pay_steps(len(parts) // 5)
    calls = (part.func for part in parts if isinstance(part, ast.Call))
    return any(getattr(called, "id", getattr(called, "attr", "")) in world.reach.parts for called in calls)


def _enter_rest(files: set[str], world: World) -> None:
    """Functions and classes within functions, and what is called but was not followed: callers before helpers."""
    rest = [one for one in world.defined if one.frame.file in files and (isinstance(one, Class) or _waits(one, world))]
    for one in _callers_first(rest, world):
        if isinstance(one, Class):
            _enter_class(one, one.frame)
        elif id(one.node) not in world.entered:
            cls = world.owners.get(id(one.node))
            if cls is None:
                _enter_function(one, one.frame)
            for user in _users(cls, world) if cls else ():
                _enter_method(one, _object_of(user, user.frame), user.frame)


def _users(cls: Class, world: World) -> list[Class]:
    """The class itself, or those that are made of it, if it is there for that."""
    found: dict[int, Class] = {}
    waiting = list(cls.made_of_it) if cls.is_abstract else []
    while waiting:
        one = waiting.pop(0)
        world.budget.pay_steps()
        if id(one) not in found and one is not cls:
            found[id(one)] = one
            waiting.extend(one.made_of_it)
    return list(found.values()) or [cls]


def _callers_first(rest: Sequence[Function | Class], world: World) -> Iterator[Function | Class]:
    """Those that others of them call come after these; what calls itself in a circle, in the order of the source."""
    calls = world.reach.calls
    by_name: dict[str, list[Function | Class]] = {}
    for one in rest:
        by_name.setdefault(one.name, []).append(one)
    callers = Counter(called for name in by_name for called in calls.get(name, ()) if called in by_name)
    waiting = deque(name for name in by_name if not callers[name])
    left = dict.fromkeys(by_name)
    while left:
        name = waiting.popleft() if waiting else next(iter(left))
        if name not in left:
            continue
        del left[name]
        yield from by_name[name]
        for called in calls.get(name, ()):
            callers[called] -= 1
            if called in left and callers[called] == 0:
                waiting.append(called)
