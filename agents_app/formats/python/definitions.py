"""Makes definitions from calls such as ``Agent(...)``: finds the kind, merges the config, resolves names."""

from __future__ import annotations

import ast
from dataclasses import replace

from agents_app.formats.python.calling import call_function
from agents_app.formats.python.frames import Frame, keep_definition, which_of
from agents_app.formats.python.known import CONDITION, is_foreign, kind_of
from agents_app.formats.python.schemas import schema_of
from agents_app.formats.python.things import Class, Function, Instance
from agents_app.formats.to_spec.fields import describe, say_not_given
from agents_app.formats.to_spec.values import (
    Definition,
    Field,
    Items,
    Mapping,
    Missing,
    Outside,
    Schema,
    Text,
    Unknown,
    Value,
    settled,
)

_TEXTS = {
    "agent": frozenset({"role", "goal", "backstory"}),
    "task": frozenset({"description", "expected_output"}),
}
_ALL_TEXTS = frozenset().union(*_TEXTS.values())
_OUTPUTS = ("output_pydantic", "output_json", "response_model")


def define(path: str, node: ast.Call, args: list[Value], fields: dict[str, Field], frame: Frame) -> Definition:
    """The definition that a call makes. Those of agents, tasks and crews are kept in ``World.found``, in order.

    Raises ``UsedUpError`` if there are too many.
    """
    place, budget = frame.place(node), frame.world.budget
    budget.pay_elements(len(fields) + len(args))
    kind = kind_of(path, fields)
    made = Definition(kind, path, place, fields, [Field(arg, place) for arg in args], origin=node)
    if kind == "other":
        made.which, made.within = which_of(node, frame), frame.function_name()
    if kind in ("agent", "task", "crew"):
        if is_foreign(path):
            message = f"`{made.short}` is not defined in this source: it was read as an {kind}, by what it is given."
            frame.world.reading.report.info(place, message.replace("an task", "a task"))
        _merge_config(made, frame)
        _resolve_names(made, frame)
        _resolve_wrapped(made, frame)
        _copy_lists(made, frame)
        if kind == "task":
            _read_outputs(made, frame)
            if "condition" in made.fields:
                made.fields["condition"] = condition_of(made.fields["condition"])
        made.of_class = _inheritor(frame) if kind == "crew" else ""
        keep_definition(made, frame)
        if kind != "crew":
            _note_lent(node, frame)
    return made


def _note_lent(node: ast.Call, frame: Frame) -> None:
    """Notes of which other parts' texts a part is made, as in ``Task(description=draft.description.upper())``: those
    are in the crew."""
    texts = [word.value for word in node.keywords if word.arg in _ALL_TEXTS]
    parts = [part for value in texts for part in ast.walk(value) if isinstance(part, ast.Attribute)]
    frame.world.budget.pay_steps(len(parts))
    for part in parts:
        is_plain = all(isinstance(one, ast.Name | ast.Attribute | ast.Load) for one in ast.walk(part.value))
        if part.attr not in _ALL_TEXTS or not is_plain:
            continue
        owner = settled(frame.evaluate(part.value))
        if isinstance(owner, Definition):
            frame.world.found.lent.add(id(owner))


def _copy_lists(made: Definition, frame: Frame) -> None:
    """CrewAI copies the lists that a part is given, so that what is put into them later is not the part's."""
    for name in ("context", "tools"):
        given = made.fields.get(name)
        if given is not None and isinstance(given.value, Items):
            frame.world.budget.pay_elements(len(given.value.items))
            made.fields[name] = Field(replace(given.value, items=list(given.value.items)), given.place)


def _inheritor(frame: Frame) -> str:
    """The class of the object whose method is followed, if it has the method of another class."""
    owner, active = frame.lookup("self"), frame.world.active
    is_own = not isinstance(owner, Instance) or not active or owner.cls is frame.world.owners.get(active[-1])
    return owner.cls.name if isinstance(owner, Instance) and not is_own else ""


