"""What the methods of texts, lists, dictionaries, crews, agents and tasks do, as far as it matters to a crew."""

from __future__ import annotations

import ast
from dataclasses import replace

from agents_app.formats.budget import Budget
from agents_app.formats.python.attributes import as_mapping, put_outside, taken_from_outside
from agents_app.formats.python.calling import call_function, instantiate
from agents_app.formats.python.command_line import of_parser
from agents_app.formats.python.formatting import formatted, placed, substituted
from agents_app.formats.python.frames import Frame, keep_definition, unknown
from agents_app.formats.python.jinja import of_jinja
from agents_app.formats.python.kickoffs import asked_of
from agents_app.formats.python.labels import label_of, source_of
from agents_app.formats.python.paths import path_method
from agents_app.formats.python.texts import CASES, joined_by, method_of_text, template_of
from agents_app.formats.python.things import Class, Function, Instance
from agents_app.formats.python.toolsets import tools_of
from agents_app.formats.to_spec.fields import data_of
from agents_app.formats.to_spec.naming import is_generic, without_maker
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

KICKOFFS = frozenset(
    {
        "kickoff",
        "kickoff_async",
        "akickoff",
        "kickoff_for_each",
        "kickoff_for_each_async",
        "akickoff_for_each",
        "train",
        "test",
    }
)
_OF_MISSING = frozenset({"get", "items", "values", "keys", "copy", "pop", "strip", "format"})
"""What gives a part of a file that is not there, or all of it."""
_TRIMS = frozenset({"strip", "lstrip", "rstrip"})
_COPIES = frozenset({"copy", "model_copy"})
_DUMPS = frozenset({"model_dump", "dict", "_asdict"})
_VALIDATES = frozenset({"model_validate", "parse_obj", "model_construct", "from_dict"})
_TEMPLATES = frozenset({"Template", "PromptTemplate", "from_template"})
_ADDS = frozenset({"append", "extend", "insert", "add"})
_REARRANGE = frozenset({"reverse", "clear", "remove", "sort"})
_GIVES_TOOLS = frozenset({"add_tool", "add_tools"})
_COPYING = {"items": 4, "values": 1, "keys": 2, "copy": 1}  # by what they make for each entry


def method_of(
    receiver: Value, node: ast.Call, *, args: list[Value], fields: dict[str, Field], frame: Frame
) -> Value | None:
    """The result of a method call; None if the receiver is none of these, so that its class has to be looked into."""
    name = _method(node)
    inner = settled(receiver)
    if (same := _as_little_known(receiver, node, args, frame)) is not None:
        return same
    if isinstance(receiver, Unknown) and name in CASES:
        known = method_of_text(inner, name, [], frame.world.budget) if isinstance(inner, Text) else None
        return replace(unknown(node, frame), known=known, within=name)
    if isinstance(inner, Text) and not (isinstance(receiver, Unknown) and name != "join"):
        return _text(inner, node, args, fields, frame.world.budget) or unknown(node, frame)
    if isinstance(inner, Items) and not isinstance(receiver, Unknown):
        return _items(inner, node, args, fields, frame)
    if isinstance(inner, Mapping):
        result = _open_entry(inner, node, args, frame)
        if result is None:
            if name == "update":
                _remember(inner, args, fields, frame)
            result = _mapping(inner, name, args, fields, frame.world.budget, removes=not frame.world.undecided)
        frame.world.documents.note_use(result)
        return result
    result = _of_definition(inner, node, args, fields, frame) if isinstance(inner, Definition) else None
    result = _of_outside(inner, name, args, frame) if isinstance(inner, Outside) else result
    result = _of_data(inner, name, args, fields, frame) if isinstance(inner, Instance | Class) else result
    if result is None and name in KICKOFFS and isinstance(inner, Definition | Unknown | Outside):
        _run_elsewhere(inner, name, args, fields, frame)
    return result if result is not None else path_method(inner, name, args, frame)


def _of_data(
    data: Instance | Class, name: str, args: list[Value], fields: dict[str, Field], frame: Frame
) -> Value | None:
    """What classes of data have from Pydantic: ``x.model_dump()``, ``X.model_validate({...})``."""
    cls = data.cls if isinstance(data, Instance) else data
    if name == "__subclasses__":
        frame.world.budget.pay_elements(len(cls.made_of_it))
        return Items(list(cls.made_of_it))
    if cls.member(name) is not None or not cls.inherits("BaseModel", "NamedTuple"):
        return None
    if isinstance(data, Instance) and name in _DUMPS:
        dumped, leaves_out = as_mapping(data, frame), fields.get("exclude_none")
        if leaves_out and leaves_out.value == Constant(True):
            dumped.fields = {key: field for key, field in dumped.fields.items() if field.value != Constant(None)}
        return dumped
    given = settled(args[0]) if args else Constant(None)
    if isinstance(data, Class) and name in _VALIDATES and isinstance(given, Mapping):
        frame.world.budget.pay_elements(len(given.fields))
        return instantiate(data, [], dict(given.fields), frame, place=given.place)
    return None


