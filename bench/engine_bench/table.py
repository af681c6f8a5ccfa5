"""The one table: sections of rows with a column for each engine, the goal, and whether ours met it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

COLUMNS = {"engine": "Crewsite", "crewai": "CrewAI", "litellm": "LiteLLM", "httpx": "httpx"}
NAME_WIDTH, WIDTH, GOAL_WIDTH = 50, 12, 12


@dataclass(frozen=True)
class Row:
    """``cells`` by engine; what is missing there was not measured. ``met`` is None where there is no goal."""

    name: str
    cells: Mapping[str, str]
    goal: str = ""
    met: bool | None = None


@dataclass
class Table:
    sections: list[tuple[str, list[Row]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def section(self, title: str, rows: list[Row]) -> None:
        self.sections.append((title, rows))

    def text(self) -> str:
        heads = "".join(f"{head:>{WIDTH}}" for head in COLUMNS.values())
        lines = [f"{'':{NAME_WIDTH}}{heads}{'goal':>{GOAL_WIDTH}}  met"]
        for title, rows in self.sections:
            lines += ["", title, *map(_line, rows)]
        rows = [row for _, rows in self.sections for row in rows if row.met is not None]
        missed = [row for row in rows if not row.met]
        lines += ["", f"{len(rows) - len(missed)} of {len(rows)} goals met.", *(f"* {note}" for note in self.notes)]
        return "\n".join(lines)


def _line(row: Row) -> str:
    cells = "".join(f"{row.cells.get(engine, '-'):>{WIDTH}}" for engine in COLUMNS)
    met = "" if row.met is None else "yes" if row.met else "NO"
    return f"  {row.name:{NAME_WIDTH - 2}}{cells}{row.goal:>{GOAL_WIDTH}}  {met}".rstrip()


def goal_row(name: str, cells: Mapping[str, float], goal: float, *, digits: int, unit: str = "") -> Row:
    """A row whose goal is that our figure is at most ``goal``, which is judged as measured, not as rounded."""
    texts = {engine: f"{figure:.{digits}f}{unit}" for engine, figure in cells.items()}
    ours = cells.get("engine")
    return Row(name, texts, f"<= {goal:.{digits}f}{unit}", None if ours is None else ours <= goal)


def plain_row(name: str, cells: Mapping[str, float], *, digits: int = 0, unit: str = "") -> Row:
    """A row of figures without a goal."""
    return Row(name, {engine: f"{figure:.{digits}f}{unit}" for engine, figure in cells.items()})
