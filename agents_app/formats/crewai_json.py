"""Reads CrewAI's own JSON: ``crew.jsonc`` with a file for each agent in ``agents/`` beside it, or agents within it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from agents_app.formats.documents import Documents
from agents_app.formats.python.schemas import schema_of
from agents_app.formats.python.things import Class
from agents_app.formats.report import Place
from agents_app.formats.to_spec.assemble import Found
from agents_app.formats.to_spec.naming import snake
from agents_app.formats.to_spec.values import Constant, Definition, Field, Items, Mapping, Outside, Schema, Text, Value

_OUTPUTS = frozenset({"output_pydantic", "output_json", "response_model"})
_ENDINGS = (".jsonc", ".json")
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
    fields = {name: _entry(field) for name, field in value.fields.items()}
    agents = [_agent(name, field, path, files) for name, field in _named(fields["agents"])]
    manager = fields.get("manager_agent")
    if (
        manager
        and isinstance(manager.value, Text)
        and not any(agent.name == manager.value.template for agent in agents)
    ):
        made = _agent(manager.value.template, manager, path, files)
        fields["manager_agent"] = Field(made, manager.place)
        found.agents.append(made)
    tasks = [_task(name, field, found, files) for name, field in _named(fields["tasks"])]
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


def _agent(name: str, field: Field, path: str, files: Documents) -> Definition:
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
    return Definition("agent", "crewai.Agent", place, _fields(fields), name=name)


def _task(name: str, field: Field, found: Found, files: Documents) -> Definition:
    fields = _fields(field.value.fields if isinstance(field.value, Mapping) else {})
    if name == snake(name):
        fields.pop("name", None)  # it is the key, and no title
    for output in _OUTPUTS & fields.keys():
        value = fields[output].value
        model = found.classes.get(value.short) if isinstance(value, Outside) else None
        if isinstance(model, Class):
            schema = Schema(model.name, schema_of(model, files.reading.report))
            fields[output] = Field(schema, fields[output].place)
    return Definition("task", "crewai.Task", field.place, fields, name=name)


def _fields(fields: dict[str, Field]) -> dict[str, Field]:
    """A part's fields; its type is Python's business, and only said if it is one of the project's own."""
    entries = {name: _entry(field) for name, field in fields.items()}
    if isinstance(entries["type"].value if "type" in entries else None, Text):
        del entries["type"]
    return entries


def _entry(field: Field) -> Field:
    return Field(_python(field.value), field.place)


def _python(value: Value) -> Value:
    """References to Python as what they name; lists of them too."""
    if isinstance(value, Items):
        return Items([_python(item) for item in value.items])
    if isinstance(value, Mapping) and value.fields.keys() == {PYTHON}:
        path = value.fields[PYTHON].value
        return Outside(path.template) if isinstance(path, Text) else value
    if isinstance(value, Text) and value.template.startswith("custom:"):
        return Text(value.template.removeprefix("custom:"))
    return value


def _objects(value: Value) -> list[Mapping]:
    entries = value.items if isinstance(value, Items) else []
    if isinstance(value, Mapping):
        entries = [field.value for field in value.fields.values()]
    return [entry for entry in entries if isinstance(entry, Mapping)]
