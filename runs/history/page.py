"""The page of runs: a filter, its form, an order and one page of the list. The address holds all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from urllib.parse import urlencode

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from runs.history.columns import COLUMNS, read_columns, written
from runs.history.fields.registry import FIELDS
from runs.history.filters import NotUnderstood, RunFilter
from runs.history.lines import NO_RUN, RunLine, short
from runs.history.orders import NEWEST, ORDERS, ColumnOrder, column_order
from runs.history.queries import NAME_CHARS, beside_the_list, list_lines, newest_id
from runs.history.rows import rows_of
from runs.history.saved import Offered, first_few, offered
from runs.paging import Page
from runs.states import RunState
from runs.words import WORDS
from teams.access import Principal
from teams.refusals import Refusal

A_PAGE = 50
KEPT = ("q", "sort", "columns")
"""What an address of the list holds, but for the place in it."""
CHOICES = {"crew": "Crew", "status": "State", "since": "Time", "simulated": "Real or simulated"}
"""The fields that the form beside the filter has, by name."""
SPANS = (("", "Any time"), ("1h", "last hour"), ("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"))
KINDS = (("", "Real and simulated"), ("no", "Real"), ("yes", "Simulated"))
STATES = (("", "Any state"), *((state, WORDS[state]) for state in RunState.values))


@dataclass(frozen=True, slots=True)
class Head:
    """Of a column of the list."""

    title: str
    is_figure: bool  # stands at the right
    order: ColumnOrder | None


@dataclass(frozen=True, slots=True)
class Choice:
    """One field of the form. Of each option the value, its words, and whether the filter has it."""

    name: str
    label: str
    options: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class History:
    """What the page shows."""

    q: str  # the filter as it was typed
    sort: str
    error: str  # what could not be understood; "" if everything could
    complaints: Sequence[str]  # the same, word by word
    pieces: Sequence[tuple[str, bool]]  # the filter's text, and whether each piece of it is at fault
    rest: str  # the address's query without the pieces at fault
    choices: Sequence[Choice]  # the form beside the filter
    runs: Sequence[RunLine]
    rows: SafeString  # the same runs as rows of a table
    next: str
    previous: str
    is_first: bool
    newest: str  # the id of the team's newest run when the list was read: those that come later are new
    counts: Mapping[str, int]
    columns: Sequence[str]  # as they are shown, from left to right, beside the run itself
    named: str  # the columns as the address names them, "" if it names none
    note: str  # which of them there are not; "" if all are known
    saved: Sequence[Offered]  # saved views, at most ``saved.MOST_SHOWN`` and the open one
    saved_count: int

    @property
    def heads(self) -> SafeString:
        columns = tuple(self.columns)
        if self.q:
            return _heads(columns, self.sort, self.q, self.and_columns)
        return _heads_of_all(columns, self.sort, self.and_columns)

    @property
    def order_options(self) -> SafeString:
        return _order_options(self.sort)

    @property
    def selects(self) -> SafeString:
        return _selects(tuple(self.choices))

    @property
    def asked_newer(self) -> str:
        """The query by which the page asks whether there are newer runs, and other ratings than those that it shows."""
        rows = (line.row for line in self.runs) if "rating" in self.columns else ()
        rated = ",".join(f"{row.pk}:{row.rating_sum}:{row.rating_count}" for row in rows)
        asked = {"q": self.q, "sort": self.sort, "columns": self.named, "than": self.newest, "rated": rated}
        return urlencode({name: value for name, value in asked.items() if value}, safe=",:")

    @property
    def more_saved(self) -> bool:
        return self.saved_count > len(self.saved)

    @property
    def field_terms(self) -> SafeString:
        return _field_terms()

    @property
    def column_choices(self) -> SafeString:
        return _column_choices(tuple(self.columns))

    @property
    def query(self) -> str:
        """What the list shows, as an address's query."""
        return address_query(self.q, self.sort, self.named)

    @property
    def whole_query(self) -> str:
        """The same with the columns named, for whoever has chosen others."""
        return address_query(self.q, self.sort, written(self.columns))

    @property
    def and_columns(self) -> str:
        """What links of the list add to their query, so that it keeps its columns."""
        return f"&columns={self.named}" if self.named else ""


