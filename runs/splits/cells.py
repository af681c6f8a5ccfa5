"""What a split is made of: parts with their reasons, and which models of both sides are compared with each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from runs.rounding import whole_numbers
from runs.splits.align import Pair
from runs.splits.facts import CREW, CallSums, Side
from runs.splits.shapley import total


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something differs: of which task and model, by what. ``task`` is the other side's key, or the baseline's
    where it alone has the task; "" is the crew as a whole. ``what``: a key of ``words.REASONS``."""

    task: str
    what: str
    model: str = ""
    model_before: str = ""  # where the models differ


@dataclass(frozen=True, slots=True)
class Part:
    """One reason's share of a difference, in whole nano-USD or milliseconds."""

    reason: Reason
    amount: int


@dataclass(frozen=True, slots=True)
class Split:
    """Why the other side's figure is not the baseline's. ``parts`` sum to ``difference``, the largest first.

    ``baseline`` and ``other`` are the figures of one run, of groups the mean ones, rounded to whole numbers.
    """

    baseline: int
    other: int
    parts: Sequence[Part]

    @property
    def difference(self) -> int:
        return self.other - self.baseline


def split_of(baseline: Fraction, other: Fraction, reasons: dict[Reason, Fraction]) -> Split:
    """The reasons' shares as whole numbers. The shares sum to ``other - baseline``."""
    assert total(reasons.values()) == other - baseline
    before, after = round(baseline), round(other)
    amounts = whole_numbers(reasons, after - before)
    parts = [Part(reason, amount) for reason, amount in amounts.items() if amount]
    return Split(before, after, sorted(parts, key=lambda part: -abs(part.amount)))


class Reasons:
    """Collects shares by reason."""

    def __init__(self) -> None:
        self.shares: defaultdict[Reason, Fraction] = defaultdict(Fraction)

    def add(self, reason: Reason, share: Fraction) -> None:
        if share:
            self.shares[reason] += share


@dataclass(frozen=True, slots=True)
class Models:
    """Calls of a task on both sides that are compared with each other: of one model, or of models that took the place
    of others."""

    model: str
    model_before: str  # "" where both sides used the same
    baseline: Sequence[CallSums]
    other: Sequence[CallSums]


def by_model(baseline: Sequence[CallSums], other: Sequence[CallSums]) -> list[Models]:
    """The models that both sides used, each by itself; then those of one side against those of the other side."""
    before, after = _by_model(baseline), _by_model(other)
    both = [Models(model, "", before[model], after[model]) for model in before if model in after]
    gone = [model for model in before if model not in after]
    new = [model for model in after if model not in before]
    if not gone and not new:
        return both
    if gone and new:
        return [*both, Models(", ".join(new), ", ".join(gone), _all(before, gone), _all(after, new))]
    return [*both, *(Models(model, "", before.get(model, []), after.get(model, [])) for model in gone or new)]


def _by_model(rows: Iterable[CallSums]) -> dict[str, list[CallSums]]:
    found: defaultdict[str, list[CallSums]] = defaultdict(list)
    for row in rows:
        found[row.model].append(row)
    return dict(found)


def _all(rows: dict[str, list[CallSums]], models: Iterable[str]) -> list[CallSums]:
    return [row for model in models for row in rows[model]]


def of_task(side: Side, key: str | None) -> Sequence[CallSums]:
    return () if key is None else side.calls_of.get(key, ())


def with_crew(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs, and the crew as a whole, whose calls belong to no task."""
    return [*pairs, Pair(CREW, CREW, "key")]


def one_model(baseline: Sequence[CallSums], other: Sequence[CallSums]) -> str:
    """The model of all these calls, or "" where there are several."""
    models = {row.model for row in (*baseline, *other)}
    return models.pop() if len(models) == 1 else ""
