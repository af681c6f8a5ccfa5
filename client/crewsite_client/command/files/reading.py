"""Reading files of the user's, no more of each than could be sent."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from crewsite_client.command.here import Stop

MOST_BYTES = 5_000_000
"""Of a file of inputs, or of a project: the server takes no more."""


def read(path: str | Path, most: int = MOST_BYTES) -> bytes:
    """``-`` is standard input. Raises ``Stop``, also for one that is larger, of which no more than that is read."""
    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(most + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(most + 1)
    except OSError as fault:
        raise Stop(f"{path} cannot be read: {fault.strerror}.") from fault
    if len(content) > most:
        raise Stop(f"{path} has more than {most / 1_000_000:,.0f} MB.")
    return content


def read_text(path: str | Path, most: int = MOST_BYTES) -> str:
    raw = read(path, most)
    try:
        return raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as fault:
        raise Stop(f"{path} is not UTF-8 (byte {fault.start + 1}).") from fault


def read_object(path: str | Path) -> dict[str, Any]:
    """A JSON object."""
    found = json_of(str(path), read_text(path))
    if not isinstance(found, dict):
        raise Stop(f"{path} holds no JSON object.")
    return found


def json_of(where: str, text: str) -> Any:
    """Raises ``Stop`` with the place of what is wrong. What JSON does not have, such as NaN, is wrong too."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as fault:
        reason = str(fault)
        if isinstance(fault, json.JSONDecodeError):
            line = f"line {fault.lineno}, " if fault.lineno > 1 else ""
            reason = f"{fault.msg} at {line}column {fault.colno}"
        raise Stop(f"{where}: no JSON: {reason}.") from fault


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")
