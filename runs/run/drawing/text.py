"""How parts of drawings are written: texts cut, and places in a picture."""

from __future__ import annotations

import re

from django.template.defaultfilters import truncatechars


def truncated(text: str, most: int) -> str:
    """As ``truncatechars``, whose search for accents a text in ASCII does not need."""
    if not text.isascii():
        return truncatechars(text, most)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def tenths(place: float) -> str:
    """A place or a width, none below 0, with one decimal."""
    return f"{int(place * 10 + 0.5) / 10}"


_MARKS = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+)|\*\*+|`+", re.MULTILINE)


def words_of(text: str) -> str:
    """Markdown's words on one line, without the marks of headings, quotes, lists, emphasis and code."""
    return " ".join(_MARKS.sub("", text).split())
