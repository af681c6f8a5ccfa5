"""Texts as Python's literals and as comments: whatever stands in them, nothing of it becomes code, and nothing is lost.

Characters that do not show, or that turn the direction of writing, are written as escapes. A long text, or one with
several lines, is written in pieces below one another, which Python joins.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

WIDTH = 88
MIN_PIECE = 30
MAX_COMMENT_LINES = 2_000

_WORDS = re.compile(r"\S+\s*|\s+")
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def literal(text: str) -> str:
    """The text as one literal on one line."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return f"{quote}{''.join(_escaped(char, quote) for char in text)}{quote}"


def pieces(text: str, width: int) -> Iterator[str]:
    """The text as literals of about ``width`` characters: line by line, long lines cut between words."""
    width = max(width, MIN_PIECE)
    gathered = ""
    *ended, last = text.split("\n")
    for line in (*(f"{line}\n" for line in ended), last):
        if line != "\n" or 2 * len(gathered) >= width:
            if gathered:
                yield literal(gathered)
            gathered = ""
        *full, rest = _cut(line, width)
        yield from map(literal, full)
        gathered += rest
    if gathered or not text:
        yield literal(gathered)


def _cut(line: str, width: int) -> list[str]:
    parts: list[str] = []
    part: list[str] = []
    length = 0
    for word in _WORDS.findall(line):
        chars = sum(len(_escaped(char, '"')) for char in word)
        if part and length + chars > width - 2:
            parts.append("".join(part))
            part, length = [], 0
        part.append(word)
        length += chars
    return [*parts, "".join(part)]


def _escaped(char: str, quote: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char == quote:
        return f"\\{char}"
    return char if char.isprintable() else unprintable(char)


def unprintable(char: str) -> str:
    """The character's number, as an escape that Python and readers know."""
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def comment(text: str, *, indent: int = 0, mark: str = "#", hang: str = "") -> list[str]:
    """The text as lines of a comment, of at most so many lines. ``hang`` stands before all lines but the first.

    Only our own line breaks end a line: all other characters that some program takes for one are escapes.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        shown = "".join(char if char.isprintable() else unprintable(char) for char in paragraph)
        wrapped = textwrap.wrap(
            shown, max(WIDTH - indent - len(mark) - 1, MIN_PIECE), break_long_words=False, break_on_hyphens=False
        )
        lines.extend(wrapped or [""])
    if len(lines) > MAX_COMMENT_LINES:
        lines = [*lines[:MAX_COMMENT_LINES], "..."]
    return [f"{' ' * indent}{mark} {hang if number else ''}{line}".rstrip() for number, line in enumerate(lines)]
