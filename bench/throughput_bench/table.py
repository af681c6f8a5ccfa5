"""The one table: sections of rows, each section with columns of its own; some rows have a goal that is met or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

NAME_WIDTH, WIDTH, GOAL_WIDTH = 58, 10, 12


@dataclass(frozen=True)
class Row:
    """``cells`` in the order of the section's columns; None was not measured. ``met`` None is a row without a goal."""

    name: str
    cells: Sequence[float | None]
    digits: int = 0
    goal: str = ""
    met: bool | None = None


@dataclass
class Table:
    sections: list[tuple[str, Sequence[str], list[Row]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def section(self, title: str, columns: Sequence[str], rows: list[Row]) -> None:
        self.sections.append((title, columns, rows))

    def text(self) -> str:
        lines = []
        for title, columns, rows in self.sections:
            goals = any(row.goal for row in rows)
            heads = "".join(f"{head:>{WIDTH}}" for head in columns)
            end = f"{'goal':>{GOAL_WIDTH}}  met" if goals else ""
            lines += ["", f"{title:{NAME_WIDTH}}{heads}{end}".rstrip(), *map(_line, rows)]
        judged = [row.met for _, _, rows in self.sections for row in rows if row.met is not None]
        notes = [f"* {note}" for note in self.notes]
        return "\n".join([*lines[1:], "", f"{sum(judged)} of {len(judged)} goals met.", *notes])


def _line(row: Row) -> str:
    cells = "".join(f"{'-' if cell is None else format(cell, f',.{row.digits}f'):>{WIDTH}}" for cell in row.cells)
    met = "" if row.met is None else "yes" if row.met else "NO"
    return f"  {row.name:{NAME_WIDTH - 2}}{cells}{row.goal:>{GOAL_WIDTH}}  {met}".rstrip()
