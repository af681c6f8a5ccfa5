"""Reads our own JSON (``CrewSpec.to_json()``) strictly, and reports each field that does not fit with its line."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agents_app.formats.json_values import plain_json
from agents_app.formats.report import MAX_REMARKS, Place, Report, UnreadableError
from engine import strict_json
from engine.spec.crew_spec import CrewSpec
from engine.strict_json import JsonFault, Path

_COMMENT = re.compile(r"^[ \t]*(?://|/\*)", re.MULTILINE)
FORMATS = "Python, agents.yaml with tasks.yaml, crew.jsonc with agents/*.jsonc, and the JSON of a crew from here"


def read_ours(text: str, report: Report, *, file: str = "") -> CrewSpec | None:
    """The spec; or None, once every field that does not fit is reported. Raises ``UnreadableError`` for other JSON."""
    text = plain_json(text) if _COMMENT.search(text) else text
    data, at = _unwrapped(_loaded(text, file), report, file)
    if not isinstance(data, dict) or not {"agents", "tasks"} & data.keys():
        message = f"This JSON is not a crew: an object with `agents` and `tasks` is needed. Read today are {FORMATS}."
        raise UnreadableError(message, Place(1, file))
    if "name" not in data:
        report.info(Place(None, file), "The crew has no name; it was called Imported crew.")
        data = {"name": "Imported crew", **data}
    try:
        return CrewSpec.from_json(data)
    except ValidationError as error:
        entries = error.errors(include_url=False, include_context=False, include_input=False)[:MAX_REMARKS]
        lines = {token.path: token.line for token in strict_json.tokens(text) if not token.is_key}
        for entry in entries:
            path = (*at, *entry["loc"])
            report.error(Place(_line(lines, path), file), f"{_shown(entry['loc'])}: {_reason(entry)}.")
        return None


def _loaded(text: str, file: str) -> Any:
    try:
        return strict_json.read(text)
    except JsonFault as fault:
        raise UnreadableError(f"The JSON cannot be read: {fault}.", Place(fault.line or None, file)) from fault


def _unwrapped(data: Any, report: Report, file: str) -> tuple[Any, Path]:
    """The spec inside an answer of the API, which can so be pasted as it is, and the path to it."""
    path: Path = ()
    for name in ("crew", "spec"):
        if isinstance(data, dict) and "tasks" not in data and isinstance(data.get(name), dict):
            data = data[name]
            path = (*path, name)
    if path:
        report.info(Place(None, file), f"The crew was taken from `{'.'.join(map(str, path))}`; the rest was left out.")
    return data, path


def is_ours(text: str) -> bool:
    """Whether a file of a project is one of our crews, whose agents and tasks all have keys."""
    if '"key"' not in text or '"tasks"' not in text:
        return False
    try:
        data, _ = _unwrapped(strict_json.read(text), Report(), "")
    except JsonFault:
        return False
    parts = [*data.get("agents", ()), *data.get("tasks", ())] if isinstance(data, dict) else []
    return bool(parts) and all(isinstance(part, dict) and "key" in part for part in parts)


def _line(lines: dict[Path, int], path: Path) -> int | None:
    """The line of the deepest part of a path that is in the text; names of pydantic's unions are not."""
    deepest: Path = ()
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