def _of_outside(library: Outside, name: str, args: list[Value], frame: Frame) -> Value | None:
    """A session that keeps agents: ``session.set("cook", cook)``, ``session.get("cook")``."""
    if not args or name not in ("get", "set"):
        return None
    put_outside(library, settled(args[0]), args[-1], frame)
    return taken_from_outside(library, settled(args[0]), frame)


def _run_elsewhere(run: Value, method: str, args: list[Value], fields: dict[str, Field], frame: Frame) -> None:
    """Keeps the inputs of a crew that is run here but not known, and says if its module was not given."""
    reading, found = frame.world.reading, frame.world.found
    before = len(found.inputs)
    _remember_inputs(None, args, fields, frame)
    origin = reading.absent.origin(run) if "kickoff" in method else None
    if origin:
        message = f"`{origin.module}` is not among the files: import it too, for the crew that is run here ({{items}})."
        reading.report.gather(message, place=origin.place, item=f"`{origin.name}`", level="warning")
        found.foreign |= {id(given) for given in found.inputs[before:]}


def _with_default(node: ast.Call, args: list[Value], frame: Frame) -> Value | None:
    """``given.get("firm", "the firm")`` of something that only a run shows: an input with what it falls back on."""
    other = settled(args[1]) if len(args) == 2 else None
    is_plain = isinstance(other, Text) and other.literal and bool(other.template.strip())
    is_plain |= isinstance(other, Constant) and other.value is not None and not isinstance(other.value, bool)
    return replace(unknown(node, frame), known=other) if is_plain else None


def _as_little_known(receiver: Value, node: ast.Call, args: list[Value], frame: Frame) -> Value | None:
    """What this method gives of a thing that is missing or unknown, if that is as missing or unknown itself."""
    if isinstance(receiver, Missing) and _method(node) in _OF_MISSING:
        return replace(receiver, label=label_of(node, frame.world.budget))
    if _method(node) == "get" and isinstance(settled(receiver), Unknown | Definition):
        return _with_default(node, args, frame)
    trimmed = isinstance(receiver, Unknown) and not receiver.source and _method(node) in _TRIMS
    return receiver if trimmed else None


def _of_definition(
    made: Definition, node: ast.Call, args: list[Value], fields: dict[str, Field], frame: Frame
) -> Value | None:
    name = _method(node)
    if made.kind == "crew":
        return _crew(made, node, args, fields, frame)
    if made.kind in ("agent", "task", "llm"):
        if name in _COPIES:
            return _copied(made, args, fields, node, frame)
        return _executed(made, node, args, fields, frame)
    result = of_parser(made, name, args, fields, frame.world.budget) or of_jinja(made, name, args, fields, frame)
    if result is None and name in ("substitute", "safe_substitute", "format", "format_prompt"):
        result = _of_template(made, name, args, fields, frame.world.budget)
    return tools_of(made, node, args, fields, frame) if result is None else result


