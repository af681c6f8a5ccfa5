"""Reads of many runs: lists by typed filter, in pages, and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from runs.bounds.runs_at_once import kept_back
from runs.history.columns import USUAL
from runs.history.filters import RunFilter
from runs.history.first_rows import chosen_rows, first_rows
from runs.history.groups import page_in_groups
from runs.history.lines import NO_RUN, RunLine, lines_of, short
from runs.history.orders import NEWEST, ORDERS, Order
from runs.models import Run
from runs.paging import Page, Place, cursor_id, marks_by, page_of, read_page
from runs.sql import listed, statement
from runs.states import RUN_LIVE, RunState
from runs.typed_values import uuid_or_none
from teams.access import Principal, visible_to
from teams.refusals import Invalid
from teams.work_bounds import Places, query_time

RowT = TypeVar("RowT", bound=Any)

FILTER_SECONDS = 2.0
TOO_WIDE = "This filter took the database too long and was given up. Narrow it, for example by crew: or since:7d."
FILTER_PLACES = Places(2, "Other filters are being applied. Try again in a moment.")
MAX_NEWER = 1_000
"""So many new runs are counted at most."""
MAX_RATED = 50
"""So many runs of a list are looked at for other ratings."""
MAX_CREWS, NAME_CHARS = 200, 40
# Those that ended are counted in their rollups. One statement for both, since this page is asked for most.
_BESIDE = statement(
    """
    SELECT (
        SELECT coalesce(json_object_agg(state, runs), '{{}}') FROM (
            SELECT state, sum(runs)::bigint AS runs FROM (
                SELECT state, runs FROM runs_runday WHERE team_id = %(team)s
                UNION ALL
                SELECT state, 1 FROM runs_run WHERE team_id = %(team)s AND state IN ({live})
            ) AS counted GROUP BY state
        ) AS by_state
    ), (
        SELECT coalesce(json_agg(json_build_array(slug, name)), '[]') FROM (
            SELECT slug, name FROM agents_app_crew WHERE team_id = %(team)s AND builtin_key = ''
            ORDER BY name LIMIT %(most)s
        ) AS crew
    )
    """,
    live=listed(f"'{state}'" for state in RUN_LIVE),
)
_NEWEST = "SELECT id FROM runs_run WHERE team_id = %s ORDER BY id DESC LIMIT 1"


def list_runs(
    who: Principal, run_filter: RunFilter, *, sort: str = NEWEST, cursor: str = "", limit: int = 50
) -> Page[Run]:
    """The team's runs that fit the filter, in one of ``ORDERS``. One query for most pages; a few in groups."""

    def whole(runs: QuerySet[Run]) -> QuerySet[Run, Run]:
        related = runs.select_related("crew", "version", "team", "created_by")
        return related.annotate(kept_back=kept_back(who.team))

    with _in_time(run_filter):
        return page_of_runs(who, run_filter, whole, sort=sort, cursor=cursor, limit=limit)


def list_lines(
    who: Principal, run_filter: RunFilter, *, sort: str, cursor: str, limit: int, columns: Sequence[str] = USUAL
) -> Page[RunLine]:
    """The same runs in the same order as lines of the page, by as many queries, which read what these columns show."""
    order = _order(sort)

    def as_they_are(runs: QuerySet[Run]) -> QuerySet[Run, Run]:
        return runs

    def chosen(runs: QuerySet[Run, Any]) -> list[Any]:
        return chosen_rows(who, runs, sort=sort, columns=columns)

    def first(_place: Place | None, count: int) -> list[Any]:
        return first_rows(who, sort=sort, columns=columns, count=count)

    if not cursor and not run_filter.conditions and order.is_one_stretch:
        page = read_page("", limit, read=first, mark=marks_by(order.key))
    else:
        with _in_time(run_filter):
            page = page_of_runs(who, run_filter, as_they_are, sort=sort, cursor=cursor, limit=limit, fetch=chosen)
    return Page(lines_of(who, page.items), page.next, page.previous)


