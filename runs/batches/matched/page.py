"""The page of two batches' matched rows: what they come to, and some of them side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from urllib.parse import urlencode

from django.utils.safestring import SafeString

from engine.text import counted
from runs.batches.matched.figures import Figure, Told, figures_of, told_of
from runs.batches.matched.matching import Matching
from runs.batches.matched.queries import WORST, Matched, Pair, differing_at, matched
from runs.batches.matched.statements import ALONE
from runs.batches.queries import WAITING
from runs.batches.results.columns import INPUT_OF, OUTPUT, OUTPUT_OF, Column
from runs.batches.results.sorting import beginning, beginnings_at
from runs.compare.drawing.tables import delta_html
from runs.compare.figures import Delta
from runs.compare.words import money, percent, seconds, signed
from runs.models import Batch, BatchRow, Run
from runs.run.drawing.text import words_of
from runs.states import RunState

SHOWN_LINES = 50
SHOWN_INPUTS = 6
SHOWN_FIELDS = 8
NAMES_LISTED = 10


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

    @property
    def cost_delta(self) -> SafeString:
        return SafeString(delta_html(self.cost))

    @property
    def time_delta(self) -> SafeString:
        return SafeString(delta_html(self.time))


@dataclass(frozen=True, slots=True)
class Choice:
    """Rows that can be asked for. ``count`` is None where it is not known yet."""

    title: str
    query: str
    count: int | None
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class SortHead:
    """``query`` is "" where nothing can be sorted."""

    title: str
    query: str
    aria: str

    @property
    def arrow(self) -> str:
        return {"ascending": " ↑", "descending": " ↓"}.get(self.aria, "")


@dataclass(frozen=True, slots=True)
class MatchedPage:
    """Queries are of this page's own address, without "?"."""

    found: Matched
    told: Sequence[Told]
    figures: Sequence[Figure]
    notes: Sequence[str]
    choices: Sequence[Choice]
    fields: Sequence[Choice]  # those that differ somewhere, where such pairs are shown
    input_titles: Sequence[str]
    answer_titles: Sequence[str]
    heads: Mapping[str, SortHead]
    lines: Sequence[Line]
    query: str
    query_of_batches: str
    swapped: str
    next: str
    previous: str

    @property
    def matching(self) -> Matching:
        return self.found.matching

    @property
    def drawn_figures(self) -> list[tuple[Figure, SafeString, SafeString]]:
        return [
            (one, SafeString(delta_html(one.both.delta)), SafeString(delta_html(one.all_rows.delta)))
            for one in self.figures
        ]


def matched_page(
    matching: Matching, *, show: str, field: str, sort: str, cursor: str, lines: int = SHOWN_LINES
) -> MatchedPage:
    """``Invalid`` for what ``matched`` refuses. Four queries, five where a page before would be short."""
    found = matched(matching, show=show, field=field, sort=sort, cursor=cursor, limit=lines)
    names, fields = matching.names[:SHOWN_INPUTS], matching.fields[:SHOWN_FIELDS]
    asked = {"show": show, "field": field, "sort": sort}
    return MatchedPage(
        found=found,
        told=told_of(found),
        figures=figures_of(found),
        notes=notes_of(found),
        choices=_choices(found, asked),
        fields=_fields(found, asked) if show == "differ" else (),
        input_titles=names,
        answer_titles=fields or ("Output",),
        heads=_heads(matching, asked),
        lines=_lines(found, names, fields),
        query=_query(matching, **asked),
        query_of_batches=_query(matching),
        swapped=_query(replace(matching, baseline=matching.other, other=matching.baseline)),
        next=_query(matching, **asked, cursor=found.next) if found.next else "",
        previous=_query(matching, **asked, cursor=found.previous) if found.previous else "",
    )