def _merge_config(made: Definition, frame: Frame) -> None:
    """``config=self.agents_config["x"]`` or ``**config``: adds the YAML entry's fields below those of the call."""
    entry = made.fields.get("config")
    if entry is None:
        return
    value = settled(entry.value)
    if isinstance(value, Mapping):
        frame.world.found.used.add(id(value))
        frame.world.budget.pay_elements(len(value.fields) + len(made.fields))
        made.fields = {**value.fields, **{name: field for name, field in made.fields.items() if name != "config"}}
    elif isinstance(value, Unknown | Definition) and _TEXTS.get(made.kind, frozenset()) <= made.fields.keys():
        del made.fields["config"]
        message = f"What `{describe(value)}` gives this {made.kind} is not known here: it was left out."
        frame.world.reading.report.warn(entry.place, message)
    elif isinstance(value, Unknown | Definition):
        what = f"texts of the {made.kind} in line {made.place.line}"
        if isinstance(value, Missing) and say_not_given(value.why, frame.world.reading, place=entry.place, what=what):
            return
        why = (
            value.why
            if isinstance(value, Missing)
            else f"what `{describe(value)}` holds is only known when the code runs"
        )
        message = f"The texts of this {made.kind} are missing: {why}. Fill them in, or import what it is read from."
        frame.world.reading.report.warn(entry.place, message)


def _resolve_names(made: Definition, frame: Frame) -> None:
    """A project's YAML names models and tools after methods of the crew's class; takes those methods' results."""
    owner = frame.lookup("self")
    if not isinstance(owner, Instance):
        return
    methods = {method.name: method for kind in ("llm", "tool") for method in owner.cls.methods(kind)}
    for name in ("llm", "tools"):
        field = made.fields.get(name)
        if field is None or not methods:
            continue
        if isinstance(field.value, Items):
            frame.world.budget.pay_elements(len(field.value.items))
            value: Value = Items([_method_result(item, methods, owner, frame) for item in field.value.items])
        else:
            value = _method_result(field.value, methods, owner, frame)
        made.fields[name] = Field(value, field.place)


def _resolve_wrapped(made: Definition, frame: Frame) -> None:
    """An object of the source that keeps a model, such as one that waits between calls: the model is taken."""
    for name in ("llm", "manager_llm", "planning_llm"):
        wrapper = settled(made.fields[name].value) if name in made.fields else None
        kept = wrapper.attributes.values() if isinstance(wrapper, Instance) else ()
        frame.world.budget.pay_steps(len(kept))
        models = [inner for value in kept if isinstance(inner := settled(value), Definition) and inner.kind == "llm"]
        if models and isinstance(wrapper, Instance):
            message = f"`{wrapper.name}` is Python and was not imported; the model that it keeps was taken."
            frame.world.reading.report.info(made.fields[name].place, message)
            made.fields[name] = Field(models[0], made.fields[name].place)


def _method_result(value: Value, methods: dict[str, Function], owner: Instance, frame: Frame) -> Value:
    if isinstance(value, Text) and value.template in methods:
        method = methods[value.template]
        return call_function(Function(method.node, method.frame, owner), [], {}, frame)
    return value


def condition_of(field: Field) -> Field:
    """A condition that one of our own exports wrote as a function, as the call in it; any other as it is."""
    value = settled(field.value)
    if not isinstance(value, Function):
        return field
    call = call_function(value, [Unknown("output")], {}, value.frame)
    return Field(call, field.place) if isinstance(call, Definition) and call.short == CONDITION else field


def _read_outputs(made: Definition, frame: Frame) -> None:
    """Makes a JSON Schema of a class that is given for the output; YAML gives it by name."""
    for name in _OUTPUTS:
        field = made.fields.get(name)
        if field is None:
            continue
        value = settled(field.value)
        if isinstance(value, Text) and value.literal:
            value = frame.lookup(value.template) or value
        if isinstance(value, Class):
            schema = schema_of(value, frame.world.reading.report)
            made.fields[name] = Field(Schema(value.name, schema), field.place)
        elif isinstance(value, Outside):
            made.fields[name] = Field(Unknown(value.short, defined=False), field.place)
