"""Values that do not fit a schema and can only be meant as ones that do: for the child process alone.

``"9.5"`` is taken for the number 9.5, ``"yes"`` for true, and ``"High"`` for ``high`` where an enum has that. Nothing
is invented, left out or added, and a text that fits stays a text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from jsonschema.exceptions import ValidationError

from engine.spec.json_schema_checker import UNCHECKABLE, JsonSchema, errors_in
from engine.text import read_json

MAX_ROUNDS = 20
MAX_MENDED = 200
"""Values of one answer."""
MAX_SHOWN_CHARS = 60
FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

Path = tuple[str | int, ...]


def mended(data: Any, schema: JsonSchema) -> tuple[Any, list[str]] | None:
    """A copy that fits, and what was taken for what; None if no such changes make it fit."""
    data = json.loads(json.dumps(data))
    notes: list[str] = []
    for _ in range(MAX_ROUNDS):
        try:
            errors = list(islice(errors_in(data, schema), MAX_MENDED))
        except UNCHECKABLE:
            return None
        if not errors:
            return data, notes
        changes = {path: value for error in errors for path, value in _changes(error)}
        if not changes or len(notes) + len(changes) > MAX_MENDED:
            return None
        for path, value in changes.items():
            data, note = _changed(data, path, value)
            notes.append(note)
    return None


def _changes(error: ValidationError, before: Path = ()) -> Iterator[tuple[Path, Any]]:
    """What to put where, so that this error goes; none if nothing can."""
    path = (*before, *error.relative_path)
    if error.validator in ("anyOf", "oneOf"):
        yield from _changes_of_one(error, path)
    for value in _meant(error):
        yield path, value
        return


def _changes_of_one(error: ValidationError, path: Path) -> Iterator[tuple[Path, Any]]:
    """Those of the first alternative all of whose errors can be mended."""
    alternatives: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        alternatives.setdefault(inner.schema_path[0], []).append(inner)
    for errors in alternatives.values():
        changes = [list(_changes(inner, path)) for inner in errors]
        if all(changes):
            yield from (change for of_one in changes for change in of_one)
            return


def _meant(error: ValidationError) -> Iterator[Any]:
    """What the value can be meant as, to satisfy the keyword that it fails."""
    value = error.instance
    if error.validator in ("enum", "const"):
        allowed = error.validator_value if error.validator == "enum" else [error.validator_value]
        yield from _same_but_for_case(value, allowed)
    elif error.validator == "type":
        wanted: Any = error.validator_value
        for kind in wanted if isinstance(wanted, list) else [wanted]:
            yield from _as_kind(value, kind)


def _same_but_for_case(value: Any, allowed: Any) -> Iterator[Any]:
    """The one value of those allowed that reads the same."""
    if not isinstance(value, str) or not isinstance(allowed, list):
        return
    said = value.strip().casefold()
    found: list[Any] = [each for each in allowed if isinstance(each, str) and each.strip().casefold() == said]
    found = found or [each for each in allowed if isinstance(each, int | float) and json.dumps(each) == said]
    if len(found) == 1:
        yield found[0]


def _as_kind(value: Any, kind: str) -> Iterator[Any]:
    if kind in ("number", "integer") and isinstance(value, str):
        number = _number(value)
        if kind == "integer" and isinstance(number, float):
            number = int(number) if number.is_integer() else None
        if number is not None:
            yield number
    elif kind == "boolean" and (isinstance(value, str) or value in (0, 1)):
        flag = FLAGS.get(str(value).strip().lower())
        if flag is not None:
            yield flag


def _number(text: str) -> int | float | None:
    """The number that the text is, as JSON writes it."""
    try:
        value = read_json(text.strip())
    except ValueError:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _changed(data: Any, path: Path, value: Any) -> tuple[Any, str]:
    """The data with the value at the path, and what that changed, in words."""
    if not path:
        return value, _note(path, data, value)
    holder = data
    for step in path[:-1]:
        holder = holder[step]
    note = _note(path, holder[path[-1]], value)
    holder[path[-1]] = value
    return data, note


def _note(path: Path, old: Any, new: Any) -> str:
    place = "/".join(map(str, path))[:MAX_SHOWN_CHARS]
    return f"/{place}: {_short(old)} was taken for {_short(new)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"
