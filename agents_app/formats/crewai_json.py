"""Reads CrewAI's own JSON: ``crew.jsonc`` with a file for each agent in ``agents/`` beside it, or agents within it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from agents_app.formats.documents import Documents
from agents_app.formats.python.calling import instantiate
from agents_app.formats.python.definitions import condition_of
from agents_app.formats.python.schemas import schema_of
from agents_app.formats.python.things import Class
from agents_app.formats.report import Place
from agents_app.formats.to_spec.assemble import Found
from agents_app.formats.to_spec.naming import snake
from agents_app.formats.to_spec.values import Constant, Definition, Field, Items, Mapping, Outside, Schema, Text, Value

_OUTPUTS = frozenset({"output_pydantic", "output_json", "response_model"})
_ENDINGS = (".jsonc", ".json")
CUSTOM = "custom:"
PYTHON = "python"
"""The only key of an object that refers to Python: ``{"python": "module.name"}``."""


def is_crew(value: Value | None) -> bool:
    """Whether it is CrewAI's JSON of a crew: agents by name, or tasks that are not in our own shape."""
    if not isinstance(value, Mapping) or not {"agents", "tasks"} <= value.fields.keys():
        return False
    agents, tasks = value.fields["agents"].value, value.fields["tasks"].value
    if isinstance(agents, Items) and agents.items and all(isinstance(item, Text) for item in agents.items):
        return True
    inner = [*_objects(agents), *_objects(tasks)]
    return bool(inner) and not any("key" in entry.fields for entry in inner)


def read_crew(path: str, value: Mapping, files: Documents, found: Found, *, labelled: bool) -> None:
    """Adds the crew of a file to what was found, with its agents and tasks."""
    report = files.reading.report
    python = _Python(found)
    fields = {name: _entry(field, python) for name, field in value.fields.items()}
    agents = [_agent(name, field, path, files, python) for name, field in _named(fields["agents"])]
    manager = fields.get("manager_agent")
    if (
        manager
        and isinstance(manager.value, Text)
        and not any(agent.name == manager.value.template for agent in agents)
    ):
        made = _agent(manager.value.template, manager, path, files, python)
        fields["manager_agent"] = Field(made, manager.place)
        found.agents.append(made)
    tasks = [_task(name, field, python, files) for name, field in _named(fields["tasks"])]
    for agent in agents:
        if not agent.fields:
            message = (
                f"`agents/{agent.name}.jsonc` was not given: the agent `{agent.name}` has no texts. Import it together "
            )
            report.warn(agent.place, message + "with this file, or fill them in.")
            agent.fields["config"] = Field(Constant(None), agent.place)
    members = {"agents": Items(list(agents)), "tasks": Items(list(tasks))}
    fields |= {name: Field(items, fields[name].place) for name, items in members.items()}
    place = Place(1, path if labelled else "")
    found.agents.extend(agents)
    found.tasks.extend(tasks)
    found.crews.append(Definition("crew", "crewai.Crew", place, fields))


def _named(field: Field) -> Iterator[tuple[str, Field]]:
    """The entries of a list or of an object, with their names."""
    value = field.value
    if isinstance(value, Mapping):
        yield from value.fields.items()
    for item in value.items if isinstance(value, Items) else ():
        if isinstance(item, Text):
            yield item.template, Field(item, field.place)
        elif isinstance(item, Mapping):
            name = item.fields.get("name")
            yield name.value.template if name and isinstance(name.value, Text) else "", Field(item, item.place)


def _agent(name: str, field: Field, path: str, files: Documents, python: _Python) -> Definition:
    value: Value | None = field.value
    place = field.place
    if not isinstance(value, Mapping):
        beside = [posixpath.join(posixpath.dirname(path), "agents", name + ending) for ending in _ENDINGS]
        found = next((file for file in beside if file in files.texts), None) or files.find(name + ".jsonc", beside=path)
        value = files.read(found) if found else value
        place = Place(1, found if files.labelled else "") if found else place
    fields = dict(value.fields) if isinstance(value, Mapping) else {}
    settings = fields.pop("settings", None)
    if settings and isinstance(settings.value, Mapping):
        fields |= settings.value.fields
    return Definition("agent", "crewai.Agent", place, _fields(fields, python), name=name)


def _task(name: str, field: Field, python: _Python, files: Documents) -> Definition:
    fields = _fields(field.value.fields if isinstance(field.value, Mapping) else {}, python)
    if name == snake(name):
        fields.pop("name", None)  # it is the key, and no title
    for output in _OUTPUTS & fields.keys():
        value = fields[output].value
        if isinstance(value, Class):
            schema = Schema(value.name, schema_of(value, files.reading.report))
            fields[output] = Field(schema, fields[output].place)
    if "condition" in fields:
        fields["condition"] = condition_of(fields["condition"])
    return Definition("task", "crewai.Task", field.place, fields, name=name)


def _fields(fields: dict[str, Field], python: _Python) -> dict[str, Field]:
    """A part's fields; its type is Python's business, and only said if it is one of the project's own."""
    entries = {name: _entry(field, python) for name, field in fields.items()}
    if isinstance(entries["type"].value if "type" in entries else None, Text):
        del entries["type"]
    return entries


def _entry(field: Field, python: _Python) -> Field:
    return Field(python.meant(field.value), field.place)


@dataclass(slots=True)
class _Python:
    """The project's Python, to which its JSON refers."""

    found: Found

    def meant(self, value: Value) -> Value:
        """References to Python as what they name; lists of them too."""
        if isinstance(value, Items):
            return Items([self.meant(item) for item in value.items])
        if isinstance(value, Mapping) and value.fields.keys() == {PYTHON}:
            path = value.fields[PYTHON].value
            return self._named(path.template) if isinstance(path, Text) else value
        if isinstance(value, Text) and value.template.startswith(CUSTOM):
            return self._tool(value.template.removeprefix(CUSTOM))
        return value

    def _named(self, path: str) -> Value:
        module, _, name = path.rpartition(".")
        return self._module(module).get(name) or self.found.classes.get(name) or Outside(path)

    def _module(self, wanted: str) -> dict[str, Value]:
        modules = self.found.python
        ends = (names for module, names in modules.items() if f".{module}".endswith(f".{wanted}"))
        return modules.get(wanted) or next(ends, {})

    def _tool(self, name: str) -> Value:
        """``custom:name``: a tool of ``tools/name.py``, which may be one of crewai_tools with its settings."""
        for value in self._module(f"tools.{name}").values():
            made = instantiate(value, [], {}, value.frame, place=Place()) if isinstance(value, Class) else None
            if isinstance(made, Definition) and made.kind == "tool" and made.path != made.name:
                return made
        return Text(name)


def _objects(value: Value) -> list[Mapping]:
    entries = value.items if isinstance(value, Items) else []
    if isinstance(value, Mapping):
        entries = [field.value for field in value.fields.values()]
    return [entry for entry in entries if isinstance(entry, Mapping)]
