"""What the page of a comparison shows: heads, sentences, steps, tasks and waterfalls, ready to be drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from urllib.parse import parse_qsl, urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from agents_app.models import CrewVersion
from agents_app.versions.remembered import diff_of_versions
from agents_app.versions.spec_diff import FieldChange
from runs.compare import addresses, sentences
from runs.compare.comparison import Against, Comparison, TaskCell, TaskRow
from runs.compare.drawing.lanes import lanes
from runs.compare.drawing.tables import SHOWN_TASKS, TaskTable, bar, change_rows, figure_rows, step_rows
from runs.compare.figures import Delta, Figure, figures
from runs.compare.links import side_address, task_address
from runs.compare.reads.queries import first_calls
from runs.compare.rows import Cell, FigureRow, Head, Row
from runs.compare.sentences import Sentence
from runs.compare.sides import Problem
from runs.compare.steps import LEAST_WIDTH, SPAN, Links, Steps, steps_of
from runs.compare.words import money, number, percent, seconds, signed
from runs.models import Review, Run, TaskRun
from runs.run.timeline import Timeline, timeline
from runs.splits.facts import Side, Spread
from runs.typed_values import uuid_or_none
from teams.access import Principal

SHOWN_PROBLEMS = 10
SHOWN_FIELDS = 100
MARKS = "ABCDEF"


@dataclass(frozen=True, slots=True)
class Why:
    """Steps, drawn."""

    steps: Steps
    baseline_bar: SafeString
    other_bar: SafeString
    rows: SafeString
    rest_rows: SafeString


@dataclass(frozen=True, slots=True)
class Answer:
    """One other side: what is said of it, and the proof."""

    head: Head
    sentences: Sequence[Sentence]
    steps: Sequence[Steps]
    no_time: str = ""

    @property
    def why(self) -> Iterator[Why]:
        for steps in self.steps:
            zero = steps.zero
            bars = bar(zero, steps.baseline_width, "total"), bar(zero, steps.other_width, "total")
            yield Why(steps, *bars, step_rows(steps.steps), step_rows(steps.rest))


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

    @property
    def rows(self) -> SafeString:
        return change_rows(self.fields)


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
    batch_rows: Sequence[tuple[Head, str]] = ()  # of each other batch, with the query of their matched rows
    address: str = ""  # of comparisons
    outputs_address: str = ""

    @property
    def figure_rows(self) -> SafeString:
        return figure_rows(self.figures, self.heads[0])

    @property
    def task_rows(self) -> SafeString:
        table = TaskTable(self.heads, address=self.address, fields=self.fields, outputs=self.outputs_address)
        return table.rows(self.rows)

    @property
    def lanes(self) -> Iterator[tuple[Head, Timeline, SafeString]]:
        for head, drawn in self.timelines:
            yield head, drawn, lanes(drawn.rows)


def page_of(who: Principal, comparison: Comparison) -> Page:
    heads = _heads(who, comparison)
    query = addresses.written(comparison.asked)
    rows = [_row(who, comparison, heads, row) for row in comparison.tasks[:SHOWN_TASKS]]
    return Page(
        comparison=comparison,
        problems=comparison.problems[:SHOWN_PROBLEMS],
        more_problems=max(0, len(comparison.problems) - SHOWN_PROBLEMS),
        heads=heads,
        answers=[
            _answer(who, comparison, heads[0], head, one)
            for head, one in zip(heads[1:], comparison.against, strict=True)
        ],
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
        batch_rows=_batch_rows(comparison, heads),
        address=reverse("compare", kwargs={"team": who.team.slug}),
        outputs_address=reverse("compare_output", kwargs={"team": who.team.slug}),
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
def _answer(who: Principal, comparison: Comparison, baseline: Head, head: Head, one: Against) -> Answer:
    told = [sentences.of_cost(comparison, one), sentences.of_time(comparison, one)]
    links = Links(who, (baseline.side, baseline.address), (head.side, head.address))
    drawn = [steps_of(comparison, one, "cost", one.cost, links)]
    if one.time is not None:
        drawn.append(steps_of(comparison, one, "time", one.time, links))
    no_time = "" if one.time else "Times are not compared: one of the two has not begun, or has not ended."
    return Answer(head, [sentence for sentence in told if sentence], drawn, no_time)


# --- Tasks ------------------------------------------------------------------------------------------------------------
def _row(who: Principal, comparison: Comparison, heads: Sequence[Head], row: TaskRow) -> Row:
    first = row.cells[0]
    cells = [_cell(who, heads[0], first, None, "")]
    for head, cell, how in zip(heads[1:], row.cells[1:], row.how, strict=True):
        found = _cell(who, head, cell, first, how)
        outputs = _outputs_of_task(heads[0].side, head.side, first, cell)
        cells.append(replace(found, outputs=outputs, can_match=first is not None))
    return Row(row.key, row.name, cells, has_guess="likeness" in row.how)


def _outputs_of_task(old: Side, new: Side, first: TaskCell | None, cell: TaskCell | None) -> str:
    if old.run is None or new.run is None or first is None or cell is None:
        return ""
    return urlencode({"runs": f"{old.id},{new.id}", "old": first.task.key, "new": cell.task.key}, safe=",")


def _cell(who: Principal, head: Head, cell: TaskCell | None, first: TaskCell | None, how: str) -> Cell:
    if cell is None:
        return Cell(head, None, how=how)
    cost = money(cell.cost_nusd)
    if cell.unpriced_calls:
        cost = f"≥ {cost}" if cell.cost_nusd else "unpriced"
    return Cell(
        head=head,
        cell=cell,
        cost=cost,
        took="–" if cell.duration_ms is None else seconds(cell.duration_ms),
        tokens=f"{cell.all_tokens:,}",
        calls=number(cell.calls),
        address=task_address(who, head.side, cell.task.key, head.address),
        how=how,
        cost_delta=_task_delta(first, cell, "cost_nusd", money),
        time_delta=_task_delta(first, cell, "duration_ms", seconds),
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
    """Of each other side whose version is not the baseline's. The work on texts is bounded by ``diff_of``."""
    old = heads[0].side.version if heads else None
    if old is None:
        return []
    return [
        _changed(head, old, head.side.version)
        for head in heads[1:]
        if head.side.version is not None and head.side.version.pk != old.pk
    ]


def _changed(head: Head, old: CrewVersion, new: CrewVersion) -> Changes:
    diff = diff_of_versions(old, new)
    return Changes(
        head,
        old=f"{old.crew.name} v{old.number}",
        new=f"{new.crew.name} v{new.number}",
        fields=diff.changes[:SHOWN_FIELDS],
        count=len(diff.changes),
        same=diff.same,
    )


def _outputs(heads: Sequence[Head]) -> list[tuple[Head, str]]:
    if not heads or heads[0].side.run is None:
        return []
    return [(head, f"runs={heads[0].side.id},{head.side.id}") for head in heads[1:] if head.side.run is not None]


def _batch_rows(comparison: Comparison, heads: Sequence[Head]) -> list[tuple[Head, str]]:
    batches = {str(uuid_or_none(text)) for text in comparison.asked.batches}
    if not heads or heads[0].side.id not in batches:
        return []
    others = [head for head in heads[1:] if head.side.id in batches]
    return [(head, f"batches={heads[0].side.id},{head.side.id}") for head in others]
