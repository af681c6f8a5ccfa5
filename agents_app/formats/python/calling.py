"""Follows calls to functions and classes of the source: binds parameters, enters bodies, names results.

A function that builds a crew is entered once for the same values. Its parameters that are texts become the inputs of
the crew, and the values of the call their defaults. Any other function is entered at each call, with its values.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from itertools import islice

from agents_app.formats.python.command_line import as_parameter, options_of
from agents_app.formats.python.data_classes import DATA_BASES, declared, typed
from agents_app.formats.python.frames import MAX_DEPTH, Frame, identity_of, named_here
from agents_app.formats.python.labels import as_label
from agents_app.formats.python.things import MAX_NAME, Class, Function, Instance, decorators
from agents_app.formats.report import Place
from agents_app.formats.to_spec.known_tools import ALIKE, SAME
from agents_app.formats.to_spec.naming import is_generic, snake, without_maker
from agents_app.formats.to_spec.values import (
    MAX_LOOKED_AT,
    Constant,
    Definition,
    Field,
    Items,
    Mapping,
    Outside,
    Text,
    Unknown,
    Value,
    has_parts,
    is_same,
    settled,
)

PROJECT_DECORATORS = ("agent", "task", "crew", "llm", "tool")
STARTS = ("__init__", "__post_init__", "__attrs_post_init__", "model_post_init")
_FIELDS = {
    "Agent": frozenset({"role", "goal"}),
    "Task": frozenset({"description", "expected_output"}),
    "Crew": frozenset({"agents", "tasks"}),
}
MAX_BUILDS = 10
"""For so many different texts and numbers a function that builds a crew is followed."""
_GIVE_ONCE = ("contextmanager", "asynccontextmanager", "fixture")


def call_function(
    function: Function, args: list[Value], fields: dict[str, Field], frame: Frame, *, as_inputs: bool = False
) -> Value:
    """What the function may return. ``as_inputs``: it is entered as a function that builds a crew."""
    world, node = frame.world, function.node
    builds = as_inputs or function.name in world.reach.builders
    once = any(function.decorated(name) for name in PROJECT_DECORATORS)
    world.budget.pay_elements(len(args) + len(fields))
    given = [*args, *(field.value for field in fields.values())]
    key = (id(node), id(function.owner), *(id(arg) for arg in given if not isinstance(arg, Text | Constant | Unknown)))
    is_new = builds and not once and _is_new(given, key, frame)
    if (builds or once) and key in world.results and not is_new:
        return world.results[key]
    if frame.depth >= MAX_DEPTH or id(node) in world.active:
        return Unknown(function.name, f"{function.name}()", which=_number_of(function, given, frame))
    world.entered.add(id(node))
    if isinstance(function.owner, Instance):
        world.entered_on.add((id(function.owner.cls), id(node)))
    world.active.append(id(node))
    world.standing.append(world.budget.line or 0)
    inner = Frame(world, function.frame.file, parent=function.frame, depth=frame.depth + 1, function=_made_by(function))
    inner.undecided = world.undecided
    _bind(function, args, fields, inner, as_inputs=builds)
    ends = inner.run(node.body) == "return"
    world.active.pop()
    world.standing.pop()
    value = _given(function, inner) if inner.yielded else _best(inner.returned)
    if (inner.maybe or inner.falls_back) and not inner.yielded and not once:
        value = _one_of_several(value, inner, ends=ends, function=function, given=given)
    if isinstance(value, Definition) and not function.name.startswith("__"):
        _name_after(function, value, inner, once=once, caller=frame.function_name())
    if builds or once:
        world.results[key] = value
        world.kept += [*given, *([function.owner] if function.owner is not None else [])]
    return value


def _name_after(function: Function, made: Definition, inner: Frame, *, once: bool, caller: str) -> None:
    """Gives what a function makes its name, as the author wrote it. A helper that makes many gives way to its callers,
    and a name such as ``create_agent``, which holds for any of them, to what the agent is itself."""
    is_shared = made.is_named_by_maker and is_of_many(made)
    if not is_shared and (made.place.file != inner.file or not (once or is_generic(made.name))):
        return
    short = without_maker(function.name)
    as_written = once or made.kind == "crew" or (made.kind in ("agent", "task") and not is_generic(short))
    if as_written or is_generic(made.name):
        made.name, made.is_named_by_maker = function.name if as_written else short, not once
    if made.kind == "crew" and made.is_named_by_maker and _is_given(made, function):
        made.of_class = made.of_class or caller


def _is_given(crew: Definition, function: Function) -> bool:
    """Whether the crew's agents or tasks are what the function is given."""
    call, spec = crew.origin, function.node.args
    names = {argument.arg for argument in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)}
    values = (
        [word.value for word in call.keywords if word.arg in ("agents", "tasks")] if isinstance(call, ast.Call) else []
    )
    return any(isinstance(part, ast.Name) and part.id in names for value in values for part in ast.walk(value))


