"""Where a long text is cut into passages that fit a search result. Nothing of it is lost: the spans cover it without a
gap.
"""

from __future__ import annotations

from collections.abc import Iterator

MAX_CHARS = 1200
OVERLAP_CHARS = 150
"""What stands at a cut is in both passages, so that a sentence is found whole in one of them."""
BORDERS = ("\n\n", "\n", ". ", " ")
"""Where to cut, the best place first: after a paragraph, a line, a sentence, a word."""


def passages_of(text: str) -> list[str]:
    """The passages in order, without those that hold white space alone."""
    return [passage for start, end in spans(text) if (passage := text[start:end].strip())]


def spans(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each passage; each starts at or before the end of the one before it."""
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
        at = text.rfind(border, start + MAX_CHARS // 2, limit)
        if at >= 0:
            return at + len(border)
    return limit


def _next_start(text: str, end: int) -> int:
    """The first line, sentence or word that begins within the overlap."""
    for border in BORDERS[1:]:
        at = text.find(border, end - OVERLAP_CHARS, end - len(border))
        if at >= 0:
            return at + len(border)
    return end - OVERLAP_CHARS
