"""What the page of a comparison shows: heads, sentences, steps, tasks and waterfalls, ready to be drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from urllib.parse import parse_qsl, urlencode

from django.utils import timezone

from agents_app.models import CrewVersion
from agents_app.versions.spec_diff import FieldChange, same_fields, spec_diff
from runs.compare import addresses, sentences
from runs.compare.comparison import Against, Comparison, TaskCell, TaskRow
from runs.compare.figures import Delta, Figure, figures
from runs.compare.links import side_address, task_address
from runs.compare.reads.queries import first_calls
from runs.compare.sentences import Sentence
from runs.compare.sides import Problem
from runs.compare.steps import LEAST_WIDTH, SPAN, Steps, steps_of
from runs.compare.words import money, number, percent, seconds, signed
from runs.models import Review, Run, TaskRun
from runs.run.timeline import Timeline, timeline
from runs.splits.facts import Side, Spread
from teams.access import Principal

SHOWN_TASKS = 100
SHOWN_PROBLEMS = 10
SHOWN_FIELDS = 100
MARKS = "ABCDEF"


@dataclass(frozen=True, slots=True)
class Head:
    """One side as the page names it. Addresses are query strings."""

    side: Side
    mark: str  # a letter
    address: str  # of its run, or of its runs
    without: str
    as_baseline: str
    is_baseline: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One other side: what is said of it, and the proof."""

    head: Head
    sentences: Sequence[Sentence]
    steps: Sequence[Steps]
    no_time: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A task on one side."""

    head: Head
    cell: TaskCell | None
    cost: str = ""
    took: str = ""
    tokens: str = ""
    calls: str = ""
    address: str = ""
    how: str = ""
    cost_delta: Delta | None = None
    time_delta: Delta | None = None
    outputs: str = ""  # the query of the difference between both outputs; of runs
    choices: Sequence[tuple[str, str, bool]] = ()  # key, name and whether it is chosen: of this side's tasks


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure with the head of each side beside its value."""

    title: str
    is_part: bool
    first: str
    others: Sequence[tuple[Head, str, Delta | None]]


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    name: str
    cells: Sequence[Cell]
    has_guess: bool


