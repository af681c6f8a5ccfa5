"""Tools that a service's object gives, such as ``ComposioToolSet().get_tools(actions=["MAIL_SEND"])``, by name."""

from __future__ import annotations

import ast
import re

from agents_app.formats.python.frames import Frame
from agents_app.formats.to_spec.known_tools import SERVERS
from agents_app.formats.to_spec.values import Definition, Field, Items, Outside, Text, Unknown, Value, settled

MAX_NAMES = 50
_GIVES = frozenset(
    {
        "get_tools",
        "get_tool",
        "load_tools",
        "list_tools",
        "to_tools",
        "as_tools",
        "get_actions",
        "tools",
        "get_all_tools",
    }
    | {"get_langchain_tools", "get_crewai_tools", "to_langchain", "to_crewai", "aget_tools"}
)
_GIVES_SOME = re.compile(r"(?:get|load|make|create|build)_\w+_tools?")
"""Methods whose names say which tools they give."""
_NAMED_BY = ("actions", "tools", "tool_names", "names", "slugs", "apps", "toolkits")


def tools_of(
    receiver: Definition, node: ast.Call, args: list[Value], fields: dict[str, Field], frame: Frame
) -> Value | None:
    """The tools that a method of a library's object gives: those that it is asked for, else one that stands for them,
    which is called after the object's class. None for any other method."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if name == "__enter__" and receiver.short in SERVERS:
        return receiver
    if receiver.kind not in ("other", "tool") or not receiver.short[:1].isupper():
        return None
    if _GIVES_SOME.fullmatch(name) and name not in _GIVES:
        return Definition("tool", name, frame.place(node), {}, [], name=name, origin=node)
    if name not in _GIVES:
        return None
    given = next((fields[key].value for key in _NAMED_BY if key in fields), args[0] if args else None)
    listed = settled(given) if given is not None else None
    asked = listed.items[:MAX_NAMES] if isinstance(listed, Items) else [listed] if listed is not None else []
    names = [label for one in asked if (label := _label(settled(one)))]
    frame.world.budget.pay_elements(1 + len(names))
    place = frame.place(node)
    if not names:
        return Definition("tool", receiver.path, place, {}, [], name=receiver.short, origin=node)
    path = f"{receiver.path}.{name}"
    return Items([Definition("tool", path, place, {}, [], name=label, origin=node) for label in names])


def _label(value: Value) -> str:
    if isinstance(value, Text):
        return value.template if value.literal else ""
    if isinstance(value, Outside):
        return value.short
    return value.label if isinstance(value, Unknown) and value.source else ""