def is_of_many(made: Definition) -> bool:
    """Whether the call that made it takes its texts from elsewhere, so that it makes others too, or it has the name of
    its class."""
    call = made.origin
    if not isinstance(call, ast.Call):
        return False
    if snake(getattr(call.func, "id", getattr(call.func, "attr", ""))) == made.name:
        return True
    telling = [word.value for word in call.keywords if word.arg in (None, "role", "description", "config", "name")]
    parts = (part for value in telling for part in ast.walk(value))
    return not any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts)


def _one_of_several(value: Value, inner: Frame, *, ends: bool, function: Function, given: list[Value]) -> Value:
    """What a function gives that may return several values. Parts of a crew are taken, the first that it may return;
    of other values only a run shows which it is, unless those that the source falls back on decide that."""
    if isinstance(value, Instance | Function | Class | Unknown) or has_parts(value):
        return value
    if isinstance(value, Items) and value.items and not any(isinstance(item, Unknown) for item in value.items):
        inner.world.budget.pay_elements(len(value.items))
        return Items(list(value.items), chosen_by=function.name)
    others = [returned for returned in inner.returned if not is_same(returned, value, inner.world.budget)]
    if not others and ends and not inner.falls_back:
        return value
    label, number = as_label(_made_by(function) or function.name), _number_of(function, given, inner)
    open_value = Unknown(label, f"{function.name}()", which=number, perhaps=value)
    return open_value if inner.maybe else replace(open_value, known=value)


def _is_new(given: list[Value], key: tuple[int, ...], frame: Frame) -> bool:
    """Whether a function that builds a crew is given other texts or numbers than before, which may build another."""
    budget, before = frame.world.budget, frame.world.given_before.setdefault(key, [])
    plain: list[Value] = [inner for value in given if isinstance(inner := settled(value), Text | Constant)]
    budget.pay_steps(len(before) * len(plain))
    for others in before:
        if len(others) == len(plain) and all(is_same(a, b, budget) for a, b in zip(others, plain, strict=True)):
            return False
    if len(before) < MAX_BUILDS:
        before.append(plain)
        return True
    return False


def _number_of(function: Function, given: list[Value], frame: Frame) -> int:
    """A number for what the function gives of these arguments, where only a run shows what that is."""
    budget = frame.world.budget
    budget.pay_looking(sum(len(value.template) for value in given if isinstance(value, Text)))
    frame.world.kept += [value for value in given if not isinstance(value, Text | Constant | Unknown)]
    return budget.number_of("called", id(function.node), id(function.owner), *map(identity_of, given))


def _given(generator: Function, inner: Frame) -> Value:
    """What a generator gives: all of it, or what ``with`` gets of a context manager and a test of a fixture."""
    once = any(generator.decorated(name) for name in _GIVE_ONCE)
    return inner.yielded[0] if once else Items(inner.yielded)


def _best(returned: list[Value]) -> Value:
    """Of all values that a function may return, the one that says most about a crew."""
    for kinds in (Definition, Instance | Items, Value):
        for value in returned:
            if isinstance(value, kinds) and not (isinstance(value, Constant) and value.value is None):
                return value
    return Constant(None)


