"""The page of runs: a filter, its form, an order and one page of the list. The address holds all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlencode

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from runs.history.columns import COLUMNS, Column, read_columns, written
from runs.history.filters import RunFilter
from runs.history.lines import RunLine
from runs.history.queries import SORTS, crews_to_choose, list_lines, state_counts
from runs.history.rows import rows_of
from runs.history.saved import Offered, first_few, offered
from runs.paging import Page
from runs.states import RunState
from teams.access import Principal
from teams.refusals import Refusal

A_PAGE = 50
KEPT = ("q", "sort", "columns")
"""What an address of the list holds, but for the place in it."""
CHOICES = ("crew", "status", "since", "simulated")
SPANS = (("1h", "last hour"), ("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"))


@dataclass(frozen=True, slots=True)
class History:
    """What the page shows."""

    q: str  # the filter as it was typed
    sort: str
    error: str  # what could not be understood; "" if everything could
    chosen: Mapping[str, str]  # the filter's values, for the form beside it
    runs: Sequence[RunLine]
    rows: SafeString  # the same runs as rows of a table
    next: str
    is_first: bool
    counts: Mapping[str, int]
    crews: Sequence[tuple[str, str]]  # slug, and name as far as it is shown
    columns: Sequence[str]  # as they are shown, from left to right, beside the run itself
    named: str  # the columns as the address names them, "" if it names none
    note: str  # which of them there are not; "" if all are known
    saved: Sequence[Offered]  # saved views, at most ``saved.MOST_SHOWN`` and the open one
    saved_count: int
    spans = SPANS
    sorts = tuple(SORTS)
    states = tuple(RunState.values)

    @property
    def heads(self) -> Sequence[Column]:
        return [COLUMNS[name] for name in self.columns]

    @property
    def more_saved(self) -> bool:
        return self.saved_count > len(self.saved)

    @property
    def column_choices(self) -> SafeString:
        return _column_choices(tuple(self.columns))

    @property
    def query(self) -> str:
        """What the list shows, as an address's query."""
        return self._query(columns=self.named)

    @property
    def whole_query(self) -> str:
        """The same with the columns named, for whoever has chosen others."""
        return self._query(columns=written(self.columns))

    @property
    def and_columns(self) -> str:
        """What links of the list add to their query, so that it keeps its columns."""
        return f"&columns={self.named}" if self.named else ""

    def _query(self, *, columns: str) -> str:
        sort = "" if self.sort == "newest" else self.sort
        return urlencode({name: value for name, value in zip(KEPT, (self.q, sort, columns), strict=True) if value})


def history(who: Principal, query: Mapping[str, str], *, remembered: str = "") -> History:
    """What the address asks for; with an ``error`` and without runs if it cannot be understood. ``remembered``: the
    columns that the reader chose last."""
    q, sort, cursor = query.get("q", "").strip(), query.get("sort", "newest"), query.get("cursor", "")
    columns, note = read_columns(query["columns"]) if query.get("columns") else (read_columns(remembered)[0], "")
    error, run_filter = "", RunFilter()
    page: Page[RunLine] = Page([], "")
    try:
        run_filter = RunFilter.parse(q)
        page = list_lines(who, run_filter, sort=sort, cursor=cursor, limit=A_PAGE, columns=columns)
    except Refusal as refusal:
        error = refusal.message
    sort = sort if sort in SORTS else "newest"
    saved = offered(who, q=q, sort=sort, columns=written(columns))
    return History(
        q=q,
        sort=sort,
        error=error,
        chosen={name: run_filter.value(name) for name in CHOICES},
        runs=page.items,
        rows=rows_of(page.items, columns),
        next=page.next,
        is_first=not cursor,
        counts=state_counts(who),
        crews=crews_to_choose(who),
        columns=columns,
        named=written(columns) if query.get("columns") else "",
        note=note,
        saved=first_few(saved),
        saved_count=len(saved),
    )


def narrowed(query: Mapping[str, str]) -> str:
    """The address's query with the form's choices written into the filter. A faulty filter stays as it is."""
    q = query.get("q", "")
    with suppress(Refusal):
        q = RunFilter.parse(q).narrowed({name: query[name].strip() for name in CHOICES if name in query})
    asked = {name: query.get(name, "") for name in KEPT} | {"q": q}
    return urlencode({name: value for name, value in asked.items() if value})


@lru_cache(maxsize=100)
def _column_choices(columns: tuple[str, ...]) -> SafeString:
    """What the form that chooses columns offers: the shown ones first, in their order. Drawn once, since every page of
    the list has it."""
    others = [name for name in COLUMNS if name not in columns]
    choices = [(name, COLUMNS[name], name in columns) for name in (*columns, *others)]
    return render_to_string("runs/history/_column_choices.html", {"choices": choices})
