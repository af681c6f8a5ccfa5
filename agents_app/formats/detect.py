"""Tells a source's format from its content; a file name only breaks ties. It does not read the source."""

from __future__ import annotations

import ast
import json
import re
from typing import Literal

from agents_app.formats.python_tree import looked_at

Format = Literal["python", "yaml", "json", "jsonc", "notebook", "unknown"]

_PYTHON = re.compile(
    r"^\s*(?:from\s+[\w.]+\s+import\b|import\s+\w|(?:async\s+)?def\s+\w+\s*\(|class\s+\w+\s*[(:]|@\w|print\s*[(\"' ]|"
    r"if\s+__name__\b|[\w.]+(?:\s*:[\w.\[\], ]+)?\s*=[^=])"
)
_YAML = re.compile(r"^(?:---|\s*(?:-\s+)?[\"']?\w[\w .{}-]*[\"']?\s*:(?:\s*$|\s*[|>][+-]?\d?\s*$|\s+[^\s=]))")
_CREW_YAML = re.compile(r"^\s+(?:role|goal|backstory|description|expected_output)\s*:")
_CALL = re.compile(r"\b(?:Agent|Task|Crew)\s?\(")
_LINES_LOOKED_AT = 5_000
_CHARS_LOOKED_AT = 200  # of each line: on a hostile one these expressions take quadratic time

_BY_LANGUAGE: dict[str, Format] = {
    "python": "python",
    "py": "python",
    "python3": "python",
    "ipython": "python",
    "yaml": "yaml",
    "yml": "yaml",
    "json": "json",
    "jsonc": "jsonc",
    "json5": "jsonc",
    "ipynb": "notebook",
}
_BARE: frozenset[str] = frozenset({"", "text", "txt", "plaintext"})


def format_of(text: str, *, filename: str = "") -> Format:
    """The format of a whole source."""
    start = text.lstrip()
    if start[:1] in ("{", "["):
        return _json_kind(text)
    if start[:2] in ("//", "/*"):
        return "jsonc"
    named = _BY_LANGUAGE.get(filename.rpartition(".")[2].lower(), "unknown")
    lines = [line[:_CHARS_LOOKED_AT] for line in text.split("\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT]]
    python = sum((_PYTHON.match(line) is not None) + 3 * (_CALL.search(line) is not None) for line in lines)
    yaml = sum((_YAML.match(line) is not None) + 3 * (_CREW_YAML.match(line) is not None) for line in lines)
    if python and is_python(text):
        return "python"
    if python == yaml:
        return named if python or named in ("python", "yaml") else "unknown"
    return "python" if python > yaml else "yaml"


def is_python(text: str) -> bool:
    """Whether a text parses as Python and is more than words or annotations, which some YAML is too."""
    try:
        tree = looked_at(text)
    except (SyntaxError, ValueError):
        return False
    return any(not isinstance(node, ast.Expr | ast.AnnAssign) or _is_call(node) for node in tree.body)


def _is_call(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def format_of_block(text: str, *, language: str) -> Format:
    """The format of a page's listing, by its label or else by its content. Shell commands and output are unknown."""
    if language in _BY_LANGUAGE:
        return _BY_LANGUAGE[language]
    return format_of(text) if language in _BARE else "unknown"


def _json_kind(text: str) -> Format:
    if '"nbformat"' in text and '"cells"' in text:
        return "notebook"
    try:
        json.loads(text)
    except ValueError:
        commented = re.search(r"^[ \t]*//|/\*|[\w\"}\]],[ \t]{0,40}\n?[ \t]{0,40}[}\]]", text, re.MULTILINE)
        return "jsonc" if commented else "json"
    except RecursionError:
        pass
    return "json"
