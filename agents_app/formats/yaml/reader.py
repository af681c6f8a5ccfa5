"""Reads ``agents.yaml`` and ``tasks.yaml`` as definitions: two files, one text, or below ``agents:`` and ``tasks:``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents_app.formats.report import Place, Report, listed
from agents_app.formats.to_spec.assemble import Found
from agents_app.formats.to_spec.fields import Reading
from agents_app.formats.to_spec.naming import snake
from agents_app.formats.to_spec.values import Constant, Definition, Field, Items, Kind, Mapping, Text, Value
from agents_app.formats.yaml.strict import YamlDocument, say_doubled

_AGENT_SIGNS = frozenset({"role", "goal", "backstory"})
_TASK_SIGNS = frozenset({"description", "expected_output"})
_WRAPPERS: dict[str, Kind] = {"agents": "agent", "tasks": "task"}
_CREW_FIELDS = frozenset(
    {
        "name",
        "description",
        "process",
        "verbose",
        "memory",
        "cache",
        "max_rpm",
        "manager_llm",
        "manager_agent",
        "planning",
        "planning_llm",
        "function_calling_llm",
        "embedder",
        "inputs",
        "output_log_file",
    }
)


def read_yaml(documents: Iterable[YamlDocument], reading: Reading) -> Found:
    """All definitions. Of two agents, or two tasks, with one name the last one is meant."""
    found, report = Found(format="yaml"), reading.report
    crew: dict[str, Field] = {}
    place = Place()
    for document in documents:
        place = document.place
        if not document.entries:
            if isinstance(document.other, Items) and _holds_entries(document.other):
                kind = _hint(document.place.file)
                for inner, field in _wrapped(document.other, document.place):
                    known = kind if not isinstance(field.value, Mapping) else _kind(field.value) or kind
                    _add(inner, field, kind=known, found=found, report=report)
            elif not (isinstance(document.other, Constant) and document.other.value is None):
                report.warn(document.place, "This part is not a mapping of names to agents or tasks; it was left out.")
            continue
        hint = _hint(document.place.file)
        for name, field in document.entries:
            if id(field.value) in document.shared and isinstance(field.value, Mapping) and _kind(field.value) is None:
                continue  # it is there to be taken over by others
            _read_entry(name, field, hint=hint, found=found, crew=crew, report=report)
    if crew:
        found.crews.append(Definition("crew", "crew", next(iter(crew.values())).place or place, crew))
    found.agents = _last_of_each(found.agents, reading)
    found.tasks = _last_of_each(found.tasks, reading)
    return found


def _read_entry(
    name: str, entry: Field, *, hint: Kind | None, found: Found, crew: dict[str, Field], report: Report
) -> None:
    value = entry.value
    if name in _WRAPPERS and isinstance(value, Mapping | Items) and _holds_entries(value):
        for inner, field in _wrapped(value, entry.place):
            _add(inner, field, kind=_WRAPPERS[name], found=found, report=report)
    elif name in _WRAPPERS and isinstance(value, Items | Constant):
        if isinstance(value, Items) and value.items:
            crew[name] = entry
    elif name == "crew" and isinstance(value, Mapping) and not (_AGENT_SIGNS | _TASK_SIGNS) & value.fields.keys():
        crew.update(value.fields)
    elif isinstance(value, Mapping) and name != "inputs":
        _add(name, entry, kind=_kind(value) or hint, found=found, report=report)
    elif name in _CREW_FIELDS:
        crew[name] = entry
    else:
        message = "Neither an agent nor a task nor a setting of the crew, and left out: {items}."
        report.gather(message, place=entry.place, item=f"`{name}`", level="warning")


def _kind(value: Mapping) -> Kind | None:
    if _TASK_SIGNS & value.fields.keys():
        return "task"
    return "agent" if _AGENT_SIGNS & value.fields.keys() else None


def _hint(file: str) -> Kind | None:
    name = file.rpartition("/")[2].lower()
    return "agent" if "agent" in name else "task" if "task" in name else None


def _holds_entries(value: Mapping | Items) -> bool:
    inner = [field.value for field in value.fields.values()] if isinstance(value, Mapping) else value.items
    return any(isinstance(item, Mapping) for item in inner)


def _wrapped(value: Mapping | Items, place: Place) -> Iterator[tuple[str, Field]]:
    """The entries below ``agents:`` or ``tasks:``, by name, or as a list of entries that hold their names."""
    if isinstance(value, Mapping):
        yield from value.fields.items()
        return
    for item in value.items:
        if not isinstance(item, Mapping):
            yield "", Field(item, place)
            continue
        only = next(iter(item.fields.items())) if len(item.fields) == 1 else None
        if only and isinstance(only[1].value, Mapping):  # - writer: {role: ...}
            yield only
            continue
        own = next((item.fields[name] for name in ("key", "id", "name", "role") if name in item.fields), None)
        yield _name_in(own.value) if own else "", Field(item, item.place)


def _name_in(value: Value) -> str:
    return value.template if isinstance(value, Text) else str(value.value) if isinstance(value, Constant) else ""


def _add(name: str, field: Field, *, kind: Kind | None, found: Found, report: Report) -> None:
    if not isinstance(field.value, Mapping):
        report.warn(field.place, f"`{name or 'An entry'}` holds no fields; it was left out.")
        return
    if kind is None:
        signs = "an agent has role, goal and backstory, a task has description and expected_output"
        report.warn(field.place, f"`{name}` is neither an agent nor a task ({signs}); it was left out.")
        return
    fields = dict(field.value.fields)
    if "name" in fields and _name_in(fields["name"].value) == name == snake(name):
        del fields["name"]  # it is the key, and no title
    made = Definition(kind, kind, field.place, fields, name=name)
    (found.agents if kind == "agent" else found.tasks).append(made)


def _last_of_each(definitions: list[Definition], reading: Reading) -> list[Definition]:
    """One definition of each name, in the order in which the names come."""
    last: dict[str, Definition] = {}
    for number, made in enumerate(definitions):
        key = made.name or f" {number}"
        if key in last:
            say_doubled(made.name, Field(made, made.place), Field(last[key], last[key].place), reading)
        last[key] = made
    return list(last.values())


def as_value(documents: list[YamlDocument]) -> Value:
    """A file as Python code sees it: a list, or all its entries as one dictionary."""
    other = documents[0].other if len(documents) == 1 else None
    return other if isinstance(other, Items) else as_mapping(documents)


def as_mapping(documents: Iterable[YamlDocument]) -> Mapping:
    """All entries of a file as one dictionary."""
    fields: dict[str, Field] = {}
    place = Place()
    for document in documents:
        fields.update(document.entries)
        place = document.place
    return Mapping(fields, place)


def looks_like_crew(whole: Value) -> bool:
    """Whether any entry is an agent or a task, directly or below ``agents`` and ``tasks``."""
    return any(isinstance(field.value, Mapping) and _kind(field.value) for _, field in _entries(whole))


def _entries(mapping: Value) -> Iterator[tuple[str, Field]]:
    if not isinstance(mapping, Mapping):
        yield from _wrapped(mapping, Place()) if isinstance(mapping, Items) else ()
        return
    for name, field in mapping.fields.items():
        value = field.value
        if name in _WRAPPERS and isinstance(value, Mapping | Items):
            yield from _wrapped(value, field.place)
        else:
            yield name, field


def say_unused(whole: Value, used: set[int], report: Report) -> None:
    """Warns of the agents and tasks of a YAML file that no code uses, together if that is the whole file."""
    entries = [
        (name, field) for name, field in _entries(whole) if isinstance(field.value, Mapping) and _kind(field.value)
    ]
    unused = [(name, field) for name, field in entries if id(field.value) not in used]
    if len(unused) > 1 and len(unused) == len(entries):
        names = listed(f"`{name}`" for name, _ in unused)
        message = f"Nothing in this file is used by the Python that was given: {names} were left out."
        report.warn(unused[0][1].place, message)
        return
    for name, field in unused:
        report.warn(field.place, f"`{name}` is not used by the Python that was given; it was left out.")
