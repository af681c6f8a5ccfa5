"""Reads YAML as plain data with line numbers. What the data means is decided in ``reader``.

Of a key that is given twice the last one counts, as PyYAML has it, and that is said. Aliases share what they stand for,
and are counted as if they were written out. Tags of programs and deep nesting are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from agents_app.formats.report import Place, UnreadableError
from agents_app.formats.to_spec.fields import Reading
from agents_app.formats.to_spec.values import Constant, Field, Items, Mapping, Text, Value
from engine.text import storable

MAX_CHARS = 256 * 1024
MAX_DEPTH = 20
MAX_NODES = 20_000
STEPS_PER_NODE = 5
MERGE = "<<"

_CORE = "tag:yaml.org,2002:"
_CORE_TAGS = frozenset({"str", "int", "float", "bool", "null", "map", "seq"})

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NULLS = frozenset({"", "~", "null"})
_INT = re.compile(r"^[-+]?[0-9]{1,15}$")
_FLOAT = re.compile(r"^[-+]?(?:[0-9]{1,15}\.[0-9]{0,15}|\.[0-9]{1,15})(?:[eE][-+]?[0-9]{1,2})?$")


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One YAML document. A mapping at its top is kept as pairs, because its reader judges keys that are given twice.

    ``shared``: values that others take over by an alias, by ``id()``.
    """

    entries: tuple[tuple[str, Field], ...]
    other: Value | None
    place: Place
    shared: frozenset[int] = frozenset()


@dataclass(slots=True)
class _Reader:
    """``anchors``: what they stand for, and how many values that are; None while it is being read."""

    text: str
    file: str
    reading: Reading
    nodes: int = 0
    anchors: dict[str, tuple[Value, int] | None] = field(default_factory=dict)
    shared: set[int] = field(default_factory=set)
    events: Iterator[yaml.Event] = field(init=False)

    def __post_init__(self) -> None:
        self.events = yaml.parse(self.text, Loader=yaml.SafeLoader)

    def place(self, event: yaml.Event) -> Place:
        return Place(event.start_mark.line + 1 if event.start_mark else None, self.file)

    def refuse(self, event: yaml.Event, message: str) -> UnreadableError:
        place = self.place(event)
        return UnreadableError(f"Line {place.line}: {message}", place)


def documents(text: str, reading: Reading, *, file: str = "") -> list[YamlDocument]:
    """The documents of a text. Raises ``UnreadableError``, which says the line and what to do, or ``UsedUpError``."""
    if len(text) > MAX_CHARS:
        raise UnreadableError(
            f"The YAML has {len(text):,} characters; at most {MAX_CHARS:,} are read.", Place(None, file)
        )
    try:
        return list(_documents(_Reader(text, file, reading)))
    except yaml.YAMLError as error:
        raise _explained(error, text, file) from error


def _documents(reader: _Reader) -> Iterator[YamlDocument]:
    for event in reader.events:
        if isinstance(
            event, yaml.DocumentStartEvent | yaml.DocumentEndEvent | yaml.StreamStartEvent | yaml.StreamEndEvent
        ):
            continue
        if isinstance(event, yaml.MappingStartEvent):
            _refuse_tag(reader, event)
            pairs = tuple(_merged(list(_pairs(reader, depth=1)), reader))
            yield YamlDocument(pairs, None, reader.place(event), frozenset(reader.shared))
        else:
            yield YamlDocument((), _value(reader, event, depth=1), reader.place(event))


def _value(reader: _Reader, event: yaml.Event, *, depth: int) -> Value:
    if isinstance(event, yaml.AliasEvent):
        return _alias(reader, event)
    _refuse_tag(reader, event)
    _count(reader, event, 1)
    if depth > MAX_DEPTH:
        raise reader.refuse(event, f"nested more than {MAX_DEPTH} levels deep; a crew file has three or four.")
    anchor, before = getattr(event, "anchor", None), reader.nodes
    if anchor:
        reader.anchors[anchor] = None
    if isinstance(event, yaml.ScalarEvent):
        value = _scalar(event)
    elif isinstance(event, yaml.SequenceStartEvent):
        value = Items(list(_items(reader, depth=depth + 1)))
    else:
        value = _mapping(reader, event, depth=depth + 1)
    if anchor:
        reader.anchors[anchor] = (value, reader.nodes - before + 1)
    return value


def _count(reader: _Reader, event: yaml.Event, nodes: int) -> None:
    reader.nodes += nodes
    reader.reading.budget.at(reader.place(event))
    reader.reading.budget.pay_steps(STEPS_PER_NODE)
    if reader.nodes > MAX_NODES:
        raise reader.refuse(event, f"more than {MAX_NODES:,} values; a crew file has far fewer.")


def _alias(reader: _Reader, event: yaml.AliasEvent) -> Value:
    """What the anchor stands for, shared. It is counted as if it were written out."""
    name = event.anchor or ""
    if name not in reader.anchors:
        raise reader.refuse(event, f"the alias *{name} has no anchor before it.")
    known = reader.anchors[name]
    if known is None:
        raise reader.refuse(event, f"the alias *{event.anchor} stands within its own anchor.")
    value, nodes = known
    _count(reader, event, nodes)
    reader.shared.add(id(value))
    return value


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
        _refuse_tag(reader, event)
        yield event.value, Field(_value(reader, next(reader.events), depth=depth), reader.place(event))


def _mapping(reader: _Reader, start: yaml.Event, *, depth: int) -> Mapping:
    fields: dict[str, Field] = {}
    for key, entry in _merged(list(_pairs(reader, depth=depth)), reader):
        if key in fields:
            say_doubled(key, entry, fields[key], reader.reading)
        fields[key] = entry
    return Mapping(fields, reader.place(start))


def _merged(pairs: list[tuple[str, Field]], reader: _Reader) -> Iterator[tuple[str, Field]]:
    """The pairs; what ``<<`` names comes before them, unless they or an earlier one of those named have it too."""
    own = {key for key, _ in pairs}
    for key, entry in pairs:
        if key == MERGE:
            parts = entry.value.items if isinstance(entry.value, Items) else [entry.value]
            for part in parts:
                inner = part.fields if isinstance(part, Mapping) else {}
                reader.reading.budget.pay_elements(len(inner))
                reader.shared.add(id(part))
                yield from ((name, field) for name, field in inner.items() if name not in own)
                own |= inner.keys()
    yield from ((key, entry) for key, entry in pairs if key != MERGE)


def say_doubled(key: str, last: Field, first: Field, reading: Reading) -> None:
    """Of two entries with one key the last one counts."""
    message = f"`{key}` is given twice (first in line {first.place.line}); the last one counts, as it does for CrewAI."
    reading.report.warn(last.place, message)


def _scalar(event: yaml.ScalarEvent) -> Value:
    text = storable(event.value, nul="")
    if event.style in ("'", '"', "|", ">") or event.tag == _CORE + "str":
        return Text(text if event.style in ("'", '"') else text.strip("\n"))
    if text.lower() in _NULLS:
        return Constant(None, raw=text)
    if text.lower() in _WORDS:
        return Constant(_WORDS[text.lower()], raw=text)
    if _INT.match(text):
        return Constant(int(text), raw=text)
    return Constant(float(text), raw=text) if _FLOAT.match(text) else Text(text)


def _refuse_tag(reader: _Reader, event: yaml.Event) -> None:
    tag = getattr(event, "tag", None)
    if tag not in (None, "!") and str(tag).removeprefix(_CORE) not in _CORE_TAGS:
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
