"""The steps from one total to the other: a bar for each part of a split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from runs.compare.comparison import Against, Comparison
from runs.compare.links import task_address
from runs.compare.words import money, percent, reason_title, seconds, signed, task_name
from runs.splits.cells import Part, Reason, Split
from runs.splits.facts import Side
from teams.access import Principal

SPAN = 1000.0
"""How wide pictures are drawn."""
LEAST_WIDTH = 2.0
SHOWN_STEPS = 12


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


def unpriced_note(baseline: Side, other: Side) -> str:
    """How many calls the split of the cost leaves out; "" if none."""
    counts = [side.totals.unpriced_calls for side in (baseline, other)]
    if not any(counts):
        return ""
    before, after = counts
    return f"Calls without a known price are in neither total: {before:,} of the baseline, {after:,} of the other side."


TITLES = {"cost": ("Why cheaper", "Why dearer", "Cost"), "time": ("Why faster", "Why slower", "Time")}


@dataclass(frozen=True, slots=True)
class Links:
    """Where parts lead: both sides, each with its address."""

    who: Principal
    baseline: tuple[Side, str]
    other: tuple[Side, str]

    def of(self, reason: Reason) -> str:
        side, address = self.baseline if reason.what == "removed" else self.other
        return task_address(self.who, side, reason.task, address)


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What all steps of one picture share. ``low``: the least of all totals on the way."""

    links: Links
    split: Split
    written: Callable[[int], str]
    names: Mapping[str, str]
    low: int
    scale: float

    def x(self, amount: int) -> float:
        return (amount - self.low) * self.scale

    def step(self, part: Part, before: int) -> Step:
        """``before``: the total from which it goes."""
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
            address=self.links.of(part.reason),
        )

    def signed(self, amount: int) -> str:
        return signed(self.written(amount), amount)


def steps_of(comparison: Comparison, one: Against, what: str, split: Split, links: Links) -> Steps:
    assert comparison.baseline is not None
    totals = list(accumulate((part.amount for part in split.parts), initial=split.baseline))
    low, high = min(0, *totals), max(1, *totals)
    written = money if what == "cost" else seconds
    scale = SPAN / (high - low)
    drawing = _Drawing(links, split, written, comparison.names, low, scale)
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
