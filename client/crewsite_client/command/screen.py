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
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
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


class OutputGone(Exception):
    """Nothing can be printed any more. No ``OSError``, which click and rich make an exit code of theirs of."""

    def __init__(self, fault: OSError) -> None:
        super().__init__(fault.strerror)
        self.is_closed_pipe = isinstance(fault, BrokenPipeError)

    def end(self) -> None:
        """What is still in buffers goes nowhere, rather than into a fault at the program's end."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            if self.is_closed_pipe:
                os.dup2(nowhere, sys.stderr.fileno())


class _Stream:
    """A stream whose faults are ``OutputGone``."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except OSError as fault:
            raise OutputGone(fault) from fault

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as fault:
            raise OutputGone(fault) from fault


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

    def file(self, target: Path) -> None:
        """Which file was written, unless that is what stands here: /dev/stdout is none."""
        if target.is_file():
            self.text(target)

    def raw(self, content: bytes) -> None:
        """A file as it is, where no terminal would obey it."""
        self.flush()
        try:
            sys.stdout.buffer.write(content)
        except OSError as fault:
            raise OutputGone(fault) from fault

    def flush(self) -> None:
        """Raises ``OutputGone`` now, rather than at the program's end."""
        self.out.file.flush()
        self.err.file.flush()

    def text(self, text: object, *, prose: bool = False) -> None:
        """A text of several lines, as an answer. ``prose`` is broken between words where somebody reads it."""
        self.out.print(Text(clean(text)), soft_wrap=not (prose and self.out.is_terminal))

    def say(self, *texts: object, style: str = "") -> None:
        """A remark beside the answer."""
        self.err.print(Text(" ".join(clean(text) for text in texts), style=style), soft_wrap=True)

    def table(
        self,
        heads: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        right: Iterable[int] = (),
        spare: Sequence[int] = (),
    ) -> None:
        """``right``: the columns of figures. ``spare``: those that are left out, one after the other, where all do not
        stand beside each other."""
        found, figures = list(rows), set(right)
        left_out = _left_out(heads, found, spare, self.out.width)
        kept = [place for place in range(len(heads)) if place not in left_out]
        shown = ([row[place] for place in kept] for row in found)
        right = [at for at, place in enumerate(kept) if place in figures]
        self.out.print(table([heads[place] for place in kept], shown, right=right))

    def pairs(self, rows: Iterable[tuple[str, object]]) -> None:
        """A thing and what it is, line by line."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim")
        grid.add_column(overflow="fold")  # addresses are copied
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


def _left_out(heads: Sequence[str], rows: Sequence[Sequence[object]], spare: Sequence[int], width: int) -> set[int]:
    widths = [max(cell_len(_words(row[place])) + 1 for row in (heads, *rows)) for place in range(len(heads))]
    left_out: set[int] = set()
    for place in spare:
        if sum(widths) - sum(widths[one] for one in left_out) <= width:
            break
        left_out.add(place)
    return left_out


def _words(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else one_line(cell)


def _console(stream: Any) -> Console:
    seen = stream.isatty()
    width = None if seen or os.environ.get("COLUMNS") else WIDE
    return Console(file=cast("TextIO", _Stream(stream)), markup=False, highlight=False, emoji=False, width=width)
