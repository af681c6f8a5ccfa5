"""The lines of a page of matched rows: both sides, their inputs and answers, and by how much they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from runs.batches.matched.queries import Matched, Pair, differing_at
from runs.batches.queries import WAITING
from runs.batches.results.columns import INPUT_OF, OUTPUT, OUTPUT_OF, Column
from runs.batches.results.sorting import beginning, beginnings_at
from runs.compare.figures import Delta
from runs.compare.words import money, percent, seconds, signed
from runs.models import Batch, BatchRow, Run
from runs.run.drawing.text import words_of
from runs.states import RunState


@dataclass(frozen=True, slots=True)
class Side:
    """A row of one batch as a line shows it."""

    mark: str
    row: BatchRow
    run: Run | None
    state: str
    texts: Mapping[str, str | None]
    error: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A field of both answers. ``differs`` is None where one of the two has none."""

    title: str
    baseline: str
    other: str
    differs: bool | None


@dataclass(frozen=True, slots=True)
class Line:
    """What belongs together; one of the sides is None where its batch has no such row."""

    baseline: Side | None
    other: Side | None
    inputs: Sequence[tuple[str, str | None]]
    answers: Sequence[Answer]
    cost: Delta | None
    time: Delta | None

    @property
    def sides(self) -> list[Side]:
        return [side for side in (self.baseline, self.other) if side is not None]

    @property
    def first(self) -> Side:
        return self.sides[0]

    @property
    def states_differ(self) -> bool:
        return len({side.state for side in self.sides}) > 1


def lines_of(found: Matched, names: Sequence[str], fields: Sequence[str]) -> list[Line]:
    """Of the page's pairs, with these inputs and fields of the answers. Three queries."""
    columns = [Column(f"{INPUT_OF}{name}", name, name) for name in names]
    columns += [Column(f"{OUTPUT_OF}{name}", name, name) for name in fields] or [Column(OUTPUT, "Output")]
    matching = found.matching
    olds = _sides("A", matching.baseline, [old for old, _ in found.pairs], columns)
    news = _sides("B", matching.other, [new for _, new in found.pairs], columns)
    differing = differing_at(matching, found.pairs)
    return [_line(pair, olds, news, differing, columns) for pair in found.pairs if _is_there(pair, olds, news)]


def _is_there(pair: Pair, olds: Mapping[int, Side], news: Mapping[int, Side]) -> bool:
    old, new = pair
    return (old is None or old in olds) and (new is None or new in news)


def _sides(mark: str, batch: Batch, rows: Sequence[int | None], columns: Sequence[Column]) -> dict[int, Side]:
    found = beginnings_at(batch, [row for row in rows if row is not None], columns)
    sides = {}
    for row, texts in found:
        run = row.run
        state = WAITING if run is None else run.state
        error = beginning(texts["error"]) or "" if state in (RunState.FAILED, RunState.CANCELLED) else ""
        sides[row.position] = Side(mark, row, run, state, texts, error)
    return sides


def _line(
    pair: Pair,
    olds: Mapping[int, Side],
    news: Mapping[int, Side],
    differing: Mapping[int, Sequence[str]],
    columns: Sequence[Column],
) -> Line:
    old = None if pair[0] is None else olds[pair[0]]
    new = None if pair[1] is None else news[pair[1]]
    first = old or new
    assert first is not None
    both_succeeded = old is not None and new is not None and old.state == new.state == RunState.SUCCEEDED
    differ = differing.get(pair[0] or 0, ())
    return Line(
        old,
        new,
        inputs=[(column.title, beginning(first.texts[column.name])) for column in columns if column.is_input],
        answers=[
            Answer(
                column.title,
                _answer(old, column),
                _answer(new, column),
                differs=(column.field or OUTPUT) in differ if both_succeeded else None,
            )
            for column in columns
            if column.is_output
        ],
        cost=_delta(_cost(old), _cost(new), money),
        time=_delta(_ms(old), _ms(new), seconds),
    )


def _answer(side: Side | None, column: Column) -> str:
    if side is None or side.state != RunState.SUCCEEDED:
        return ""
    return words_of(beginning(side.texts[column.name]) or "")


def _cost(side: Side | None) -> int | None:
    run = None if side is None else side.run
    return None if run is None or not run.ended or run.unpriced_calls else run.spent_nusd


def _ms(side: Side | None) -> int | None:
    run = None if side is None else side.run
    return None if run is None or run.ended_ms < 0 else run.ended_ms


def _delta(old: int | None, new: int | None, written: Callable[[int], str]) -> Delta | None:
    if old is None or new is None:
        return None
    change = new - old
    text = signed(written(change), change)
    return Delta(Fraction(change), text, percent(change, old), change < 0 if change else None, False)