def history(who: Principal, query: Mapping[str, str], *, remembered: str = "") -> History:
    """What the address asks for; with an ``error`` and without runs if it cannot be understood. ``remembered``: the
    columns that the reader chose last."""
    q, sort, cursor = query.get("q", "").strip(), query.get("sort") or NEWEST, query.get("cursor", "")
    columns, note = read_columns(query["columns"]) if query.get("columns") else (read_columns(remembered)[0], "")
    named = written(columns) if query.get("columns") else ""
    error, run_filter = "", RunFilter()
    complaints: Sequence[str] = ()
    pieces: Sequence[tuple[str, bool]] = ()
    rest = ""
    page: Page[RunLine] = Page([], "")
    newest = NO_RUN
    try:
        run_filter = RunFilter.parse(q, who)
        if run_filter.conditions or sort != NEWEST or cursor:  # else the first run of the list is the newest
            newest = newest_id(who)  # before the list is read, so that no run is missed in between
        page = list_lines(who, run_filter, sort=sort, cursor=cursor, limit=A_PAGE, columns=columns)
    except NotUnderstood as refusal:
        error, complaints, pieces = refusal.message, refusal.complaints, list(refusal.pieces())
        rest = address_query(refusal.rest, sort, named)
    except Refusal as refusal:
        error, complaints = refusal.message, [refusal.message]
    sort = sort if sort in ORDERS else NEWEST
    beside = beside_the_list(who)
    saved = offered(who, q=q, sort=sort, columns=written(columns))
    return History(
        q=q,
        sort=sort,
        error=error,
        complaints=complaints,
        pieces=pieces,
        rest=rest,
        choices=_choices(beside.crews, run_filter),
        runs=page.items,
        rows=rows_of(page.items, columns),
        next=page.next,
        previous=page.previous,
        is_first=not page.previous and not (cursor and not page.items),
        newest=str(max([newest, *(line.pk for line in page.items)])),
        counts=beside.counts,
        columns=columns,
        named=named,
        note=note,
        saved=first_few(saved),
        saved_count=len(saved),
    )


def narrowed(who: Principal, query: Mapping[str, str]) -> str:
    """The address's query with what was changed in the form written into the filter. A faulty filter stays as it is."""
    q = query.get("q", "")
    chosen = {name: query[name].strip() for name in CHOICES if name in query}
    with suppress(Refusal):
        run_filter = RunFilter.parse(q, who)
        q = run_filter.narrowed({name: value for name, value in chosen.items() if value != run_filter.value(name)})
    return address_query(q, query.get("sort", ""), query.get("columns", ""))


def address_query(q: str, sort: str, columns: str = "") -> str:
    """The query of the address of this list, without what is usual."""
    asked = zip(KEPT, (q, "" if sort == NEWEST else sort, columns), strict=True)
    return urlencode({name: value for name, value in asked if value})


def _choices(own: Sequence[tuple[str, str]], run_filter: RunFilter) -> list[Choice]:
    """With what was typed as one more option where the form has no such one, so that sending it changes nothing."""
    crews = [("", "Any crew"), *((f"={slug}", name) for slug, name in own)]
    offered = {"crew": crews, "status": STATES, "since": SPANS, "simulated": KINDS}
    choices = []
    for name, label in CHOICES.items():
        typed, options = run_filter.value(name), list(offered[name])
        if typed not in dict(options):
            options.append((typed, short(typed, NAME_CHARS)))
        choices.append(Choice(name, label, tuple((value, words, value == typed) for value, words in options)))
    return choices


# What depends on little else than the address is drawn once for it and kept: all of it is among the arguments, so that
# nothing old is shown.


@cache
def _field_terms() -> SafeString:
    """What each field of the filter means."""
    return render_to_string("runs/history/_field_terms.html", {"fields": FIELDS.values()})


@lru_cache(maxsize=100)
def _column_choices(columns: tuple[str, ...]) -> SafeString:
    """What the form that chooses columns offers: the shown ones first, in their order."""
    others = [name for name in COLUMNS if name not in columns]
    choices = [(name, COLUMNS[name], name in columns) for name in (*columns, *others)]
    return render_to_string("runs/history/_column_choices.html", {"choices": choices})


@lru_cache(maxsize=100)
def _order_options(sort: str) -> SafeString:
    return render_to_string("runs/history/_order_options.html", {"orders": ORDERS.items(), "sort": sort})


@lru_cache(maxsize=200)
def _selects(choices: tuple[Choice, ...]) -> SafeString:
    """The form beside the filter."""
    return render_to_string("runs/history/_selects.html", {"choices": choices})


@lru_cache(maxsize=200)
def _heads_of_all(columns: tuple[str, ...], sort: str, and_columns: str) -> SafeString:
    """Of a list without a filter. Filters are typed, so there are too many for each one's heads to be kept."""
    return _heads(columns, sort, "", and_columns)


def _heads(columns: tuple[str, ...], sort: str, q: str, and_columns: str) -> SafeString:
    """The heads of the list's columns, with the links that sort by them."""
    titles = [("run", "Run", False), *((name, COLUMNS[name].title, COLUMNS[name].is_figure) for name in columns)]
    heads = [Head(title, is_figure, column_order(name, sort)) for name, title, is_figure in titles]
    return render_to_string("runs/history/_heads.html", {"heads": heads, "q": q, "and_columns": and_columns})
