"""Maps a source's tools to those that exist here. Tools without a counterpart are reported and left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agents_app.formats.budget import Budget
from agents_app.formats.report import Place, ToolUse
from agents_app.formats.to_spec.fields import Reading, data_of, describe, pay_names
from agents_app.formats.to_spec.known_tools import ALIKE, BY_SNAKE, INSTEAD, OWN, SAME, SERVER
from agents_app.formats.to_spec.llms import is_secret_field
from agents_app.formats.to_spec.naming import snake
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Items,
    Mapping,
    Secret,
    Text,
    Unknown,
    Value,
    literal_text,
    members,
    settled,
)
from engine.spec.crew_spec import ToolSpec
from engine.spec.tool_names import BUILT_IN_TOOLS

_WRAPPERS = frozenset({"Tool", "StructuredTool", "FunctionTool", "from_function", "CrewStructuredTool"})
"""What makes a tool of a function, and is told its name."""
SETTINGS = {"scrape_website": frozenset({"website_url"}), "web_search": frozenset({"n_results"})}


def read_tools(field: Field | None, reading: Reading, *, owner: str) -> tuple[ToolSpec, ...]:
    """The tools of an agent or task, each once and in order."""
    if field is None:
        return ()
    tools: dict[str, ToolSpec] = {}
    known = settled(field.value)
    is_open = isinstance(field.value, Unknown) and _is_empty(known, field.value)
    given = [field.value] if is_open else [settled(value) for value in members(field.value, reading.budget)]
    for value in given:
        tool = _tool(value, reading, place=field.place, owner=owner)
        if tool and tools.setdefault(tool.name, tool) != tool:
            message = f"{owner} has {tool.name} twice with different settings; the first was kept."
            reading.report.warn(field.place, message)
    return tuple(tools.values())


def _is_empty(known: Value, given: Unknown) -> bool:
    """Whether the source falls back on no tools, in place of what an expression gives when the code runs."""
    is_none = isinstance(known, Constant) and known.value is None
    return bool(given.source) if is_none else isinstance(known, Items) and not known.items


def _tool(value: Value, reading: Reading, *, place: Place, owner: str) -> ToolSpec | None:
    if isinstance(value, Constant | Items | Mapping | Secret):
        reading.report.warn(place, f"{owner}: {describe(value)} is not a tool and was left out.")
        return None
    made = value if isinstance(value, Definition) else None
    name = _name(value)
    is_own = made is not None and made.short in _WRAPPERS
    known = None if is_own else SAME.get(name) or ALIKE.get(name) or (name if name in BUILT_IN_TOOLS else None)
    _note_use(name or "made by code", known, made, reading, owner=owner)
    if known is None:
        where = made.place if made else place
        why = _instead(name, made)
        reading.report.warn(where, f"{owner}: the tool `{name or 'made by code'}` was left out ({why}).")
        return None
    if name in ALIKE and name not in BUILT_IN_TOOLS:
        where = made.place if made else place
        reading.report.warn(where, f"{owner}: `{name}` was replaced by the built-in tool {known}.")
    return ToolSpec(name=known, config=_config(known, made, reading) if made else {})


def _instead(name: str, made: Definition | None) -> str:
    """What to do instead of a tool; of one that a service's object gives, by that object's class."""
    service = _service(made) if made else ""
    if made and service and made.kind == "tool":
        return f"it is a tool of {service}: {INSTEAD.get(service, SERVER)}"
    return INSTEAD.get(name, OWN)


def _note_use(name: str, known: str | None, made: Definition | None, reading: Reading, *, owner: str) -> None:
    """For the table of the crew's tools: what stands for each, and who has it."""
    tally = reading.tally
    tally.tool_uses += 1
    tally.lost_tool_uses += known is None
    is_other_service = name in ALIKE and known in ("web_search", "scrape_website")
    why = "it asks another service" if is_other_service else "" if known else _instead(name, made)
    before = tally.tools.get(name, ToolUse(name, known or "", why))
    tally.tools[name] = replace(before, by=tuple(dict.fromkeys((*before.by, owner[:1].lower() + owner[1:]))))


def _service(made: Definition) -> str:
    """The class whose method made a tool; "" if none did."""
    maker = made.path.rpartition(".")[0].rpartition(".")[2]
    return maker if maker[:1].isupper() and made.short[:1].islower() else ""


def _name(value: Value) -> str:
    """The name of a tool: its class's, or in YAML a text, in any spelling of the class's name."""
    if isinstance(value, Definition):
        given = value.fields["name"].value if value.short in _WRAPPERS and "name" in value.fields else None
        named = literal_text(given, Budget()) if given is not None else None
        return named or (value.name or value.short if _service(value) else value.short)
    if isinstance(value, Text):
        name = value.template.strip().rpartition(":")[2]
        return name if name in BUILT_IN_TOOLS else BY_SNAKE.get(snake(name), name)
    if isinstance(value, Unknown):
        return value.named if value.is_found and value.named else value.label
    return str(getattr(value, "name", "") or getattr(value, "short", ""))


def _config(tool: str, made: Definition, reading: Reading) -> dict[str, Any]:
    """The settings that the tool has here too; the others are reported as left out."""
    config: dict[str, Any] = {}
    pay_names(made.fields, reading)
    for name, field in made.fields.items():
        try:
            value = data_of(field.value, reading.budget)
        except ValueError:
            value = None
        if name in SETTINGS.get(tool, ()) and value is not None:
            config[name] = value
        elif is_secret_field(name):
            message = "Keys are never imported ({items}): add the provider's key in the team's settings."
            reading.report.gather(message, place=field.place, item=name)
        else:
            shown = f"{name}={value!r}"[:80] if value is not None else name
            reading.report.warn(field.place, f"The setting {shown} of {made.short} was left out.")
    return config
