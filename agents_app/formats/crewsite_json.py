"""Reads our own JSON (``CrewSpec.to_json()``) strictly, and reports each field that does not fit with its line."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agents_app.formats.report import MAX_REMARKS, Place, Report, UnreadableError, shortened
from engine.spec.crew_spec import CrewSpec

MAX_DEPTH = 100
MAX_VALUES = 50_000
FORMATS = "Python, agents.yaml with tasks.yaml, and the JSON of a crew from here"

_TOO_DEEP = f"The JSON is nested more than {MAX_DEPTH} levels deep."
_TOKEN = re.compile(r'[{}\[\],:]|"(?:[^"\\]|\\.)*+"?|[^\s{}\[\],:"]+')
_Path = tuple[str | int, ...]


def read_ours(text: str, report: Report, *, file: str = "") -> CrewSpec | None:
    """The spec; or None, once every field that does not fit is reported. Raises ``UnreadableError`` for other JSON."""
    data, at = _unwrapped(_loaded(text, file), report, file)
    if not isinstance(data, dict) or not {"agents", "tasks"} & data.keys():
        message = f"This JSON is not a crew: an object with `agents` and `tasks` is needed. Read today are {FORMATS}."
        raise UnreadableError(message, Place(1, file))
    if _is_crewai(data):
        raise UnreadableError(
            f"CrewAI's crew.json and crew.jsonc are not read yet. Read today are {FORMATS}.", Place(1, file)
        )
    if "name" not in data:
        report.info(Place(None, file), "The crew has no name; it was called Imported crew.")
        data = {"name": "Imported crew", **data}
    try:
        return CrewSpec.from_json(data)
    except ValidationError as error:
        entries = error.errors(include_url=False, include_context=False, include_input=False)[:MAX_REMARKS]
        lines = dict(_lines(text))
        for entry in entries:
            path = (*at, *entry["loc"])
            report.error(Place(_line(lines, path), file), f"{_shown(entry['loc'])}: {_reason(entry)}.")
        return None


def _loaded(text: str, file: str) -> Any:
    try:
        data = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        message = f"Line {error.lineno} is not valid JSON: {reason} (column {error.colno})."
        raise UnreadableError(message, Place(error.lineno, file)) from error
    except ValueError as error:
        raise UnreadableError(f"The JSON cannot be read: {str(error)[:200]}.", Place(None, file)) from error
    except RecursionError as error:
        raise UnreadableError(_TOO_DEEP, Place(None, file)) from error
    _refuse_unstorable(data, file)
    return data


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        (duplicate, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the field {shortened(duplicate, 80)!r} is given twice in one object")
    return data


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is too large")
    return value


def _refuse_unstorable(data: Any, file: str) -> None:
    """Refuses JSON that nests too deep, and texts that no database can store, which JSON's escapes can write."""
    seen, waiting = 0, [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if seen > MAX_VALUES:
            raise UnreadableError(f"The JSON has more than {MAX_VALUES:,} names and values.", Place(None, file))
        if depth > MAX_DEPTH:
            raise UnreadableError(_TOO_DEEP, Place(None, file))
        if isinstance(value, dict):
            waiting.extend((part, depth + 1) for part in (*value.keys(), *value.values()))
        elif isinstance(value, list):
            waiting.extend((part, depth + 1) for part in value)
        elif isinstance(value, str) and ("\0" in value or any("\ud800" <= char <= "\udfff" for char in value)):
            raise UnreadableError("A text in the JSON holds a NUL character or half of a character.", Place(None, file))


def _unwrapped(data: Any, report: Report, file: str) -> tuple[Any, _Path]:
    """The spec inside an answer of the API, which can so be pasted as it is, and the path to it."""
    path: _Path = ()
    for name in ("crew", "spec"):
        if isinstance(data, dict) and "tasks" not in data and isinstance(data.get(name), dict):
            data = data[name]
            path = (*path, name)
    if path:
        report.info(Place(None, file), f"The crew was taken from `{'.'.join(map(str, path))}`; the rest was left out.")
    return data, path


def _is_crewai(data: dict[str, Any]) -> bool:
    """Whether it is CrewAI's own JSON, which lists agents by the names of their files, or agents or tasks by name."""
    agents, tasks = data.get("agents"), data.get("tasks")
    names = isinstance(agents, list) and bool(agents) and all(isinstance(agent, str) for agent in agents)
    by_name = isinstance(tasks, dict) or isinstance(agents, dict)
    return names or by_name


def _lines(text: str) -> Iterator[tuple[_Path, int]]:
    """The line of each value of a valid JSON text, by its path."""
    path: list[str | int] = []
    kinds: list[str] = []
    line, last, expects_key = 1, 0, False
    for match in _TOKEN.finditer(text):
        line += text.count("\n", last, match.start())
        last = match.start()
        mark = match[0]
        if mark in "}]":
            path.pop()
            kinds.pop()
        elif mark == ",":
            if kinds[-1] == "[":
                path[-1] = int(path[-1]) + 1
            expects_key = kinds[-1] == "{"
        elif expects_key and mark[0] == '"':
            path[-1] = json.loads(mark)
            expects_key = False
        elif mark != ":":
            yield tuple(path), line
            if mark in "{[":
                kinds.append(mark)
                path.append(0)
                expects_key = mark == "{"


def _line(lines: dict[_Path, int], path: _Path) -> int | None:
    """The line of the deepest part of a path that is in the text; names of pydantic's unions are not."""
    deepest: _Path = ()
    for part in path:
        deepest = (*deepest, part) if (*deepest, part) in lines else deepest
    return lines.get(deepest)


def _shown(loc: tuple[str | int, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "The crew"


def _reason(entry: ErrorDetails) -> str:
    if entry["type"] == "extra_forbidden":
        return "there is no such field"
    if entry["type"] == "missing":
        return "this field is missing"
    if entry["type"] == "string_pattern_mismatch" and entry["loc"][-1] in ("key", "agent", "context"):
        return "a key has lower-case letters, digits and underscores only, at most 64"
    return entry["msg"][:1].lower() + entry["msg"][1:]
