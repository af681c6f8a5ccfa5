"""A comparison as CSV: every figure, every task and every part, exact, safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from runs.compare.comparison import Comparison
from runs.compare.figures import figures
from runs.compare.words import reason_title
from runs.money import usd_text
from runs.splits.cells import Split
from runs.splits.facts import Side
from teams.texts.spreadsheets import csv_text as csv_of
from teams.texts.spreadsheets import safe

COLUMNS = (
    "section",
    "side",
    "side_label",
    "simulated",
    "task",
    "model",
    "model_before",
    "reason",
    "title",
    "unit",
    "baseline",
    "value",
    "difference",
)


def csv_text(comparison: Comparison) -> str:
    return csv_of([COLUMNS, *([row.get(name, "") for name in COLUMNS] for row in _rows(comparison))])


Line = dict[str, str]


def _rows(comparison: Comparison) -> Iterator[Line]:
    for problem in comparison.problems:
        yield {"section": "problem", "side": safe(problem.what), "title": safe(problem.why)}
    yield from _figures(comparison)
    yield from _tasks(comparison)
    for one in comparison.against:
        yield from _parts(one.side, "why_cost", "usd", one.cost)
        if one.time is not None:
            yield from _parts(one.side, "why_time", "ms", one.time)


def _side(side: Side) -> Line:
    return {
        "side": safe(side.id),
        "side_label": safe(side.label),
        "simulated": "yes" if side.simulated else "no",
    }


def _figures(comparison: Comparison) -> Iterator[Line]:
    if comparison.baseline is None:
        return
    for figure in figures(comparison):
        unit = "usd" if figure.unit == "nusd" else figure.unit
        first = amount(figure.values[0], unit)
        shared = {"section": "figure", "reason": figure.key, "title": figure.title, "unit": unit}
        yield {**shared, **_side(comparison.baseline), "baseline": first, "value": first}
        for one, value, delta in zip(comparison.against, figure.values[1:], figure.deltas, strict=True):
            change = amount(None if delta is None else delta.amount, unit)
            yield {**shared, **_side(one.side), "baseline": first, "value": amount(value, unit), "difference": change}


def _tasks(comparison: Comparison) -> Iterator[Line]:
    for row in comparison.tasks:
        first = row.cells[0]
        for number, (side, cell) in enumerate(zip(comparison.sides, row.cells, strict=True)):
            how = row.how[number - 1] if number else ""
            for name, unit in (("cost_nusd", "usd"), ("duration_ms", "ms")):
                value, before = getattr(cell, name, None), getattr(first, name, None)
                change = value - before if number and value is not None and before is not None else None
                yield {
                    "section": "task",
                    **_side(side),
                    "task": safe(row.key),
                    "model": safe(", ".join(cell.models)) if cell else "",
                    "reason": how,
                    "title": safe(row.name),
                    "unit": unit,
                    "baseline": amount(before, unit),
                    "value": amount(value, unit),
                    "difference": amount(change, unit),
                }


def _parts(side: Side, section: str, unit: str, split: Split) -> Iterator[Line]:
    """The parts, then their sum."""
    for part in split.parts:
        yield {
            "section": section,
            **_side(side),
            "task": safe(part.reason.task),
            "model": safe(part.reason.model),
            "model_before": safe(part.reason.model_before),
            "reason": part.reason.what,
            "title": safe(reason_title(part.reason)),
            "unit": unit,
            "difference": amount(part.amount, unit),
        }
    yield {
        "section": f"{section}_total",
        **_side(side),
        "unit": unit,
        "baseline": amount(split.baseline, unit),
        "value": amount(split.other, unit),
        "difference": amount(split.difference, unit),
    }


def amount(value: Fraction | int | None, unit: str) -> str:
    """Money in USD and milliseconds exactly, means of other figures with four decimals; "" for what is unknown."""
    if value is None:
        return ""
    if unit == "usd":
        return usd_text(round(value)) or ""
    exact = Fraction(value)
    if unit == "ms" or exact.denominator == 1:
        return str(round(exact))
    return f"{float(exact):.4f}"
