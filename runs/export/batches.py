"""Reads the runs of an export batch by batch, by keyset: neither memory nor a transaction grows with the file.

A file holds each run once that was launched before it was begun and fits the filter, as it stands when its line is
written. Under an order by a figure or by state, runs that had not ended by then come last, the newest first: they end
meanwhile, and their figures or states would move them past the place that the file has come to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from runs.export.columns import COMPUTED, READ
from runs.figures.waste import waste_columns
from runs.history.filters import RunFilter
from runs.history.orders import NEWEST, ORDERS
from runs.history.queries import page_of_runs
from runs.models import Run
from runs.sql import statement
from teams.access import Principal, visible_to
from teams.refusals import Invalid
from teams.work_bounds import query_time

BATCH_ROWS = 1_000
BATCH_SECONDS = 5.0
STILL = (NEWEST, "oldest", "crew", "crew-desc", "by", "by-desc")
"""Orders in which no run ever moves."""
MAX_ROWS = 1_000_000
TOO_LONG = "The database took too long over these runs and they were given up. Narrow them, for example by since:7d."
TOO_MANY = f"More than {MAX_ROWS:,} runs fit this filter. Narrow it, for example by since:30d, and take the rest apart."
# More than any of its filters can fit. Those that ended are counted in their rollups.
_ALL = statement(
    """
    SELECT (SELECT coalesce(sum(runs), 0) FROM runs_runday WHERE team_id = %(team)s)::bigint
         + (SELECT count(*) FROM runs_run WHERE team_id = %(team)s AND finished_at IS NULL), clock_timestamp()
    """
)


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported to whom, and since when it is written."""

    who: Principal
    run_filter: RunFilter
    sort: str
    began: datetime

    def parts(self) -> list[tuple[RunFilter, str]]:
        """Filters whose runs the file holds one after the other, each in its order."""
        launched = Q(created_at__lte=self.began)
        if self.sort in STILL:
            return [(self._with(launched), self.sort)]
        had_ended = Q(finished_at__lte=self.began)
        return [
            (self._with(had_ended), self.sort),
            (self._with(launched, Q(finished_at__gt=self.began) | Q(finished_at=None)), NEWEST),
        ]

    def _with(self, *conditions: Q) -> RunFilter:
        return replace(self.run_filter, conditions=(*self.run_filter.conditions, *conditions))


def begin(who: Principal, run_filter: RunFilter, sort: str) -> Export:
    """Raises ``Invalid`` if more than ``MAX_ROWS`` runs fit."""
    with query_time(BATCH_SECONDS, TOO_LONG, field="q") as go_on:
        with connection.cursor() as cursor:
            cursor.execute(_ALL, {"team": who.team.pk})
            all_runs, began = cursor.fetchone()
        go_on()
        if all_runs > MAX_ROWS and _count(who, run_filter) > MAX_ROWS:
            raise Invalid(TOO_MANY, fields={"q": TOO_MANY})
    return Export(who, run_filter, sort, began)


def batches(export: Export) -> Iterator[list[Any]]:
    """Rows with the names in ``READ``. Each batch is a transaction of its own of at most ``BATCH_SECONDS``; ``Invalid``
    if that is not enough, and for an order that there is not."""
    for run_filter, sort in export.parts():
        cursor = ""
        while True:
            with query_time(BATCH_SECONDS, TOO_LONG, field="q"):
                page = page_of_runs(export.who, run_filter, _rows(sort), sort=sort, cursor=cursor, limit=BATCH_ROWS)
            yield list(page.items)
            cursor = page.next
            if not cursor:
                break


def _rows(sort: str) -> Callable[[QuerySet[Run]], QuerySet[Run, Any]]:
    reads = ORDERS[sort].reads if sort in ORDERS else ()

    def shape(runs: QuerySet[Run]) -> QuerySet[Run, Any]:
        read = dict.fromkeys((*READ, *reads))
        return runs.annotate(**waste_columns(), **COMPUTED).values_list(*read, named=True)

    return shape


def _count(who: Principal, run_filter: RunFilter) -> int:
    """How many runs fit, up to one more than ``MAX_ROWS``."""
    return run_filter.apply(visible_to(who, Run)).order_by()[: MAX_ROWS + 1].count()
