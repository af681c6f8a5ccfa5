"""The page of runs: a filter, its form, an order and one page of the list. The address holds all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.safestring import SafeString

from runs.history.filters import RunFilter
from runs.history.lines import RunLine
from runs.history.queries import SORTS, crews_to_choose, list_lines, state_counts
from runs.history.rows import rows_of
from runs.paging import Page
from runs.states import RunState
from teams.access import Principal
from teams.refusals import Refusal

A_PAGE = 50
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
    spans = SPANS
    sorts = tuple(SORTS)
    states = tuple(RunState.values)


def history(who: Principal, query: Mapping[str, str]) -> History:
    """What the address asks for; with an ``error`` and without runs if it cannot be understood."""
    q, sort, cursor = query.get("q", "").strip(), query.get("sort", "newest"), query.get("cursor", "")
    error, run_filter = "", RunFilter()
    page: Page[RunLine] = Page([], "")
    try:
        run_filter = RunFilter.parse(q)
        page = list_lines(who, run_filter, sort=sort, cursor=cursor, limit=A_PAGE)
    except Refusal as refusal:
        error = refusal.message
    return History(
        q=q,
        sort=sort if sort in SORTS else "newest",
        error=error,
        chosen={name: run_filter.value(name) for name in CHOICES},
        runs=page.items,
        rows=rows_of(page.items),
        next=page.next,
        is_first=not cursor,
        counts=state_counts(who),
        crews=crews_to_choose(who),
    )


def narrowed(query: Mapping[str, str]) -> str:
    """The address's query with the form's choices written into the filter. A faulty filter stays as it is."""
    q = query.get("q", "")
    with suppress(Refusal):
        q = RunFilter.parse(q).narrowed({name: query[name].strip() for name in CHOICES if name in query})
    return urlencode({name: value for name, value in (("q", q), ("sort", query.get("sort", ""))) if value})