def page_of_runs(
    who: Principal,
    run_filter: RunFilter,
    shape: Callable[[QuerySet[Run]], QuerySet[Run, RowT]],
    *,
    sort: str,
    cursor: str,
    limit: int,
    fetch: Callable[[QuerySet[Run, RowT]], list[Any]] = list,
) -> Page[Any]:
    """A page of the team's runs that fit the filter. ``shape`` says what is read of each, and ``fetch`` reads it. Its
    time is not bounded."""
    order, all_runs = _order(sort), visible_to(who, Run)
    runs = run_filter.apply(all_runs)
    if order.is_grouped:
        return page_in_groups(who, order, runs, shape(all_runs), cursor=cursor, limit=limit, fetch=fetch)
    return page_of(shape(runs), order.key, cursor=cursor, limit=limit, last=order.last, fetch=fetch)


def count_newer(who: Principal, run_filter: RunFilter, *, than: str) -> int:
    """How many runs that fit the filter were launched after the run with the id ``than``; ``MAX_NEWER`` for more."""
    newer = run_filter.apply(visible_to(who, Run)).filter(pk__gt=cursor_id(than))
    with _in_time(run_filter):
        return newer[:MAX_NEWER].count()


def rated_anew(who: Principal, shown: str) -> list[tuple[UUID, int, int]]:
    """Runs whose ratings are others than what the list shows, as ``History.asked_newer`` says it, with their sum and
    number. What nobody wrote so is passed over. One query; none where nothing is shown."""
    parts = [part.partition(":") for part in shown.split(",")[:MAX_RATED]]
    before = {pk: figures for text, _, figures in parts if (pk := uuid_or_none(text))}
    if not before:
        return []
    runs = visible_to(who, Run).filter(pk__in=before).values_list("pk", "rating_sum", "rating_count")
    return [(pk, stars, count) for pk, stars, count in runs if before[pk] != f"{stars}:{count}"]


def newest_id(who: Principal) -> UUID:
    """Of the team's newest run, whatever a list shows; an id before all others if it has none."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, [who.team.pk])
        row = cursor.fetchone()
        return row[0] if row else NO_RUN


@dataclass(frozen=True, slots=True)
class Beside:
    """What the page tells beside the list: how many of the team's runs are in each state; and slug and name of its
    first ``MAX_CREWS`` crews by name, archived ones included."""

    counts: Mapping[str, int]
    crews: Sequence[tuple[str, str]]


def beside_the_list(who: Principal) -> Beside:
    """One query."""
    with connection.cursor() as cursor:
        cursor.execute(_BESIDE, {"team": who.team.pk, "most": MAX_CREWS})
        counts, crews = cursor.fetchone()
    named = [(slug, short(name, NAME_CHARS)) for slug, name in crews]
    return Beside(dict.fromkeys(RunState.values, 0) | counts, named)


def live_runs(who: Principal, *, most: int = 10) -> list[Run]:
    """The newest runs that have not ended."""
    runs = visible_to(who, Run).filter(state__in=RUN_LIVE).select_related("crew", "version", "team")
    return list(runs.annotate(kept_back=kept_back(who.team)).order_by("-pk")[:most])


def last_runs(who: Principal, crew_ids: Sequence[int], *, each: int = 5) -> dict[int, list[Run]]:
    """The last runs of each of these crews by its id, newest first. One query."""
    last: dict[int, list[Run]] = {pk: [] for pk in crew_ids}
    nth = Window(RowNumber(), partition_by=F("crew_id"), order_by=F("pk").desc())
    runs = visible_to(who, Run).filter(crew_id__in=crew_ids).annotate(nth=nth).filter(nth__lte=each)
    runs = runs.annotate(kept_back=kept_back(who.team))
    for run in runs.select_related("version", "team").order_by("-pk"):
        last[run.crew_id].append(run)
    return last


@contextmanager
def _in_time(run_filter: RunFilter) -> Iterator[None]:
    """Raises ``Invalid`` if the database takes too long with it, ``Busy`` if other filters take all places."""
    if not run_filter.conditions:
        yield
        return
    with FILTER_PLACES.one(), query_time(FILTER_SECONDS, TOO_WIDE, field="q"):
        yield


def _order(sort: str) -> Order:
    if sort not in ORDERS:
        raise Invalid(f"Sort by one of {', '.join(ORDERS)}.", fields={"sort": "Unknown order."})
    return ORDERS[sort]
