"""JSON that people and programs send, read so that it can mean one thing only, and be kept as it is.

Refused, with line and column: what is not JSON, a field given twice in one object, NaN and infinities, numbers that no
float holds, texts with NULs or halves of characters, deep nesting, and more than a crew could need. What models answer
is not read here but by ``text.read_json``, which mends what it can.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.text import is_storable, storable

MAX_CHARS = 4_000_000
MAX_DEPTH = 100
MAX_VALUES = 200_000
MAX_DIGITS = 300
"""Of a whole number: with more no float could hold it, and reading it takes quadratic time."""
SHOWN_CHARS = 80
MAX_PATH_CHARS = 200

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""Also one that is never closed: it takes the rest of the text, else each quote in it would be tried as a beginning."""
_TOKEN = re.compile(rf'[{{}}\[\],:]|{_STRING.pattern}|[^\s{{}}\[\],:"]+', re.DOTALL)

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A value of a JSON text or the beginning of one, or the key of one, which has the same path. From 1 on."""

    path: Path
    line: int
    column: int
    text: str
    is_key: bool


class JsonFault(ValueError):
    """Why a text is not read. ``line`` and ``column`` count from 1; 0 if it is about the whole text."""

    def __init__(self, reason: str, line: int = 0, column: int = 0, path: str = "") -> None:
        super().__init__(f"{reason} (line {line}, column {column})" if line else reason)
        self.reason = reason
        self.line = line
        self.column = column
        self.path = path
        """The field, such as ``tasks.0.name``; "" if it is about the whole text, or is not known."""


def read(source: str | bytes, *, max_chars: int = MAX_CHARS) -> Any:
    """The value of a JSON text of at most ``max_chars``; bytes are UTF-8. Raises ``JsonFault``."""
    text = source if isinstance(source, str) else _decoded(source)
    if len(text) > max_chars:
        raise JsonFault(f"it has {len(text):,} characters; at most {max_chars:,} are read")
    if _separators(text) > MAX_VALUES and _separators(_STRING.sub("", text)) > MAX_VALUES:
        raise JsonFault(f"it has more than {MAX_VALUES:,} values")
    try:
        data = json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole
        )
        _check(data)
    except json.JSONDecodeError as error:
        raise JsonFault(f"{error.msg[:1].lower()}{error.msg[1:]}", error.lineno, error.colno) from error
    except (_Refused, RecursionError) as error:
        raise _located(text, str(error) if isinstance(error, _Refused) else _TOO_DEEP) from error
    return data


def tokens(text: str) -> Iterator[Token]:
    """Keys and values of a text that is valid JSON, at least up to where the caller stops, in their order."""
    path: list[str | int] = []
    kinds: list[str] = []
    line, begins, last, expects_key = 1, 0, 0, False
    for match in _TOKEN.finditer(text):
        start, mark = match.start(), match[0]
        if breaks := text.count("\n", last, start):
            line, begins = line + breaks, text.rindex("\n", last, start) + 1
        last = start
        if mark in "}]":
            path.pop()
            kinds.pop()
            expects_key = False
        elif mark == ",":
            if kinds[-1] == "[":
                path[-1] = int(path[-1]) + 1
            expects_key = kinds[-1] == "{"
        elif mark != ":":
            if expects_key:
                path[-1] = json.loads(mark)
            yield Token(tuple(path), line, start - begins + 1, mark, expects_key)
            if not expects_key and mark in "{[":
                kinds.append(mark)
                path.append(0)
            expects_key = not expects_key and mark == "{"


class _Refused(Exception):
    pass


_TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep"
_UNSTORABLE = "a text holds a NUL character or half of a character"


def _decoded(source: bytes) -> str:
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JsonFault(f"it is not UTF-8 (byte {error.start + 1})") from error


def _separators(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        seen: Counter[str] = Counter(name for name, _ in pairs)
        raise _Refused(_twice(seen.most_common(1)[0][0]))
    return data


def _no_constant(name: str) -> float:
    raise _Refused(f"{name} is not a JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _Refused(f"the number {digits[:20]} is too large")
    return number


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _Refused(f"the number {digits[:20]}… is too large")
    return int(digits)


def _check(data: Any) -> None:
    waiting: list[tuple[Any, int]] = [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise _Refused(_TOO_DEEP)
        if isinstance(value, dict):
            waiting.extend((part, depth + 1) for pair in value.items() for part in pair)
        elif isinstance(value, list):
            waiting.extend((part, depth + 1) for part in value)
        elif isinstance(value, str) and not is_storable(value):
            raise _Refused(_UNSTORABLE)


def _located(text: str, reason: str) -> JsonFault:
    """The first fault of a text that has one, with its place. Only what is refused is gone through in this slow way."""
    keys: set[Path] = set()
    for token in tokens(text):
        if fault := _fault_of(token, keys):
            path = "" if fault == _TOO_DEEP else storable(".".join(map(str, token.path)))
            return JsonFault(fault, token.line, token.column, path[:MAX_PATH_CHARS])
    return JsonFault(reason)


def _fault_of(token: Token, keys: set[Path]) -> str:
    """What is wrong with the token, or "". ``keys`` are the paths of those before it, and gets its own."""
    if len(token.path) > MAX_DEPTH:
        return _TOO_DEEP
    try:
        if not is_storable(value := _scalar(token.text)):
            return _UNSTORABLE
    except _Refused as refused:
        return str(refused)
    if token.is_key and token.path in keys:
        return _twice(value)
    if token.is_key:
        keys.add(token.path)
    return ""


def _scalar(text: str) -> str:
    """The token's text, "" for anything else. Raises ``_Refused`` for a number that cannot be read."""
    if text in "{[":
        return ""
    value = json.loads(text, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole)
    return value if isinstance(value, str) else ""


def _twice(name: str) -> str:
    return f"the field {storable(name)[:SHOWN_CHARS]!r} is given twice in one object"
