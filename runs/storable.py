"""Makes hostile text fit for PostgreSQL: NULs and lone surrogates, which it refuses, become U+FFFD. Nothing is cut."""

from __future__ import annotations

import json
from typing import Any

REPLACEMENT = "\ufffd"


def storable_text(text: str) -> str:
    """The text with every NUL and lone surrogate replaced."""
    if "\x00" in text:
        text = text.replace("\x00", REPLACEMENT)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def storable_json(value: Any) -> Any:
    """JSON-like data with every text in it, keys included, made storable."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable_text(str(key)): storable_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable_json(item) for item in value]
    return value


def json_text(value: Any) -> str:
    """JSON as PostgreSQL takes it. Most of it is sound: only what is not is walked through to be mended."""
    text = json.dumps(value, ensure_ascii=False)
    if "\\u0000" not in text:
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    return json.dumps(storable_json(value), ensure_ascii=False)
