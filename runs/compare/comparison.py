"""The whole comparison: sides, their figures and tasks against the baseline, and why they differ.

Pages, API and CSV are made of this, so they tell the same figures. The number of queries depends on the number of sides
alone, of which there are at most six.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from runs.compare.sides import Asked, Problem, sides_of
from runs.splits.align import Pair, TaskText, aligned
from runs.splits.cells import Split, of_task
from runs.splits.facts import TOKEN_KINDS, Side, Spread, TaskSums
from runs.splits.interval import Difference, difference
from runs.splits.why_cost import why_cost
from runs.splits.why_time import why_time
from teams.access import Principal


@dataclass(frozen=True, slots=True)
class TaskCell:
    """A task on one side: of a run, of groups the mean one. Rounded to whole numbers, but for ``calls``."""

    task: TaskSums
    cost_nusd: int  # of priced calls
    unpriced_calls: int
    duration_ms: int | None  # None where the side has no run that began and ended
    tokens: Mapping[str, int]  # by TOKEN_KINDS
    all_tokens: int  # may differ from the sum of the rounded ones
    calls: Fraction  # model requests that were answered
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task on all sides, the baseline first. ``how``: of each other side as in ``Pair``."""

    key: str
    name: str
    cells: tuple[TaskCell | None, ...]
    how: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Against:
    """One side against the baseline. The intervals are None where one of the two is no group."""

    side: Side
    pairs: Sequence[Pair]
    cost: Split
    time: Split | None  # None: one of them did not begin or has not ended
    cost_interval: Difference | None
    time_interval: Difference | None
    rating_interval: Difference | None  # of means, in thousandths of a star; None where one of the two has no rating


@dataclass(frozen=True, slots=True)
class Comparison:
    """``baseline`` is None if nothing of what was asked for could be shown."""

    asked: Asked
    baseline: Side | None
    against: Sequence[Against]
    tasks: Sequence[TaskRow]
    problems: Sequence[Problem]

    @property
    def sides(self) -> tuple[Side, ...]:
        """The baseline first."""
        return () if self.baseline is None else (self.baseline, *(one.side for one in self.against))

    @property
    def has_groups(self) -> bool:
        return any(side.is_group for side in self.sides)

    @property
    def mixes_kinds(self) -> bool:
        """Whether some sides are simulated and others are real."""
        return len({side.simulated for side in self.sides}) > 1

    @property
    def names(self) -> dict[str, str]:
        """Of tasks by their keys, as the baseline has them, else as another side does."""
        return {task.key: task.name for side in reversed(self.sides) for task in side.tasks}


def compare(who: Principal, asked: Asked) -> Comparison:
    sides, problems = sides_of(who, asked)
    if not sides:
        return Comparison(asked, None, (), (), problems)
    baseline = next((side for side in sides if side.id == asked.baseline), sides[0])
    if asked.baseline and baseline.id != asked.baseline:
        problems.append(Problem(asked.baseline, "It is none of what is compared, so the first one is the baseline."))
    others = [side for side in sides if side is not baseline]
    tasks = _texts(baseline)
    against = [_against(baseline, tasks, side, asked.align or {}) for side in others]
    return Comparison(asked, baseline, against, _rows(baseline, against), problems)


def _against(baseline: Side, tasks: Sequence[TaskText], side: Side, chosen: Mapping[str, str]) -> Against:
    keys = {task.key for task in side.tasks}
    own = {old: new for old, new in chosen.items() if not new or new in keys}
    pairs = aligned(tasks, _texts(side), own)
    return Against(
        side=side,
        pairs=pairs,
        cost=why_cost(baseline, side, pairs),
        time=why_time(baseline, side, pairs),
        cost_interval=_interval(baseline, side, baseline.cost, side.cost),
        time_interval=_interval(baseline, side, baseline.time, side.time),
        rating_interval=difference(baseline.stars, side.stars) if baseline.stars and side.stars else None,
    )


def _interval(baseline: Side, side: Side, before: Spread | None, after: Spread | None) -> Difference | None:
    if not (baseline.is_group and side.is_group and before and after):
        return None
    return difference(before.sample, after.sample)


def _texts(side: Side) -> list[TaskText]:
    spec = {} if side.version is None else side.version.spec
    described = {task["key"]: task.get("description", "") for task in spec.get("tasks", ())}
    return [TaskText(task.key, task.name, described.get(task.key, ""), task.agent) for task in side.tasks]


def _rows(baseline: Side, against: Sequence[Against]) -> list[TaskRow]:
    """The baseline's tasks in their order, then what other sides have besides, each once."""
    pairs = [{pair.old: pair for pair in one.pairs if pair.old is not None} for one in against]
    added = [{pair.new: pair for pair in one.pairs if pair.old is None} for one in against]
    first, others = _Cells(baseline), [_Cells(one.side) for one in against]
    rows = []
    for task in baseline.tasks:
        found = [of_side[task.key] for of_side in pairs]
        cells = [cells_of.of(pair.new) for cells_of, pair in zip(others, found, strict=True)]
        rows.append(_row(task.key, task.name, [first.of(task.key), *cells], [pair.how for pair in found]))
    for key in dict.fromkeys(key for of_side in added for key in of_side):
        has = [key in of_side for of_side in added]
        cells = [cells_of.of(key) if there else None for cells_of, there in zip(others, has, strict=True)]
        name = next(cell.task.name for cell in cells if cell is not None)
        rows.append(_row(str(key), name, [None, *cells], ["added" if there else "" for there in has]))
    return rows


def _row(key: str, name: str, cells: Sequence[TaskCell | None], how: Sequence[str]) -> TaskRow:
    return TaskRow(key, name, tuple(cells), tuple(how))


class _Cells:
    """The cells of one side."""

    def __init__(self, side: Side) -> None:
        self._side, self._tasks = side, {task.key: task for task in side.tasks}

    def of(self, key: str | None) -> TaskCell | None:
        side, task = self._side, None if key is None else self._tasks.get(key)
        if key is None or task is None:
            return None
        rows = of_task(side, key)
        return TaskCell(
            task=task,
            cost_nusd=round(side.mean(sum(row.cost_nusd for row in rows))),
            unpriced_calls=sum(row.calls for row in rows if not row.priced),
            duration_ms=round(side.mean_ms(task.duration_ms)) if side.is_timed else None,
            tokens={kind: round(side.mean(sum(row.tokens[kind] for row in rows))) for kind in TOKEN_KINDS},
            all_tokens=round(side.mean(sum(sum(row.tokens.values()) for row in rows))),
            calls=side.mean(sum(row.requests for row in rows)),
            models=tuple(dict.fromkeys(row.model for row in rows if row.model)),
        )
