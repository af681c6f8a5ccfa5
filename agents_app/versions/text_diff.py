"""What changed between two texts, in words or lines, within a bound on the work.

Myers' algorithm takes steps in proportion to the length times the number of edits. Steps are counted, so the answer is
the same on every machine: a text that takes too many by word is compared by line, and else shown whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["same", "added", "removed"]
Segment = tuple[Kind, str]

TEXT_STEPS = 100_000
"""For one text by word, and once more by line."""
ALL_STEPS = 500_000
"""For all texts of one comparison: with the splitting of two million characters, half a second of processor time."""
BY_LINE = "Too much changed to be compared by word: by line."
WHOLE = "Too much changed to be compared by word or line: shown whole."

OUTSIDE = -2
"""How far a diagonal was followed that there is not."""

WORD = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(slots=True)
class Steps:
    """How many steps are left."""

    left: int = ALL_STEPS


@dataclass(frozen=True, slots=True)
class TextDiff:
    """``segments`` in order: those that are not added make up the old text, those that are not removed the new one; by
    line, with a line end behind. ``note`` says how they were compared, if not by word or item."""

    segments: tuple[Segment, ...]
    note: str = ""


def text_diff(old: str, new: str, steps: Steps) -> TextDiff:
    """The texts by word; by line, or as wholes, if that takes too many steps."""
    changes = _changes(old, new, _words, steps)
    if changes is not None:
        return TextDiff(tuple(_segments(_without_islands(changes))))
    changes = _changes(old, new, _lines, steps)
    if changes is not None and any(change.same for change in changes):
        return TextDiff(tuple(_segments(changes)), BY_LINE)
    return _whole(old, new)


def list_diff(old: str, new: str, steps: Steps) -> TextDiff:
    """Texts whose lines are items, by item."""
    changes = _changes(old, new, _lines, steps)
    if changes is not None:
        return TextDiff(tuple(_segments(changes)))
    return _whole(old, new)


def _whole(old: str, new: str) -> TextDiff:
    return TextDiff(tuple(_segments([_Change("", old, new)])), WHOLE)


@dataclass(frozen=True, slots=True)
class _Change:
    """``same`` stands before what changed."""

    same: str
    removed: str
    added: str


def _words(text: str) -> list[str]:
    return WORD.findall(text)


def _lines(text: str) -> list[str]:
    """With their ends; the last one is given an end, so that it equals the same line further up."""
    return [f"{line}\n" for line in text.split("\n")]


def _changes(old: str, new: str, split: Callable[[str], list[str]], steps: Steps) -> list[_Change] | None:
    """The changes in order; the last one may hold nothing but what is the same. None if it takes too many steps."""
    if not steps.left:
        return None
    before, after = split(old), split(new)
    numbers: dict[str, int] = {}
    a, b = ([numbers.setdefault(part, len(numbers)) for part in parts] for parts in (before, after))
    blocks = _blocks(a, b, steps)
    if blocks is None:
        return None
    changes, x, y, same = [], 0, 0, ""
    for start_x, start_y, length in (*blocks, (len(a), len(b), 0)):
        removed, added = "".join(before[x:start_x]), "".join(after[y:start_y])
        if removed or added:
            changes.append(_Change(same, removed, added))
            same = ""
        x, y = start_x + length, start_y + length
        same += "".join(before[start_x:x])
    return [*changes, _Change(same, "", "")]


def _blocks(a: Sequence[int], b: Sequence[int], steps: Steps) -> list[tuple[int, int, int]] | None:
    """Where a and b are the same: (place in a, place in b, length). None if it takes too many steps."""
    head = _common(a, b)
    a, b = a[head:], b[head:]
    tail = _common(a[::-1], b[::-1])
    a, b = a[: len(a) - tail], b[: len(b) - tail]
    middle = myers(a, b, steps)
    if middle is None:
        return None
    return [
        (0, 0, head),
        *((x + head, y + head, length) for x, y, length in middle),
        (len(a) + head, len(b) + head, tail),
    ]


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many numbers both begin with."""
    shorter = min(len(a), len(b))
    return next((place for place in range(shorter) if a[place] != b[place]), shorter)


def myers(a: Sequence[int], b: Sequence[int], steps: Steps) -> list[tuple[int, int, int]] | None:
    """Myers' greedy search for the fewest edits. A round has, for every second diagonal from -edits to edits, how far
    in ``a`` it was followed."""
    most = min(TEXT_STEPS, steps.left)
    of_a, of_b = len(a), len(b)
    rounds: list[list[int]] = []
    taken = 0
    before = [0]
    for edits in range(of_a + of_b + 1):
        reached: list[int] = []
        k, left = -edits, OUTSIDE
        for right in before:
            # Down from the diagonal above, or one to the right from the one below, whichever is further.
            start = x = right if left < right else left + 1
            while x < of_a and x - k < of_b and a[x] == b[x - k]:
                x += 1
            reached.append(x)
            taken += x - start + 1
            if x >= of_a and x - k >= of_b:
                steps.left -= min(taken, steps.left)
                return _traced(rounds, of_a, of_b)
            if taken > most:
                steps.left -= min(taken, steps.left)
                return None
            left = right
            k += 2
        rounds.append(reached)
        before = [*reached, OUTSIDE]
    raise AssertionError("After as many edits as there are parts, both ends are reached.")


def _traced(rounds: list[list[int]], x: int, y: int) -> list[tuple[int, int, int]]:
    """The way back through the rounds, from both ends to both beginnings, as blocks in order."""
    blocks: list[tuple[int, int, int]] = []
    for edits in range(len(rounds), 0, -1):
        before, place = rounds[edits - 1], (x - y + edits) // 2
        down = place == 0 or (place != edits and before[place - 1] < before[place])
        start = before[place] if down else before[place - 1] + 1
        if x > start:
            blocks.append((start, start - x + y, x - start))
        x, y = (start, start - x + y - 1) if down else (start - 1, start - x + y)
    if x:
        blocks.append((0, 0, x))
    return blocks[::-1]


def _without_islands(changes: list[_Change]) -> list[_Change]:
    """Few equal characters between two larger changes are an accident: a rewritten sentence keeps its commas."""
    kept: list[_Change] = []
    for change in changes:
        if kept and _is_island(kept[-1], change):
            last, same = kept.pop(), change.same
            kept.append(_Change(last.same, last.removed + same + change.removed, last.added + same + change.added))
        else:
            kept.append(change)
    return kept


def _is_island(last: _Change, change: _Change) -> bool:
    if not change.removed and not change.added:
        return False
    size = len(change.same.strip())
    return size <= max(len(last.removed), len(last.added)) and size <= max(len(change.removed), len(change.added))


def _segments(changes: list[_Change]) -> Iterator[Segment]:
    for change in changes:
        if change.same:
            yield "same", change.same
        if change.removed:
            yield "removed", change.removed
        if change.added:
            yield "added", change.added