def _text(text: Text, node: ast.Call, args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    name = _method(node)
    if name == "format":
        return formatted(text, args, placed(fields, budget), budget)
    if name == "format_map" and args and isinstance(args[0], Mapping):
        budget.pay_elements(len(args[0].fields))
        return formatted(text, [], placed(args[0].fields, budget), budget)
    if name == "join" and args:
        return joined_by(text, args[0], node.args[0], budget)
    return method_of_text(text, name, args, budget)


def _items(items: Items, node: ast.Call, args: list[Value], fields: dict[str, Field], frame: Frame) -> Value:
    name, budget = _method(node), frame.world.budget
    if frame.world.undecided and name in _ADDS and args and has_parts(args[-1]):
        frame.world.added += 1
    if name in _ADDS and args and isinstance(args[-1], Unknown) and (frame.world.undecided or frame.world.sampled):
        items.is_sample = True
    if (name == "append" or (name == "add" and args and args[0] not in items.items)) and args:
        budget.pay_looking(len(items.items) if name == "add" else 0)
        items.items.append(args[0])
    elif name == "extend" and args:
        more = settled(args[0])
        budget.pay_elements(size_of(more))
        items.items.extend(more.items if isinstance(more, Items) else [args[0]])
    elif name == "insert" and len(args) == 2:
        position = settled(args[0])
        index = position.value if isinstance(position, Constant) and isinstance(position.value, int) else 0
        budget.pay_looking(len(items.items))
        items.items.insert(index, args[1])
    elif name == "copy":
        budget.pay_elements(len(items.items))
        return Items(list(items.items))
    elif name in _REARRANGE:
        _rearrange(items, node, args, fields, frame)
    elif name == "pop" and items.items:
        return _popped(items, args)
    else:
        return unknown(node, frame)
    return Constant(None)


def _rearrange(items: Items, node: ast.Call, args: list[Value], fields: dict[str, Field], frame: Frame) -> None:
    """``reverse``, ``clear``, ``remove`` and ``sort``: what a run may leave out is left out and said."""
    name, budget = _method(node), frame.world.budget
    if frame.world.undecided:
        if has_parts(items):
            message = (
                f"Whether `{source_of(node, budget)}` is reached is only known when the code runs: it was left out."
            )
            frame.world.reading.report.warn(frame.place(node), message)
    elif name == "sort":
        sort_items(items, node, fields, frame)
    elif name == "remove" and args:
        wanted = settled(args[0])
        budget.pay_looking(len(items.items) * (1 + len(wanted.template) if isinstance(wanted, Text) else 1))
        found = next((number for number, item in enumerate(items.items) if settled(item) == wanted), None)
        if found is not None:
            del items.items[found]
    elif name in ("reverse", "clear"):
        budget.pay_looking(len(items.items))
        getattr(items.items, name)()


def sort_items(items: Items, node: ast.Call, fields: dict[str, Field], frame: Frame) -> None:
    """``things.sort(key=...)``, and ``sorted``. What cannot be compared stays; of a crew's parts it is said."""
    budget = frame.world.budget
    budget.pay_elements(len(items.items))
    key = settled(fields["key"].value) if "key" in fields else None
    keys = [call_function(key, [item], {}, frame) for item in items.items] if isinstance(key, Function) else items.items
    order = settled(fields["reverse"].value) if "reverse" in fields else Constant(False)
    try:
        if not isinstance(order, Constant) or (key is not None and not isinstance(key, Function)):
            raise TypeError
        pairs = [(data_of(by, budget), item) for by, item in zip(keys, items.items, strict=True)]
        items.items[:] = [item for _, item in sorted(pairs, key=lambda pair: pair[0], reverse=bool(order.value))]
    except (ValueError, TypeError):
        if has_parts(items):
            message = f"The order that `{source_of(node, budget)}` makes is only known when the code runs"
            frame.world.reading.report.warn(frame.place(node), f"{message}: that of the source was taken.")


def _popped(items: Items, args: list[Value]) -> Value:
    position = settled(args[0]) if args else Constant(-1)
    index = position.value if isinstance(position, Constant) else None
    if not isinstance(index, int) or not -len(items.items) <= index < len(items.items):
        return items.items[-1]
    return items.items.pop(index)


def _entry(mapping: Mapping, name: str, args: list[Value], budget: Budget, *, removes: bool) -> Value:
    """``get``, ``pop`` and ``setdefault``."""
    key = template_of(settled(args[0]), budget).template
    field = mapping.fields.get(key)
    result = field.value if field else args[1] if len(args) > 1 else Constant(None)
    if name == "pop" and removes:
        mapping.fields.pop(key, None)
    elif name == "setdefault" and not field:
        mapping.fields[key] = Field(result, mapping.place)
    return result


def _mapping(
    mapping: Mapping, name: str, args: list[Value], fields: dict[str, Field], budget: Budget, *, removes: bool
) -> Value | None:
    result: Value | None = None
    if name in _COPYING:
        budget.pay_elements(_COPYING[name] * len(mapping.fields))
    if name in ("get", "pop", "setdefault") and args:
        result = _entry(mapping, name, args, budget, removes=removes)
    elif name == "clear" and removes:
        mapping.fields.clear()
        result = Constant(None)
    elif name == "items":
        result = Items([Items([Text(key), field.value]) for key, field in mapping.fields.items()])
    elif name == "values":
        result = Items([field.value for field in mapping.fields.values()])
    elif name == "keys":
        result = Items([Text(key) for key in mapping.fields])
    elif name == "copy":
        result = Mapping(dict(mapping.fields), mapping.place)
    elif name == "update":
        more = settled(args[0]) if args else None
        budget.pay_elements(len(fields) + (size_of(more) if more else 0))
        mapping.fields.update(more.fields if isinstance(more, Mapping) else {})
        mapping.fields.update(fields)
        result = Constant(None)
    return result


def _remember(mapping: Mapping, args: list[Value], fields: dict[str, Field], frame: Frame) -> None:
    """Notes what the entries are that ``update`` changes, for branches that may be taken back."""
    more = settled(args[0]) if args else None
    for given in (fields, more.fields if isinstance(more, Mapping) else {}):
        frame.world.budget.pay_elements(len(given))
        for name in given:
            frame.world.put(mapping.fields, name, mapping.fields.get(name, given[name]))


def _open_entry(mapping: Mapping, node: ast.Call, args: list[Value], frame: Frame) -> Value | None:
    """What ``get`` gives for a key that only a run shows, of texts: an input with what the source falls back on."""
    key = settled(args[0]) if args and _method(node) == "get" and mapping.fields else Constant(None)
    if isinstance(key, Constant) or (isinstance(key, Text) and key.literal) or has_parts(mapping):
        return None
    other = args[1] if len(args) > 1 else Constant(None)
    if isinstance(other, Unknown):
        return other
    if isinstance(other, Text):
        return replace(unknown(node, frame), known=other) if other.literal else other
    return unknown(node, frame) if isinstance(other, Constant) else None


def _crew(crew: Definition, node: ast.Call, args: list[Value], fields: dict[str, Field], frame: Frame) -> Value:
    if _method(node) == "copy":
        return crew
    if _method(node) in KICKOFFS:
        _remember_inputs(crew, args, fields, frame)
    name = "" if is_generic(crew.name) else f"{without_maker(crew.name)}_"
    return unknown(node, frame, label=f"{name}result")


def _remember_inputs(crew: Definition | None, args: list[Value], fields: dict[str, Field], frame: Frame) -> None:
    field = fields.get("inputs") or (Field(args[0]) if args else None)
    if field is None:
        return
    if crew is None:
        frame.world.found.inputs.append(field)
    else:
        crew.fields.setdefault("inputs", field)


def _copied(made: Definition, args: list[Value], fields: dict[str, Field], node: ast.Call, frame: Frame) -> Definition:
    """``agent.copy()``, ``agent.model_copy(update={...})``: another one, with what it changes."""
    changes = settled(fields["update"].value if "update" in fields else args[0] if args else Constant(None))
    changed = changes.fields if isinstance(changes, Mapping) else {}
    frame.world.budget.pay_elements(len(made.fields) + len(changed))
    place = frame.place(node)
    copy = Definition(made.kind, made.path, place, {**made.fields, **changed}, list(made.args), origin=node)
    keep_definition(copy, frame)
    return copy


def _of_template(
    template: Definition, name: str, args: list[Value], fields: dict[str, Field], budget: Budget
) -> Value | None:
    """``Template("$x").substitute(x=1)``, ``PromptTemplate(template="{x}").format(x=1)``."""
    if template.short not in _TEMPLATES:
        return None
    given = template.fields["template"].value if "template" in template.fields else None
    text = settled(given or (template.args[0].value if template.args else Constant(None)))
    if not isinstance(text, Text):
        return None
    values = placed(fields, budget)
    if args and isinstance(mapping := settled(args[0]), Mapping):
        budget.pay_elements(len(mapping.fields))
        values = placed(mapping.fields, budget) | values
    return substituted(text, values, budget) if "substitute" in name else formatted(text, [], values, budget)


def _executed(made: Definition, node: ast.Call, args: list[Value], fields: dict[str, Field], frame: Frame) -> Value:
    if made.kind == "agent" and _method(node) in KICKOFFS and (asked := asked_of(made, node, args, fields, frame)):
        return unknown(node, frame, label=f"{asked.name}_result")
    if made.kind in ("agent", "task") and _method(node) in _GIVES_TOOLS and args:
        return _given_tools(made, node, args, frame)
    if made.kind != "llm" and _method(node) in (*KICKOFFS, "execute", "execute_sync", "execute_async", "execute_task"):
        written = source_of(node, frame.world.budget)
        message = f"`{written}` runs this {made.kind} outside of a crew; that call is not part of what was imported."
        frame.world.reading.report.info(frame.place(node), message)
    return unknown(node, frame, label=f"{made.name}_result" if made.name else "result")


def _given_tools(made: Definition, node: ast.Call, args: list[Value], frame: Frame) -> Value:
    """``agent.add_tool(...)``."""
    before = settled(made.fields["tools"].value) if "tools" in made.fields else Items([])
    more = settled(args[0])
    if isinstance(before, Items):
        frame.world.budget.pay_elements(size_of(before) + size_of(more))
        added = more.items if isinstance(more, Items) else args
        made.fields["tools"] = Field(Items([*before.items, *added]), frame.place(node))
    return Constant(None)


def _method(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""
