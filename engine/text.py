"""Text and JSON that nobody here wrote, as text and JSON that can be stored and sent again."""

from __future__ import annotations

import json
import math
from typing import Any

REPLACEMENT = "\ufffd"


def clean(text: str) -> str:
    """The text without NULs and halves of characters, which neither databases nor providers take."""
    text = text.replace("\x00", REPLACEMENT)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def read_json(text: str) -> Any:
    """The JSON value, its texts cleaned. Raises ``ValueError``, also for NaN, infinities and what is nested too deep:
    Python reads them, and nobody reads what it then writes.
    """
    try:
        return _cleaned(json.loads(text, parse_constant=_refused, parse_float=_finite))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(name): _cleaned(part) for name, part in value.items()}
    return [_cleaned(part) for part in value] if isinstance(value, list) else value


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refused(digits[:20])
