"""Reads the MCP servers of an agent (``mcps``) as the tool ``mcp``. Keys of servers are never imported."""

from __future__ import annotations

from typing import Any

from agents_app.formats.report import Place
from agents_app.formats.to_spec.fields import Reading, data_of, describe, pay_names
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Items,
    Mapping,
    Value,
    literal_text,
    members,
    settled,
)
from engine.spec.crew_spec import ToolSpec

_MEANINGLESS = frozenset({"type", "cache_tools_list", "streamable"})


def read_servers(field: Field | None, reading: Reading, *, owner: str) -> tuple[ToolSpec, ...]:
    """The servers of an agent, of which one can be kept: an agent has each tool once here."""
    servers: list[ToolSpec] = []
    for value in members(field.value, reading.budget) if field else ():
        server = _server(settled(value), reading, place=field.place if field else Place(), owner=owner)
        if server is not None:
            servers.append(server)
    if field and len(servers) > 1:
        others = ", ".join(str(server.config.get("url") or server.config.get("command"))[:80] for server in servers[1:])
        message = f"{owner} has several MCP servers, and an agent has one here: left out were {others}."
        reading.report.warn(field.place, message)
    return tuple(servers[:1])


def _server(value: Value, reading: Reading, *, place: Place, owner: str) -> ToolSpec | None:
    text = literal_text(value, reading.budget)
    if text is not None and text.startswith(("https://", "http://")):
        return ToolSpec(name="mcp", config={"url": text.partition("#")[0]})
    fields = value.fields if isinstance(value, Definition | Mapping) else {}
    pay_names(fields, reading)
    given = {name: _data(field, reading) for name, field in fields.items()}
    config: dict[str, Any] = {}
    if isinstance(given.get("url"), str):
        config["url"] = given["url"]
    elif isinstance(given.get("command"), str):
        args = given.get("args")
        config["command"] = [given["command"], *(str(arg) for arg in args or ())]
    else:
        message = f"{owner}: the MCP server {describe(value)} was left out (its address is not in the source); "
        reading.report.warn(place, f"{message}give the agent the tool mcp in the editor.")
        return None
    names = _chosen(fields.get("tool_filter"), reading)
    if names:
        config["tools"] = names
    for name, field in fields.items():
        if name not in {"url", "command", "args", "tool_filter", *_MEANINGLESS} and not _is_nothing(field):
            message = f"{owner}: {name} of the MCP server was left out; its token is a key in the team's settings."
            reading.report.warn(field.place if field.place.line else place, message)
    return ToolSpec(name="mcp", config=config)


def _data(field: Field, reading: Reading) -> Any:
    try:
        return data_of(field.value, reading.budget)
    except ValueError:
        return None


def _is_nothing(field: Field) -> bool:
    value = settled(field.value)
    return isinstance(value, Constant) and not value.value


def _chosen(field: Field | None, reading: Reading) -> list[str]:
    """The names that a static filter of tools lets through."""
    value = settled(field.value) if field else None
    fields = value.fields if isinstance(value, Definition | Mapping) else {}
    names = settled(fields["allowed_tool_names"].value) if "allowed_tool_names" in fields else None
    texts = [literal_text(item, reading.budget) for item in names.items] if isinstance(names, Items) else []
    return [text for text in texts if text is not None]