@dataclass(frozen=True, slots=True)
class Box:
    """How a group's values are spread, on one scale for all sides: from p5 to p95, the middle half, and the median."""

    head: Head
    x: float
    width: float
    box_x: float
    box_width: float
    median_x: float
    text: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between the baseline's version and another side's."""

    head: Head
    old: str
    new: str
    fields: Sequence[FieldChange]
    count: int
    same: int


@dataclass(frozen=True, slots=True)
class Page:
    comparison: Comparison
    problems: Sequence[Problem]
    more_problems: int
    heads: Sequence[Head]
    answers: Sequence[Answer]
    figures: Sequence[FigureRow]
    rows: Sequence[Row]
    more_rows: int
    boxes: Sequence[tuple[str, Sequence[Box]]]
    query: str
    fields: Sequence[tuple[str, str]]  # the query, for forms that add to it
    swapped: str  # the query with the other of two as the baseline; "" for more
    timelines: Sequence[tuple[Head, Timeline]] = ()
    changes: Sequence[Changes] = ()
    outputs: Sequence[tuple[Head, str]] = ()  # of each other run, with the query of their diff


def page_of(who: Principal, comparison: Comparison) -> Page:
    heads = _heads(who, comparison)
    query = addresses.written(comparison.asked)
    rows = [_row(who, comparison, heads, row) for row in comparison.tasks[:SHOWN_TASKS]]
    return Page(
        comparison=comparison,
        problems=comparison.problems[:SHOWN_PROBLEMS],
        more_problems=max(0, len(comparison.problems) - SHOWN_PROBLEMS),
        heads=heads,
        answers=[_answer(who, comparison, head, one) for head, one in zip(heads[1:], comparison.against, strict=True)],
        figures=[_figure(heads, figure) for figure in figures(comparison)] if heads else (),
        rows=rows,
        more_rows=max(0, len(comparison.tasks) - SHOWN_TASKS),
        boxes=_boxes(heads),
        query=query,
        fields=parse_qsl(query),
        swapped=heads[1].as_baseline if len(heads) == 2 else "",
        timelines=_timelines(heads),
        changes=_changes(heads),
        outputs=_outputs(heads),
    )


def _heads(who: Principal, comparison: Comparison) -> list[Head]:
    asked, of_two = comparison.asked, len(comparison.sides) == 2
    return [
        Head(
            side=side,
            mark=MARKS[number],
            address=side_address(who, side),
            without=addresses.written(addresses.without(asked, side.id)),
            as_baseline=addresses.written(addresses.against(asked, side.id, of_two=of_two)),
            is_baseline=number == 0,
        )
        for number, side in enumerate(comparison.sides)
    ]


def _figure(heads: Sequence[Head], figure: Figure) -> FigureRow:
    others = zip(heads[1:], figure.texts[1:], figure.deltas, strict=True)
    return FigureRow(figure.title, figure.is_part, figure.texts[0], list(others))


# --- Answers and steps ------------------------------------------------------------------------------------------------
def _answer(who: Principal, comparison: Comparison, head: Head, one: Against) -> Answer:
    told = [sentences.of_cost(comparison, one), sentences.of_time(comparison, one)]
    drawn = [steps_of(who, comparison, one, "cost", one.cost)]
    if one.time is not None:
        drawn.append(steps_of(who, comparison, one, "time", one.time))
    no_time = "" if one.time else "Times are not compared: one of the two has not begun, or has not ended."
    return Answer(head, [sentence for sentence in told if sentence], drawn, no_time)


# --- Tasks ------------------------------------------------------------------------------------------------------------
def _row(who: Principal, comparison: Comparison, heads: Sequence[Head], row: TaskRow) -> Row:
    first = row.cells[0]
    cells = [_cell(who, heads[0], first, None, "")]
    for head, cell, how in zip(heads[1:], row.cells[1:], row.how, strict=True):
        choices = _choices(head.side, cell) if first is not None else ()
        found = _cell(who, head, cell, first, how, choices)
        cells.append(replace(found, outputs=_outputs_of_task(heads[0].side, head.side, first, cell)))
    return Row(row.key, row.name, cells, has_guess="likeness" in row.how)


def _outputs_of_task(old: Side, new: Side, first: TaskCell | None, cell: TaskCell | None) -> str:
    if old.run is None or new.run is None or first is None or cell is None:
        return ""
    return urlencode({"runs": f"{old.id},{new.id}", "old": first.task.key, "new": cell.task.key}, safe=",")


def _choices(side: Side, cell: TaskCell | None) -> list[tuple[str, str, bool]]:
    own = cell.task.key if cell else ""
    named = [(task.key, task.name or task.key, task.key == own) for task in side.tasks[:SHOWN_TASKS]]
    return [*named, ("", "none of them", not own)]


def _cell(
    who: Principal,
    head: Head,
    cell: TaskCell | None,
    first: TaskCell | None,
    how: str,
    choices: Sequence[tuple[str, str, bool]] = (),
) -> Cell:
    if cell is None:
        return Cell(head, None, how=how, choices=choices)
    cost = money(cell.cost_nusd)
    if cell.unpriced_calls:
        cost = f"≥ {cost}" if cell.cost_nusd else "unpriced"
    return Cell(
        head=head,
        cell=cell,
        cost=cost,
        took="–" if cell.duration_ms is None else seconds(cell.duration_ms),
        tokens=f"{sum(cell.tokens.values()):,}",
        calls=number(cell.calls),
        address=task_address(who, head.side, cell.task.key),
        how=how,
        cost_delta=_task_delta(first, cell, "cost_nusd", money),
        time_delta=_task_delta(first, cell, "duration_ms", seconds),
        choices=choices,
    )


def _task_delta(first: TaskCell | None, cell: TaskCell, name: str, written: Callable[[int], str]) -> Delta | None:
    before, after = getattr(first, name, None), getattr(cell, name)
    if before is None or after is None or before == after:
        return None
    change = after - before
    return Delta(Fraction(change), signed(written(change), change), percent(change, before), change < 0, False)


# --- Pictures ---------------------------------------------------------------------------------------------------------
def _boxes(heads: Sequence[Head]) -> list[tuple[str, Sequence[Box]]]:
    """Cost and time of groups, where there are any."""
    drawn: list[tuple[str, Callable[[Side], Spread | None], Callable[[int], str]]] = [
        ("Cost per run", lambda side: side.cost, money),
        ("Time per run", lambda side: side.time, seconds),
    ]
    boxes: list[tuple[str, Sequence[Box]]] = []
    for title, read, written in drawn:
        spreads = [(head, read(head.side)) for head in heads]
        most = max((spread.p95 for _, spread in spreads if spread), default=0)
        found = [_box(head, spread, most, written) for head, spread in spreads if spread]
        if found and most:
            boxes.append((title, found))
    return boxes


def _box(head: Head, spread: Spread, most: int, written: Callable[[int], str]) -> Box:
    scale = SPAN / max(1, most)
    middle = round(spread.sample.median)
    return Box(
        head=head,
        x=spread.p5 * scale,
        width=max(LEAST_WIDTH, (spread.p95 - spread.p5) * scale),
        box_x=spread.p25 * scale,
        box_width=max(LEAST_WIDTH, (spread.p75 - spread.p25) * scale),
        median_x=min(middle * scale, SPAN - LEAST_WIDTH),
        text=(
            f"median {written(middle)}, half between {written(spread.p25)} and {written(spread.p75)}, "
            f"p95 {written(spread.p95)}, {spread.sample.count:,} run{'s' if spread.sample.count != 1 else ''}"
        ),
    )


def _timelines(heads: Sequence[Head]) -> list[tuple[Head, Timeline]]:
    """The runs' waterfalls on one axis, each with its first calls. Three queries."""
    runs = [head.side.run for head in heads if head.side.run is not None and head.side.run.started_at is not None]
    if not runs:
        return []
    now = timezone.now()
    longest = max(((run.finished_at or now) - run.started_at).total_seconds() for run in runs if run.started_at)
    ids = [run.pk for run in runs]
    calls = first_calls(ids)
    tasks = list(TaskRun.objects.filter(run__in=ids).defer("output_raw", "output_json").order_by("position"))
    reviews = list(Review.objects.filter(task_run__run__in=ids).select_related("task_run"))
    drawn = []
    for head in heads:
        run: Run | None = head.side.run
        if run is None:
            continue
        own = [task for task in tasks if task.run_id == run.pk]
        asked = [review for review in reviews if review.task_run.run_id == run.pk]
        found = timeline(run, own, calls.get(run.pk, []), asked, least_s=longest)
        if found is not None:
            drawn.append((head, found))
    return drawn


def _changes(heads: Sequence[Head]) -> list[Changes]:
    """Of each other side whose version is not the baseline's. The work on texts is bounded by ``spec_diff``."""
    old = heads[0].side.version if heads else None
    if old is None:
        return []
    return [
        _changed(head, old, head.side.version)
        for head in heads[1:]
        if head.side.version is not None and head.side.version.pk != old.pk
    ]


def _changed(head: Head, old: CrewVersion, new: CrewVersion) -> Changes:
    fields = spec_diff(old.spec, new.spec)
    return Changes(
        head,
        old=f"{old.crew.name} v{old.number}",
        new=f"{new.crew.name} v{new.number}",
        fields=fields[:SHOWN_FIELDS],
        count=len(fields),
        same=same_fields(old.spec, new.spec),
    )


def _outputs(heads: Sequence[Head]) -> list[tuple[Head, str]]:
    if not heads or heads[0].side.run is None:
        return []
    return [(head, f"runs={heads[0].side.id},{head.side.id}") for head in heads[1:] if head.side.run is not None]
