"""Takes off a pasted source what copying added: marks, fences, line numbers. The lines left keep their numbers.

Nothing within the source's texts is touched. The readers decide what it means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from agents_app.formats.report import Place, Report, UnreadableError

MAX_CHARS = 1_000_000

_FENCE = re.compile(r"^ {0,3}(```+|~~~+)[ \t]*([\w+.-]*)")
_NUMBER_LINE = re.compile(r"^\s*(\d{1,5})\s*$")
_NUMBERED_LINE = re.compile(r"^\s*(\d{1,5})(?:\s*[|:.)](?:[ \t]|$)|[ \t]|$)")
_PROMPT = re.compile(r"^(?:>>>|\.\.\.)(?: |$)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced listing of a pasted page; ``first`` is the number of lines before it."""

    language: str
    first: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def clean(source: str, report: Report, *, file: str = "") -> str:
    """The source with plain line ends, without what copying added. Raises ``UnreadableError``."""
    if len(source) > MAX_CHARS:
        raise UnreadableError(
            f"The text has {len(source):,} characters; at most {MAX_CHARS:,} are read.", Place(None, file)
        )
    text = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    _refuse_unstorable(text, file)
    if not text.strip():
        raise UnreadableError("There is nothing to read: the text is empty.", Place(None, file))
    return _without_prompts(_without_numbers(text, report, file), report, file)


def blocks(text: str) -> list[Block]:
    """The fenced listings of a Markdown page, in order. A fence that is not closed runs to the end."""
    lines = text.split("\n")
    listings: list[Block] = []
    opened: tuple[int, str, str] | None = None
    for number, line in enumerate([*lines, ""]):
        fence = _FENCE.match(line)
        ends = number == len(lines) or (fence is not None and opened is not None and fence[1].startswith(opened[1]))
        if opened and ends:
            first = opened[0] + 1
            listings.append(Block(opened[2], first, tuple(lines[first:number])))
            opened = None
        elif fence and not opened:
            opened = (number, fence[1], fence[2].lower())
    return listings


def starts_with_fence(text: str) -> bool:
    return any(_FENCE.match(line) for line in text.lstrip("\n").split("\n", 1)[:1])


def overlay(listings: list[Block]) -> str:
    """The listings as one text, each line with its number on the page."""
    merged: list[str] = []
    for block in listings:
        merged.extend("" for _ in range(block.first - len(merged)))
        merged.extend(block.lines)
    return "\n".join(merged)


def _refuse_unstorable(text: str, file: str) -> None:
    for number, line in enumerate(text.split("\n"), start=1):
        if "\0" in line:
            message = f"Line {number} holds a NUL character: this is not a text file, or it was saved as UTF-16. "
            raise UnreadableError(message + "Save it as UTF-8.", Place(number, file))
        if any("\ud800" <= char <= "\udfff" for char in line):
            message = f"Line {number} holds half of a character (a lone surrogate). Save the file as UTF-8."
            raise UnreadableError(message, Place(number, file))


def _without_numbers(text: str, report: Report, file: str) -> str:
    lines = text.split("\n")
    column = _number_column(lines)
    if column:
        report.info(Place(None, file), "The page's column of line numbers was taken off.")
        return "\n".join(["" if column[0] <= number < column[1] else line for number, line in enumerate(lines)])
    if _all_numbered(lines):
        report.info(Place(None, file), "The line numbers in front of the lines were taken off.")
        return "\n".join(_NUMBERED_LINE.sub("", line) for line in lines)
    return text


def _number_column(lines: list[str]) -> tuple[int, int] | None:
    """Start and end of the lines 1, 2, 3, ... at the top, which copying a page's column of line numbers leaves."""
    start = next((number for number, line in enumerate(lines) if line.strip()), 0)
    end = start
    while end < len(lines) and (match := _NUMBER_LINE.match(lines[end])) and int(match[1]) == end - start + 1:
        end += 1
    return (start, end) if end - start >= 2 else None


def _all_numbered(lines: list[str]) -> bool:
    numbers = list(_numbers(lines))
    return len(numbers) >= 3 and None not in numbers and all(b == (a or 0) + 1 for a, b in pairwise(numbers))


def _numbers(lines: list[str]) -> Iterator[int | None]:
    for line in lines:
        if line.strip():
            match = _NUMBERED_LINE.match(line)
            yield int(match[1]) if match else None


def _without_prompts(text: str, report: Report, file: str) -> str:
    lines = text.split("\n")
    if not next(line for line in [*lines, "-"] if line.strip()).startswith(">>> "):
        return text
    report.info(Place(None, file), "The prompts of an interactive session were taken off, and its output was left out.")
    return "\n".join(_PROMPT.sub("", line) if _PROMPT.match(line) else "" for line in lines)