def _bind(function: Function, args: list[Value], fields: dict[str, Field], inner: Frame, *, as_inputs: bool) -> None:
    spec = function.node.args
    inner.world.budget.pay_steps(len(spec.args) + len(spec.posonlyargs) + len(spec.kwonlyargs))
    names = [*spec.posonlyargs, *spec.args]
    values = list(args)
    if function.owner is not None and not function.decorated("staticmethod"):
        values.insert(0, function.owner)
    defaults = _defaults(function)
    given = [*values[:MAX_LOOKED_AT], *(field.value for field in islice(fields.values(), MAX_LOOKED_AT))]
    taken = {value.label for value in given if isinstance(value, Unknown)}
    for position, argument in enumerate([*names, *spec.kwonlyargs]):
        name = argument.arg
        if position < len(values) and position < len(names):
            value = values[position]
        elif name in fields:
            value = fields[name].value
        else:
            value = defaults.get(name) or _not_given(argument, function)
        if not (isinstance(value, Unknown) and name in taken - {value.label}):
            value = named_here(value, name, None, inner.world.budget)
        inner.names[name] = _as_input(name, value) if as_inputs else value
    if spec.vararg:
        inner.names[spec.vararg.arg] = Items(values[len(names) :])
    if spec.kwarg:
        rest = {name: field for name, field in fields.items() if name not in inner.names}
        inner.names[spec.kwarg.arg] = Mapping(rest)


def _not_given(argument: ast.arg, function: Function) -> Value:
    """A parameter that nobody gives: an input; of a class of data of the source, an object whose fields are inputs; of
    another that needs nothing to be made, such as one of settings, an object of it."""
    budget, annotation = function.frame.world.budget, argument.annotation
    cls = function.frame.lookup(annotation.id) if isinstance(annotation, ast.Name) else None
    is_data = isinstance(cls, Class) and (cls.inherits(*DATA_BASES) or "dataclass" in decorators(cls.node))
    if isinstance(cls, Class) and not is_data and _needs_nothing(cls, function):
        objects = function.frame.world.objects
        if id(cls) not in objects:
            objects[id(cls)] = instantiate(cls, [], {}, cls.frame, place=cls.frame.place(cls.node))
        return objects[id(cls)]
    if not isinstance(cls, Class) or not is_data:
        return Unknown(argument.arg, of=budget.number_of("parameters", function.node))
    fields = {field: cls.member(field) for field in declared(cls)}
    budget.pay_elements(10 * len(fields))
    return Instance(cls, {field: Unknown(field, known=_plain(default)) for field, default in fields.items()})


def _needs_nothing(cls: Class, function: Function) -> bool:
    """Whether a class of the source makes no parts of crews, and its objects are made without being given anything."""
    if cls.part_of_crew or not all(isinstance(base, Class) for base in cls.ancestors()):
        return False
    start = cls.member("__init__")
    if id(cls.node) in function.frame.world.reach.making or start is function:
        return False
    if not isinstance(start, Function):
        return bool(cls.body.names)
    spec = start.node.args
    required = len(spec.posonlyargs) + len(spec.args) - len(spec.defaults) - 1
    return required <= 0 and all(spec.kw_defaults)


def _plain(default: Value | None) -> Value | None:
    inner = settled(default) if default is not None else None
    if isinstance(inner, Definition) and inner.short in ("Field", "field"):
        given = inner.fields.get("default") or (inner.args[0] if inner.args else None)
        factory = settled(inner.fields["default_factory"].value) if "default_factory" in inner.fields else None
        made = call_function(factory, [], {}, factory.frame) if isinstance(factory, Function) else None
        inner = settled(given.value) if given else settled(made) if made else None
    is_plain = isinstance(inner, Text) or (isinstance(inner, Constant) and inner.value is not None)
    return inner if is_plain else None


def _made_by(function: Function) -> str:
    """What a function makes, as far as its name says, or the name of its class."""
    named = function.owner if isinstance(function.owner, Instance) and function.name.startswith("__") else function
    return snake(without_maker(named.name))


def _defaults(function: Function) -> dict[str, Value]:
    spec = function.node.args
    positional = [*spec.posonlyargs, *spec.args]
    defaults: dict[str, Value] = {}
    for argument, default in zip(positional[len(positional) - len(spec.defaults) :], spec.defaults, strict=True):
        defaults[argument.arg] = as_parameter(argument.arg, function.frame.evaluate(default))
    for argument, keyword_default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
        if keyword_default is not None:
            defaults[argument.arg] = as_parameter(argument.arg, function.frame.evaluate(keyword_default))
    return defaults | dict(options_of(function))


