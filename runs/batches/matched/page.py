"""The page of two batches' matched rows: what they come to, and some of them side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.utils.safestring import SafeString

from engine.text import counted
from runs.batches.matched.drawing import line_rows
from runs.batches.matched.figures import Figure, Told, figures_of, told_of
from runs.batches.matched.lines import Line, lines_of
from runs.batches.matched.matching import Matching
from runs.batches.matched.queries import WORST, Matched, matched
from runs.batches.matched.statements import ALONE
from runs.compare.drawing.tables import delta_html
from teams.access import Principal

SHOWN_LINES = 50
SHOWN_INPUTS = 6
SHOWN_FIELDS = 8
NAMES_LISTED = 10


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
    rows: SafeString  # the lines, drawn
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
    who: Principal, matching: Matching, *, show: str, field: str, sort: str, cursor: str, most: int = SHOWN_LINES
) -> MatchedPage:
    """``Invalid`` for what ``matched`` refuses. Four queries, five where a page before would be short."""
    found = matched(matching, show=show, field=field, sort=sort, cursor=cursor, limit=most)
    names, fields = matching.names[:SHOWN_INPUTS], matching.fields[:SHOWN_FIELDS]
    asked, lines = {"show": show, "field": field, "sort": sort}, lines_of(found, names, fields)
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
        lines=lines,
        rows=line_rows(who, lines),
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
