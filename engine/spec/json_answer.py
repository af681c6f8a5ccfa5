"""Parses an answer and holds it against a schema: for the child process alone, since neither is quick for certain."""

from __future__ import annotations

import json
import re
from typing import Any

from engine.spec.json_schema_checker import misfit
from engine.spec.near_misses import mended
from engine.text import read_json

MAX_NOTES = 10
FENCED = re.compile(r"```(?:json|JSON)?[^\S\n]*\n(.*?)```", re.DOTALL)


def read(text: str, schema: dict[str, Any], takes_near_misses: bool = False) -> dict[str, str]:
    """``raw``: the answer's JSON value, as text; or ``mistake``: why it has none, or what in it does not fit.

    ``note``: which values were taken for others that fit, where ``takes_near_misses``; else "".
    """
    try:
        data = parse_json(text)
    except ValueError as error:
        return {"mistake": str(error)}
    note = ""
    if fault := misfit(data, schema):
        near = mended(data, schema) if takes_near_misses else None
        if near is None:
            return {"mistake": f"The answer does not fit the schema: {fault}."}
        data, note = near[0], f"{'; '.join(near[1][:MAX_NOTES])}."
    return {"raw": json.dumps(data, ensure_ascii=False, separators=(",", ":")), "note": note}


def parse_json(text: str) -> Any:
    """The JSON value in an answer, also inside a code fence or between words. Raises ``ValueError`` without one."""
    candidates = [text.strip(), *(match.strip() for match in FENCED.findall(text)), _widest_braces(text)]
    for candidate in candidates:
        if candidate:
            try:
                return read_json(candidate)
            except ValueError:
                continue
    raise ValueError("The answer is not JSON.")


def _widest_braces(text: str) -> str:
    """From the first opening bracket or brace to the last closing one; "" without any."""
    starts = [index for index in (text.find("{"), text.find("[")) if index >= 0]
    if not starts:
        return ""
    end = max(text.rfind("}"), text.rfind("]"))
    return text[min(starts) : end + 1]