def _as_input(name: str, value: Value) -> Value:
    """A parameter of a function that builds a crew. A plain value is an input, because it differs from run to run."""
    if isinstance(value, Text):
        if value.computed and value.template == value.computed[0].mark:
            return value.computed[0]
        name_in_braces = value.template[1:-1] if len(value.template) <= MAX_NAME else ""
        if value.template == f"{{{name_in_braces}}}" and name_in_braces.isidentifier():
            return Unknown(name_in_braces)
        return Unknown(name, known=value)
    if isinstance(value, Constant) and not isinstance(value.value, bool):
        return Unknown(name, known=value)
    if isinstance(value, Items) and not value.items:
        value.is_named = True
    if (
        isinstance(value, Items)
        and value.items
        and all(isinstance(settled(item), Text | Constant) for item in value.items)
    ):
        return Unknown(name, known=value)
    return value


def instantiate(cls: Class, args: list[Value], fields: dict[str, Field], frame: Frame, *, place: Place) -> Value:
    """An object of a class of the source; if that is a tool's class, the tool."""
    if cls.inherits("BaseTool", "StructuredTool", "Tool"):
        return Definition("tool", cls.name, place, {}, [], name=cls.name)
    instance = Instance(cls)
    if tool := _known_tool(cls):
        start = cls.member("__init__")
        if isinstance(start, Function):
            call_function(Function(start.node, start.frame, instance), args, fields, frame)
        return Definition("tool", tool, place, dict(instance.given if start else fields), name=cls.name)
    builds = cls.name in frame.world.reach.builders
    start = cls.member("__init__")
    if isinstance(start, Function):
        call_function(Function(start.node, start.frame, instance), args, fields, frame, as_inputs=builds)
    elif cls.part_of_crew:
        instance.given.update(fields)
        instance.given_args.extend(args)
    else:
        as_data = cls.inherits(*DATA_BASES)
        named = dict(zip(declared(cls), args, strict=False)) if args else {}
        attributes = named | {name: field.value for name, field in fields.items()}
        if as_data:
            attributes = typed(attributes, cls, lambda made, given: _of_dictionary(made, given, frame))
        if builds and not as_data:
            attributes = {name: _as_input(name, value) for name, value in attributes.items()}
        instance.attributes.update(attributes)
    _finish(instance, frame)
    return instance


def _of_dictionary(cls: Class, given: Mapping, frame: Frame) -> Value:
    """An object of a class of data with the entries of a dictionary as its fields."""
    frame.world.documents.note_use(given)
    return instantiate(cls, [], dict(given.fields), frame, place=given.place)


def _finish(instance: Instance, frame: Frame) -> None:
    """What a class of data does when an object has its values."""
    for name in STARTS[1:]:
        method = instance.cls.member(name)
        if isinstance(method, Function):
            call_function(Function(method.node, method.frame, instance), [], {}, frame)


def hides_part(cls: Class, fields: dict[str, Field]) -> bool:
    """Whether a class has the name of one of CrewAI's, and is called with the fields of that and not with its own."""
    telling = _FIELDS.get(cls.name, frozenset())
    if not telling or not telling <= fields.keys() or cls.part_of_crew:
        return False
    starts = [method for name in STARTS if isinstance(method := cls.member(name), Function)]
    takes = {argument.arg for start in starts for argument in (*start.node.args.args, *start.node.args.kwonlyargs)}
    takes_all = any(start.node.args.kwarg for start in starts)
    return not takes_all and not telling & (takes | set(declared(cls)))


def _known_tool(cls: Class) -> str:
    """The tool of crewai_tools that a class is made of, if one here stands for it; else ""."""
    names = (base.short if isinstance(base, Outside) else getattr(base, "label", "") for base in cls.ancestors())
    return next((name for name in names if name in SAME or name in ALIKE), "")


def enter_unbound(function: Function, frame: Frame) -> Value:
    """Follows a function that the source never calls, with its parameters as inputs."""
    return call_function(function, [], {}, frame, as_inputs=True)
