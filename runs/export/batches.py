"""Reads the runs of an export batch by batch, by keyset: neither memory nor a transaction grows with the file.

A file holds each run once that was launched before it was begun and fits the filter, as it stands when its line is
written. Under an order by a figure, runs that had not ended by then come last, the newest first: they end meanwhile,
and their figures would move them past the place that the file has come to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from runs.export.columns import COMPUTED, READ
from runs.figures.waste import waste_columns
from runs.history.filters import RunFilter
from runs.history.queries import SORTS, sortable
from runs.models import Run
from runs.paging import page_of
from runs.sql import statement
from teams.access import Principal, visible_to
from teams.refusals import Invalid
from teams.work_bounds import query_time

BATCH_ROWS = 1_000
BATCH_SECONDS = 5.0
MAX_ROWS = 1_000_000
TOO_LONG = "The database took too long over these runs and they were given up. Narrow them, for example by since:7d."
TOO_MANY = f"More than {MAX_ROWS:,} runs fit this filter. Narrow it, for example by since:30d, and take the rest apart."
# More than any of its filters can fit. Those that ended are counted in their rollups.
_ALL = statement(
    """
    SELECT (SELECT coalesce(sum(runs), 0) FROM runs_runsum WHERE team_id = %(team)s)::bigint
         + (SELECT count(*) FROM runs_run WHERE team_id = %(team)s AND finished_at IS NULL), clock_timestamp()
    """
)


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of the export that is read in one order."""

    condition: Q
    order: str


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported to whom, and since when it is written."""

    who: Principal
    run_filter: RunFilter
    sort: str
    began: datetime

    def legs(self) -> list[Leg]:
        order = SORTS[self.sort]
        if order.removeprefix("-") == "pk":
            return [Leg(Q(), order)]
        had_ended = Q(finished_at__lte=self.began)
        return [Leg(had_ended, order), Leg(Q(finished_at=None) | Q(finished_at__gt=self.began), "-pk")]


def begin(who: Principal, run_filter: RunFilter, sort: str) -> Export:
    """Raises ``Invalid`` for an order that there is not, and if more than ``MAX_ROWS`` runs fit."""
    runs = sortable(who, run_filter, sort)
    with query_time(BATCH_SECONDS, TOO_LONG, field="q") as go_on:
        with connection.cursor() as cursor:
            cursor.execute(_ALL, {"team": who.team.pk})
            most, began = cursor.fetchone()
        go_on()
        if most > MAX_ROWS and runs.order_by()[: MAX_ROWS + 1].count() > MAX_ROWS:
            raise Invalid(TOO_MANY, fields={"q": TOO_MANY})
    return Export(who, run_filter, sort, began)


def batches(export: Export) -> Iterator[list[Any]]:
    """Rows with the names in ``READ``. Each batch is a transaction of its own of at most ``BATCH_SECONDS``; ``Invalid``
    if that is not enough."""
    for leg in export.legs():
        cursor = ""
        while True:
            page = _page(export, leg, cursor)
            yield list(page.items)
            cursor = page.next
            if not cursor:
                break


def _page(export: Export, leg: Leg, cursor: str) -> Any:
    runs = export.run_filter.apply(visible_to(export.who, Run)).filter(leg.condition, created_at__lte=export.began)
    read = dict.fromkeys((*READ, leg.order.removeprefix("-")))
    rows = runs.annotate(**waste_columns(), **COMPUTED).values_list(*read, named=True)
    with query_time(BATCH_SECONDS, TOO_LONG, field="q"):
        return page_of(rows, leg.order, cursor=cursor, limit=BATCH_ROWS)
