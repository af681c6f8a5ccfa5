"""Reads YAML as plain data with line numbers. What the data means is decided in ``crew``.

It refuses what crews never need and attackers use: aliases, anchors, tags, duplicate keys, deep nesting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from agents_app.formats.budget import Budget
from agents_app.formats.report import Place, UnreadableError
from agents_app.formats.to_spec.values import Constant, Field, Items, Mapping, Text, Value
from engine.text import storable

MAX_CHARS = 256 * 1024
MAX_DEPTH = 20
MAX_NODES = 20_000
STEPS_PER_NODE = 5

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NULLS = frozenset({"", "~", "null"})
_INT = re.compile(r"^[-+]?[0-9]{1,15}$")
_FLOAT = re.compile(r"^[-+]?(?:[0-9]{1,15}\.[0-9]{0,15}|\.[0-9]{1,15})(?:[eE][-+]?[0-9]{1,2})?$")


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One YAML document. A mapping at its top is kept as pairs, because its reader judges keys that are given twice."""

    entries: tuple[tuple[str, Field], ...]
    other: Value | None
    place: Place


@dataclass(slots=True)
class _Reader:
    text: str
    file: str
    budget: Budget
    nodes: int = 0
    events: Iterator[yaml.Event] = field(init=False)

    def __post_init__(self) -> None:
        self.events = yaml.parse(self.text, Loader=yaml.SafeLoader)

    def place(self, event: yaml.Event) -> Place:
        return Place(event.start_mark.line + 1 if event.start_mark else None, self.file)

    def refuse(self, event: yaml.Event, message: str) -> UnreadableError:
        place = self.place(event)
        return UnreadableError(f"Line {place.line}: {message}", place)


def documents(text: str, budget: Budget, *, file: str = "") -> list[YamlDocument]:
    """The documents of a text. Raises ``UnreadableError``, which says the line and what to do, or ``UsedUpError``."""
    if len(text) > MAX_CHARS:
        raise UnreadableError(
            f"The YAML has {len(text):,} characters; at most {MAX_CHARS:,} are read.", Place(None, file)
        )
    try:
        return list(_documents(_Reader(text, file, budget)))
    except yaml.YAMLError as error:
        raise _explained(error, text, file) from error


def _documents(reader: _Reader) -> Iterator[YamlDocument]:
    for event in reader.events:
        if isinstance(
            event, yaml.DocumentStartEvent | yaml.DocumentEndEvent | yaml.StreamStartEvent | yaml.StreamEndEvent
        ):
            continue
        if isinstance(event, yaml.MappingStartEvent):
            _refuse_extras(reader, event)
            yield YamlDocument(tuple(_pairs(reader, depth=1)), None, reader.place(event))
        else:
            yield YamlDocument((), _value(reader, event, depth=1), reader.place(event))


def _value(reader: _Reader, event: yaml.Event, *, depth: int) -> Value:
    _refuse_extras(reader, event)
    reader.nodes += 1
    reader.budget.at(reader.place(event))
    reader.budget.pay_steps(STEPS_PER_NODE)
    if reader.nodes > MAX_NODES:
        raise reader.refuse(event, f"more than {MAX_NODES:,} values; a crew file has far fewer.")
    if depth > MAX_DEPTH:
        raise reader.refuse(event, f"nested more than {MAX_DEPTH} levels deep; a crew file has three or four.")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        return Items(list(_items(reader, depth=depth + 1)))
    return _mapping(reader, event, depth=depth + 1)


def _items(reader: _Reader, *, depth: int) -> Iterator[Value]:
    for event in reader.events:
        if isinstance(event, yaml.SequenceEndEvent):
            return
        yield _value(reader, event, depth=depth)


def _pairs(reader: _Reader, *, depth: int) -> Iterator[tuple[str, Field]]:
    for event in reader.events:
        if isinstance(event, yaml.MappingEndEvent):
            return
        if not isinstance(event, yaml.ScalarEvent):
            raise reader.refuse(event, "a key must be a plain word; quote it, or quote the {placeholder} in the value.")
        _refuse_extras(reader, event)
        yield event.value, Field(_value(reader, next(reader.events), depth=depth), reader.place(event))


def _mapping(reader: _Reader, start: yaml.Event, *, depth: int) -> Mapping:
    fields: dict[str, Field] = {}
    for key, entry in _pairs(reader, depth=depth):
        if key in fields:
            line = entry.place.line
            first = fields[key].place.line
            raise UnreadableError(f"Line {line}: the key '{key}' is given twice (first in line {first}).", entry.place)
        fields[key] = entry
    return Mapping(fields, reader.place(start))


def _scalar(event: yaml.ScalarEvent) -> Value:
    text = storable(event.value, nul="")
    if event.style in ("'", '"', "|", ">"):
        return Text(text if event.style in ("'", '"') else text.strip("\n"))
    if text.lower() in _NULLS:
        return Constant(None, raw=text)
    if text.lower() in _WORDS:
        return Constant(_WORDS[text.lower()], raw=text)
    if _INT.match(text):
        return Constant(int(text), raw=text)
    return Constant(float(text), raw=text) if _FLOAT.match(text) else Text(text)


def _refuse_extras(reader: _Reader, event: yaml.Event) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise reader.refuse(event, f"the alias *{getattr(event, 'anchor', '')} is not allowed; write the text out.")
    if getattr(event, "anchor", None):
        raise reader.refuse(
            event, f"the anchor &{getattr(event, 'anchor', '')} is not allowed; write the text where it is needed."
        )
    tag = getattr(event, "tag", None)
    if tag not in (None, "!"):
        raise reader.refuse(
            event, f"the tag {str(tag)[:60]} is not allowed; only plain texts, numbers and lists are read."
        )


def _explained(error: yaml.YAMLError, text: str, file: str) -> UnreadableError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        message = f"Line {line} holds a control character that YAML does not allow; delete it."
        return UnreadableError(message, Place(line, file))
    number = mark.line + 1
    line_text = [*text.split("\n"), ""][min(mark.line, text.count("\n") + 1)]
    problem = str(getattr(error, "problem", "") or "it cannot be read")
    return UnreadableError(
        f"Line {number} is not valid YAML: {problem}. {_advice(line_text, problem)}".strip(), Place(number, file)
    )


def _advice(line: str, problem: str) -> str:
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "The line is indented with a tab; YAML wants spaces."
    value = line.partition(":")[2].strip()
    if value.startswith("{"):
        return 'A value that starts with a {placeholder} must be in quotes: "{topic} expert".'
    if "mapping values" in problem or ": " in value:
        return "A value that holds a colon must be in quotes, or stand below its key after '>'."
    if value[:1] in ("@", "`", "%"):
        return f"A value that starts with {value[0]} must be in quotes."
    if "quoted scalar" in problem or "end of stream" in problem:
        return "A quote or a bracket is opened and never closed."
    return "Check the indentation: fields of one agent or task stand in one column."
