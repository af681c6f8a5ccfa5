"""What is printed, and where: answers to standard output, progress and remarks to standard error.

Texts that come from the server may be a model's, so nothing of them but letters reaches the terminal: no control
sequences, no signs that reorder what is read, and no markup.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

KEPT = "\n\t\u200c\u200d"
"""Line ends, tabulators, and what joins letters in Persian, Indic scripts and emoji."""
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
WIDE = 160
"""Columns where nobody looks: in a file or a pipe."""
STYLES = {
    "succeeded": "green",
    "done": "green",
    "failed": "red",
    "cancelled": "yellow",
    "waiting": "yellow",
    "paused": "yellow",
    "running": "cyan",
}


def clean(text: object) -> str:
    """The text without what a terminal would obey; each such sign becomes �."""
    lines = str(text).replace("\r\n", "\n")
    if lines.isascii() and lines.replace("\n", "").isprintable():
        return lines
    return "".join("�" if sign not in KEPT and unicodedata.category(sign) in HIDDEN else sign for sign in lines)


def one_line(text: object, most: int = 200) -> str:
    """The text, clean and on one line."""
    words = " ".join(clean(text).split())
    return words if len(words) <= most else words[: most - 1] + "…"


def styled(status: str) -> Text:
    return Text(one_line(status), style=STYLES.get(status, ""))


class Screen:
    """``as_json``: one JSON document on standard output, and nothing else there."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.out = _console(sys.stdout)
        self.err = _console(sys.stderr)

    @property
    def is_watched(self) -> bool:
        """Whether somebody sees progress move, rather than a file or a pipe getting lines."""
        return self.err.is_terminal and not self.err.is_dumb_terminal

    def document(self, answer: Any) -> None:
        """For programs. Everything beyond ASCII is escaped: a terminal obeys none of it either."""
        text = json.dumps(answer, indent=2, ensure_ascii=True).replace("\x7f", "\\u007f")
        self.out.file.write(text + "\n")

    def text(self, text: object) -> None:
        """A text of several lines, as an answer."""
        self.out.print(Text(clean(text)), soft_wrap=True)

    def say(self, *texts: object, style: str = "") -> None:
        """A remark beside the answer."""
        self.err.print(Text(" ".join(clean(text) for text in texts), style=style), soft_wrap=True)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[int] = ()) -> None:
        """``right``: the columns of figures."""
        self.out.print(table(heads, rows, right=right))

    def pairs(self, rows: Iterable[tuple[str, object]]) -> None:
        """A thing and what it is, line by line."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim")
        grid.add_column()
        for name, value in rows:
            grid.add_row(one_line(name), value if isinstance(value, Text) else Text(clean(value)))
        self.out.print(grid)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[int] = ()) -> Table:
    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    figures = set(right)
    for place, head in enumerate(heads):
        made.add_column(
            Text(one_line(head)), justify="right" if place in figures else "left", no_wrap=not place or place in figures
        )
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(one_line(cell)) for cell in row))
    return made


def _console(stream: Any) -> Console:
    seen = stream.isatty()
    width = None if seen or os.environ.get("COLUMNS") else WIDE
    return Console(file=stream, markup=False, highlight=False, emoji=False, width=width)
