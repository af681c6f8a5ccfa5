"""What the page of a comparison shows: heads, sentences, steps, tasks and waterfalls, ready to be drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from urllib.parse import parse_qsl, urlencode

from django.urls import reverse
from django.utils import timezone

from agents_app.models import CrewVersion
from agents_app.versions.spec_diff import FieldChange, same_fields, spec_diff
from runs.compare import addresses, sentences
from runs.compare.cells import Part, Split
from runs.compare.comparison import Against, Comparison, TaskCell, TaskRow
from runs.compare.facts import CREW, Side, Spread
from runs.compare.figures import Delta, Figure, figures
from runs.compare.queries import first_calls
from runs.compare.sentences import Sentence
from runs.compare.sides import Problem
from runs.compare.words import money, number, percent, reason_title, seconds, signed, task_name
from runs.models import Review, Run, TaskRun
from runs.run.timeline import Timeline, timeline
from teams.access import Principal

SPAN = 1000.0
"""How wide pictures are drawn."""
LEAST_WIDTH = 2.0
SHOWN_STEPS = 12
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
class Step:
    """One part of a split: where its bar is drawn between the totals."""

    title: str
    task: str
    amount: int
    text: str
    share: str  # of the baseline
    better: bool
    x: float
    width: float
    address: str


@dataclass(frozen=True, slots=True)
class Steps:
    """From the baseline's total to the other side's."""

    title: str
    what: str  # "cost" or "time"
    baseline: str
    other: str
    baseline_width: float
    other_width: float
    zero: float
    steps: Sequence[Step]
    rest: Sequence[Step]
    rest_text: str
    difference: str
    better: bool | None
    note: str = ""


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
    calls_address: str = ""
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


def side_address(who: Principal, side: Side) -> str:
    """The page of the run, or the list of the group's runs."""
    if side.run is not None:
        return reverse("run", kwargs={"team": who.team.slug, "run_id": side.run.pk})
    return f"{reverse('runs', kwargs={'team': who.team.slug})}?{urlencode({'q': side.filter})}"


def task_address(who: Principal, side: Side, key: str) -> str:
    """Where the figures of a task are told: its page; of a group the list of its runs."""
    if side.run is None:
        return side_address(who, side)
    if key == CREW:
        return reverse("run_calls", kwargs={"team": who.team.slug, "run_id": side.run.pk})
    return reverse("run_task", kwargs={"team": who.team.slug, "run_id": side.run.pk, "key": key})


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
    drawn = [_steps(who, comparison, one, "cost", one.cost)]
    if one.time is not None:
        drawn.append(_steps(who, comparison, one, "time", one.time))
    no_time = "" if one.time else "Times are not compared: one of the two has not begun, or has not ended."
    return Answer(head, [sentence for sentence in told if sentence], drawn, no_time)


def unpriced_note(baseline: Side, other: Side) -> str:
    """How many calls the split of the cost leaves out; "" if none."""
    counts = [side.totals.unpriced_calls for side in (baseline, other)]
    if not any(counts):
        return ""
    before, after = counts
    return f"Calls without a known price are in neither total: {before:,} of the baseline, {after:,} of the other side."


TITLES = {"cost": ("Why cheaper", "Why dearer", "Cost"), "time": ("Why faster", "Why slower", "Time")}


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What all steps of one picture share. ``low``: the least of all totals on the way."""

    who: Principal
    baseline: Side
    other: Side
    split: Split
    written: Callable[[int], str]
    names: Mapping[str, str]
    low: int
    scale: float

    def x(self, amount: int) -> float:
        return (amount - self.low) * self.scale

    def step(self, part: Part, before: int) -> Step:
        """``before``: the total from which it goes."""
        side = self.baseline if part.reason.what == "removed" else self.other
        width = max(LEAST_WIDTH, abs(part.amount) * self.scale)
        return Step(
            title=reason_title(part.reason),
            task=task_name(part.reason.task, self.names),
            amount=part.amount,
            text=self.signed(part.amount),
            share=percent(part.amount, self.split.baseline),
            better=part.amount < 0,
            x=min(self.x(min(before, before + part.amount)), SPAN - width),
            width=width,
            address=task_address(self.who, side, part.reason.task),
        )

    def signed(self, amount: int) -> str:
        return signed(self.written(amount), amount)


def _steps(who: Principal, comparison: Comparison, one: Against, what: str, split: Split) -> Steps:
    assert comparison.baseline is not None
    totals = list(accumulate((part.amount for part in split.parts), initial=split.baseline))
    low, high = min(0, *totals), max(1, *totals)
    written = money if what == "cost" else seconds
    scale = SPAN / (high - low)
    drawing = _Drawing(who, comparison.baseline, one.side, split, written, comparison.names, low, scale)
    steps = [drawing.step(part, before) for part, before in zip(split.parts, totals, strict=False)]
    less, more, same = TITLES[what]
    return Steps(
        title=less if split.difference < 0 else more if split.difference else same,
        what=what,
        baseline=written(split.baseline),
        other=written(split.other),
        baseline_width=split.baseline * scale,
        other_width=split.other * scale,
        zero=drawing.x(0),
        steps=steps[:SHOWN_STEPS],
        rest=steps[SHOWN_STEPS:],
        rest_text=drawing.signed(sum(step.amount for step in steps[SHOWN_STEPS:])),
        difference=drawing.signed(split.difference),
        better=split.difference < 0 if split.difference else None,
        note=unpriced_note(comparison.baseline, one.side) if what == "cost" else "",
    )


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
