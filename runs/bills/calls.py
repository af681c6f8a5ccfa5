"""The calls behind a figure of a bill: the newest first, in pages, with the figure above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from psycopg.sql import SQL

from runs.bill_sums.counter_lines import MOST_COUNTER_LINES, CounterLine
from runs.bill_sums.sums import NONE, Sums, narrowed, only_parameters
from runs.bills.lines import Line, Lines
from runs.bills.values import Value
from runs.models import Call
from runs.paging import Page, Place, not_ours, read_page
from runs.sql import statement
from teams.access import Principal
from teams.work_bounds import Places, query_time

CALLS_A_PAGE = 100
SECONDS = 3.0
TOO_LONG = "The database took too long to find these calls and was stopped. Narrow them, as to a crew or a day."
PLACES = Places(2, "Other lists of calls are being read. Try again in a moment.")


@dataclass(frozen=True, slots=True)
class Behind:
    """The sums are those of the bill; the calls are a page of theirs, the counter-lines their first ones."""

    sums: Sums
    values: Sequence[Value]  # what the lines are narrowed to
    page: Page[Call]
    counter_lines: Sequence[CounterLine]

    @property
    def calls_nusd(self) -> int:
        """What the calls cost, without counter-lines."""
        return self.sums.spent_nusd - self.sums.moved_nusd


def behind(
    who: Principal,
    month: date,
    only: Mapping[str, str],
    *,
    simulated: bool,
    cursor: str = "",
    limit: int = CALLS_A_PAGE,
) -> Behind:
    """``Invalid`` for a cursor that is not ours, for what there is not, and if the database takes too long."""
    lines = Lines(who, month, simulated, only)
    with PLACES.one(), query_time(SECONDS, TOO_LONG, field="cursor"):
        (line,) = lines.by(*only, most=1) or [Line(tuple(Value(code, code or "none") for code in only.values()), NONE)]
        page = read_page(
            cursor, limit, read=lambda place, count: _read(lines, place, count), mark=lambda call: str(call.pk)
        )
        moved = lines.counter_lines(MOST_COUNTER_LINES) if line.sums.counter_lines and not cursor else ()
    return Behind(line.sums, line.values, page, moved)


def _read(lines: Lines, place: Place | None, count: int) -> list[Call]:
    if place is not None and place.figure:
        raise not_ours()
    scope, backwards = lines.scope, place is not None and place.before
    query = statement(
        """
        SELECT call.id FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
        WHERE call.team_id = %(team)s AND call.billed_month = %(month)s AND call.simulated = %(simulated)s
          AND call.state <> 'intent' {narrow} {behind} ORDER BY call.id {way} LIMIT %(count)s
        """,
        narrow=narrowed(tuple(scope.only)),
        behind=SQL("" if place is None else "AND call.id > %(place)s" if backwards else "AND call.id < %(place)s"),
        way=SQL("ASC" if backwards else "DESC"),
    )
    values = {
        "team": scope.who.team.pk,
        "month": scope.month,
        "simulated": scope.simulated,
        "place": place and place.pk,
        "count": count,
        **only_parameters(scope.only),
    }
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        ids: list[UUID] = [row[0] for row in cursor.fetchall()]
    found = {call.pk: call for call in _whole(Call.objects.filter(pk__in=ids))}
    return [found[pk] for pk in ids]


def _whole(calls: QuerySet[Call]) -> QuerySet[Call]:
    related = calls.select_related("run__crew", "task_run")
    return related.only(
        *("run__crew__name", "run__crew__slug", "run__state", "task_run__name", "task_run__key"),
        *("agent", "kind", "model", "tool", "state", "cost_class"),
        *("prompt_tokens", "completion_tokens", "cost_nusd", "started_at", "purpose", "cache_hit"),
    )
