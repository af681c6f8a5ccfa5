"""Positions in pixels for the rows of a task graph: boxes as wide as fits, as near to their neighbours as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from agents_app.graph.ranks import Rows

MARGIN = 6.0
SETTLE_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Style:
    """Measures of one kind of drawing, in pixels. Boxes are between ``narrowest`` and ``widest`` wide.

    ``lane`` is the room that a line takes where it passes a row.
    """

    height: float
    narrowest: float
    widest: float
    gap_x: float
    gap_y: float
    lane: float


FULL = Style(height=44, narrowest=84, widest=200, gap_x=18, gap_y=40, lane=12)
COMPACT = Style(height=14, narrowest=24, widest=56, gap_x=12, gap_y=18, lane=6)


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a box, or of a line where it passes a row."""

    x: float
    y: float
    w: float
    h: float

    @property
    def middle(self) -> float:
        return self.x + self.w / 2


def placed(rows: Rows, tasks: frozenset[str], *, width: float, style: Style) -> dict[str, Slot]:
    """Every slot's place: rows from top to bottom, and slots as straight below and above their neighbours as can be."""
    gap_y = style.gap_y if len(rows.rows) <= 6 else style.gap_y * (0.75 if len(rows.rows) <= 12 else 0.55)
    widths = _widths(rows, tasks, width=width, style=style)
    gaps = [_gap(row, widths, tasks, width=width, style=style) for row in rows.rows]
    middles = _middles(rows, widths, gaps, width=width)
    return {
        slot: Slot(
            x=middles[slot] - widths[slot] / 2,
            y=MARGIN + index * (style.height + gap_y),
            w=widths[slot],
            h=style.height,
        )
        for index, row in enumerate(rows.rows)
        for slot in row
    }


def _widths(rows: Rows, tasks: frozenset[str], *, width: float, style: Style) -> dict[str, float]:
    """Boxes are equally wide within a row, and in all rows unless that would leave too little room for words."""
    fitting = []
    for row in rows.rows:
        boxes = sum(slot in tasks for slot in row)
        room = width - 2 * MARGIN - style.gap_x * (boxes - 1) - style.lane * (len(row) - boxes)
        fitting.append(min(style.widest, max(style.narrowest / 2, room / max(1, boxes))))
    smallest = min(fitting, default=style.widest)
    if smallest >= style.widest * 0.7:
        fitting = [smallest] * len(fitting)
    return {
        slot: fitting[index] if slot in tasks else style.lane / 2 for index, row in enumerate(rows.rows) for slot in row
    }


def _gap(
    row: Sequence[str], widths: Mapping[str, float], tasks: frozenset[str], *, width: float, style: Style
) -> float:
    """The space between neighbours: the style's, or what is left where many lines pass a full row."""
    boxes = sum(slot in tasks for slot in row)
    wished = style.gap_x if boxes == len(row) else style.lane
    left = width - 2 * MARGIN - sum(widths[slot] for slot in row)
    return max(0.0, min(wished, left / max(1, len(row) - 1)))


def _middles(rows: Rows, widths: Mapping[str, float], gaps: Sequence[float], *, width: float) -> dict[str, float]:
    """Middles, found in rounds that pull each row towards the rows above and below it, without changing its order."""
    near: dict[str, list[str]] = {}
    for way in rows.ways.values():
        for upper, lower in pairwise(way):
            near.setdefault(lower, []).append(upper)
            near.setdefault(upper, []).append(lower)
    middles = {slot: width / 2 for row in rows.rows for slot in row}
    for turn in range(SETTLE_ROUNDS):
        order = range(len(rows.rows)) if turn % 2 == 0 else range(len(rows.rows) - 1, -1, -1)
        for index in order:
            row = rows.rows[index]
            wished = [_mean([middles[other] for other in near.get(slot, ())], width / 2) for slot in row]
            middles.update(zip(row, _apart(wished, [widths[slot] for slot in row], gaps[index], width), strict=True))
    return middles


def _apart(wished: Sequence[float], widths: Sequence[float], gap: float, width: float) -> list[float]:
    """Middles as near to the wished ones as order and gaps allow: least squares, by pooling neighbours that collide."""
    starts = [0.0, *accumulate(w + gap for w in widths)][:-1]
    offsets = [start + w / 2 for start, w in zip(starts, widths, strict=True)]
    pools: list[tuple[float, int]] = []
    for wish, offset in zip(wished, offsets, strict=True):
        total, count = wish - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, others = pools.pop()
            total, count = total + more, count + others
        pools.append((total, count))
    highest = max(MARGIN, width - MARGIN - (starts[-1] + widths[-1]))
    shifts = [min(highest, max(MARGIN, total / count)) for total, count in pools for _ in range(count)]
    return [shift + offset for shift, offset in zip(shifts, offsets, strict=True)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
