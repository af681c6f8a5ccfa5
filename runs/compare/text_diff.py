"""How two texts or two JSON values differ. For texts of models, so it runs in a child process; see ``engine.bounded``.

Arguments and results are JSON values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

MAX_CHARS = 20_000
"""Of a text that is compared; longer ones are cut, and it is said."""
MAX_CHANGES = 300
MAX_VALUE_CHARS = 400
MAX_DEPTH = 50
WORD = re.compile(r"\s+|\w+|[^\w\s]")


def text_changes(old: str, new: str) -> dict[str, Any]:
    """``{"parts": [[kind, text], ...], "is_cut": bool}``; ``kind``: "same", "added" or "removed", by word."""
    before, after = WORD.findall(old[:MAX_CHARS]), WORD.findall(new[:MAX_CHARS])
    parts: list[list[str]] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=len(before) > 2_000).get_opcodes():
        if tag == "equal":
            parts.append(["same", "".join(before[a:b])])
            continue
        parts += [
            [kind, text] for kind, text in (("removed", "".join(before[a:b])), ("added", "".join(after[c:d]))) if text
        ]
    return {"parts": parts, "is_cut": max(len(old), len(new)) > MAX_CHARS}


def json_changes(old: Any, new: Any) -> dict[str, Any]:
    """``{"changes": [[path, old, new], ...], "same": int, "is_cut": bool}``: values as JSON text, None where a side
    lacks the path."""
    before, after = dict(_leaves(old, "$")), dict(_leaves(new, "$"))
    paths = dict.fromkeys([*before, *after])
    changed = [path for path in paths if before.get(path) != after.get(path)]
    shown = [[path, _cut(before.get(path)), _cut(after.get(path))] for path in changed[:MAX_CHANGES]]
    return {"changes": shown, "same": len(paths) - len(changed), "is_cut": len(changed) > MAX_CHANGES}


def _leaves(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """What is nested more than ``MAX_DEPTH`` deep is one leaf."""
    if isinstance(value, (dict, list)) and value and depth < MAX_DEPTH:
        named = value.items() if isinstance(value, dict) else enumerate(value)
        for name, part in named:
            yield from _leaves(part, f"{path}[{name}]" if isinstance(value, list) else f"{path}.{name}", depth + 1)
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= MAX_VALUE_CHARS else f"{text[:MAX_VALUE_CHARS]}…"
