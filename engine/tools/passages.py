"""Where a long text is cut into passages of the size of a search result. They cover the text without a gap."""

from __future__ import annotations

from collections.abc import Iterator

MAX_CHARS = 1200
OVERLAP_CHARS = 150
"""So much text around a cut is in both passages, so that a sentence is whole in one of them."""
BORDERS = ("\n\n", "\n", ". ", " ")
"""Where to cut, the best place first: after a paragraph, a line, a sentence, a word."""


def passages_of(text: str) -> list[str]:
    """The passages in order, without those of white space alone."""
    return [passage for start, end in spans(text) if (passage := text[start:end].strip())]


def spans(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each passage. Each starts at or before the end of the one before it."""
    start = 0
    while start < len(text):
        end = _end(text, start)
        yield start, end
        start = len(text) if end == len(text) else _next_start(text, end)


def _end(text: str, start: int) -> int:
    limit = start + MAX_CHARS
    if limit >= len(text):
        return len(text)
    for border in BORDERS:
        found_at = text.rfind(border, start + MAX_CHARS // 2, limit)
        if found_at >= 0:
            return found_at + len(border)
    return limit


def _next_start(text: str, end: int) -> int:
    """Where the first line, sentence or word within the overlap begins."""
    for border in BORDERS[1:]:
        found_at = text.find(border, end - OVERLAP_CHARS, end - len(border))
        if found_at >= 0:
            return found_at + len(border)
    return end - OVERLAP_CHARS
