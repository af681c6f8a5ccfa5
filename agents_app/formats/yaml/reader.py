"""Reads ``agents.yaml`` and ``tasks.yaml`` as definitions: two files, one text, or below ``agents:`` and ``tasks:``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents_app.formats.report import Place, Report, UnreadableError
from agents_app.formats.to_spec.assemble import Found
from agents_app.formats.to_spec.naming import snake
from agents_app.formats.to_spec.values import Constant, Definition, Field, Items, Kind, Mapping, Text, Value
from agents_app.formats.yaml.strict import YamlDocument

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


def read_yaml(documents: Iterable[YamlDocument], report: Report) -> Found:
    """All definitions. Raises ``UnreadableError`` if two agents, or two tasks, have one name."""
    found = Found(format="yaml")
    crew: dict[str, Field] = {}
    place = Place()
    for document in documents:
        place = document.place
        if not document.entries:
            if not (isinstance(document.other, Constant) and document.other.value is None):
                report.warn(document.place, "This part is not a mapping of names to agents or tasks; it was left out.")
            continue
        hint = _hint(document.place.file)
        for name, field in document.entries:
            _read_entry(name, field, hint=hint, found=found, crew=crew, report=report)
    if crew:
        found.crews.append(Definition("crew", "crew", next(iter(crew.values())).place or place, crew))
    _refuse_duplicates(found.agents)
    _refuse_duplicates(found.tasks)
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
        report.warn(entry.place, f"`{name}` is neither an agent nor a task nor a setting of the crew; it was left out.")


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
    made = Definition(kind, kind, field.place, dict(field.value.fields), name=name)
    (found.agents if kind == "agent" else found.tasks).append(made)


def _refuse_duplicates(definitions: list[Definition]) -> None:
    seen: dict[str, Definition] = {}
    for made in definitions:
        key = snake(made.name)
        if key and key in seen:
            line, first = made.place.line, seen[key].place.line
            raise UnreadableError(
                f"Line {line}: the {made.kind} `{made.name}` is given twice (first in line {first}).", made.place
            )
        seen[key] = made


def as_mapping(documents: Iterable[YamlDocument]) -> Mapping:
    """All entries of a file as one dictionary, which is how Python code sees it."""
    fields: dict[str, Field] = {}
    place = Place()
    for document in documents:
        fields.update(document.entries)
        place = document.place
    return Mapping(fields, place)


def say_unused(mapping: Mapping, used: set[int], report: Report) -> None:
    """Warns of each agent and task of a YAML file that no code uses."""
    for name, field in mapping.fields.items():
        if isinstance(field.value, Mapping) and id(field.value) not in used:
            report.warn(field.place, f"`{name}` is not used by the Python that was given; it was left out.")