def notes_of(found: Matched) -> list[str]:
    """What has to be known of how the rows were matched."""
    matching, notes = found.matching, []
    if not matching.names:
        notes.append("The crews take no inputs, so all rows are alike and are matched in their order.")
    if matching.left_out:
        listed = ", ".join(matching.left_out[:NAMES_LISTED])
        notes.append(f"Only one of the crews takes {listed}: rows are matched without.")
    for mark, side in (("A", found.baseline), ("B", found.other)):
        if side.repeated and matching.names:
            repeats = "repeats" if side.repeated == 1 else "repeat"
            notes.append(
                f"In {mark} {counted(side.repeated, 'row')} {repeats} the inputs of an earlier one: the first goes "
                "with the first of the other batch, the second with the second."
            )
        if side.removed:
            notes.append(
                f"In {mark} the inputs of {counted(side.removed, 'row')} were removed for their age: they match none."
            )
        if unpriced := side.ended - side.priced:
            notes.append(
                f"In {mark} the cost of {counted(unpriced, 'row')} is not known in full: {_are(unpriced)} in no sum of "
                "costs."
            )
        if going := side.rows - side.ended:
            notes.append(f"In {mark} {counted(going, 'row')} {_have(going)} not ended: {_are(going)} in no sum yet.")
    if unpriced := found.both.ended - found.both.priced:
        notes.append(
            f"Of {counted(unpriced, 'pair')} that {_have(unpriced)} ended a cost is not known in full: "
            f"{_are(unpriced)} in no sum of both."
        )
    return notes


def _have(rows: int) -> str:
    return "has" if rows == 1 else "have"


def _are(rows: int) -> str:
    return "it is" if rows == 1 else "they are"


def _query(matching: Matching, **asked: str) -> str:
    pairs = [("batches", f"{matching.baseline.pk},{matching.other.pk}"), *asked.items()]
    return urlencode([(name, text) for name, text in pairs if text], safe=",")


def _choices(found: Matched, asked: Mapping[str, str]) -> list[Choice]:
    both = found.both
    kinds: list[tuple[str, str, int | None]] = [
        ("", "in both", both.rows),
        ("worse", "failed only in B", both.worse),
        ("better", "failed only in A", both.better),
        ("dearer", "dearer", both.dearer),
        ("cheaper", "cheaper", both.cheaper),
        ("slower", "slower", both.slower),
        ("faster", "faster", both.faster),
        ("differ", "output differs", found.differ),
        ("baseline", "only in A", found.only_baseline),
        ("other", "only in B", found.only_other),
    ]
    return [
        Choice(title, _query(found.matching, show=show, sort=asked["sort"]), count, show == asked["show"])
        for show, title, count in kinds
        if count or count is None or show in ("", asked["show"])
    ]


def _fields(found: Matched, asked: Mapping[str, str]) -> list[Choice]:
    return [
        Choice(name, _query(found.matching, **{**asked, "field": name}), found.differing[name], asked["field"] == name)
        for name in found.matching.fields
        if found.differing.get(name)
    ]


def _heads(matching: Matching, asked: Mapping[str, str]) -> dict[str, SortHead]:
    """By the column: the worst first, or by what a row's cost and time differ. Rows of one batch alone, which differ by
    nothing, stand in their own order."""
    columns = {"row": "Row", "cost": "Cost", "seconds": "Time"}
    if asked["show"] in ALONE:
        return {name: SortHead(title, "", "") for name, title in columns.items()}
    now = asked["sort"] or WORST
    heads = {}
    for name, title in columns.items():
        first = "row" if name == "row" else f"-{name}"
        turned = first if now != first else name if name != "row" else "-row"
        aria = {name: "ascending", f"-{name}": "descending"}.get(now, "")
        query = _query(matching, show=asked["show"], field=asked["field"], sort=turned)
        heads[name] = SortHead(title, query, aria)
    heads["worst"] = SortHead("worst first", _query(matching, show=asked["show"], field=asked["field"]), "")
    return heads


# --- Lines ------------------------------------------------------------------------------------------------------------
def _lines(found: Matched, names: Sequence[str], fields: Sequence[str]) -> list[Line]:
    """Three queries."""
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
