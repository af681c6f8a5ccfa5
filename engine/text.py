"""Text and JSON from outside, made fit to be stored and sent again; and numbers of things in words.

Neither PostgreSQL nor providers take NUL characters or lone surrogates (halves of characters). Nothing is cut here.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

REPLACEMENT = "\ufffd"


def counted(number: int, noun: str) -> str:
    """How many of something, in words: "1 word", "1,234 words"."""
    return f"{number:,} {noun if number == 1 else f'{noun}s'}"


_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_JOINED = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FIRST_WITHOUT_BLANKS = "\u2e80"
"""Chinese, Japanese and Korean begin here: each of their words is written out as several syllables."""


FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet may take for a formula."""


def spreadsheet_safe(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def latin(name: str) -> str:
    """The name in Latin letters, for addresses and keys: ``客户支持`` is "Ke Hu Zhi Chi", ``Ärzte`` "Arzte"."""
    if name.isascii():
        return name
    from anyascii import anyascii  # late: its tables are for few

    def written(match: re.Match[str]) -> str:
        text = anyascii(match[0])
        return f" {_JOINED.sub(' ', text)} " if max(match[0]) >= _FIRST_WITHOUT_BLANKS else text

    return " ".join(_FOREIGN.sub(written, name).split())


def storable(text: str, *, nul: str = REPLACEMENT) -> str:
    """The text with every lone surrogate replaced by U+FFFD and every NUL by ``nul``."""
    text = text.replace("\x00", nul)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def is_storable(text: str) -> bool:
    """Whether the text holds neither a NUL nor a surrogate."""
    return storable(text) == text


def storable_json(value: Any) -> Any:
    """JSON-like data with every text in it, keys included, made storable. Tuples become lists."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(key)): storable_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable_json(item) for item in value]
    return value


def json_text(value: Any) -> str:
    """The value as storable JSON. Most values are storable already, so only the others are walked through."""
    text = json.dumps(value, ensure_ascii=False)
    if "\\u0000" not in text:
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    return json.dumps(storable_json(value), ensure_ascii=False)


def read_json(text: str) -> Any:
    """The JSON value, its texts made storable.

    Raises ``ValueError`` for what is not JSON, also for NaN and infinities (Python reads them, but what it then writes
    is not JSON), and for what is nested too deeply.
    """
    try:
        return storable_json(json.loads(text, parse_constant=_refuse_constant, parse_float=_finite))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse_constant(digits[:20])
