"""Sums over all ended runs of a version, or of a filter of crews, versions and whole days, read from rollups, however
many they are: the same figures as ``runs.compare.reads.queries`` adds up from the runs and calls themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from fractions import Fraction
from typing import Any, LiteralString

from django.db import connection
from django.db.models import Q, QuerySet

from agents_app.models import CrewVersion
from runs.compare.reads.queries import Values, spread_among
from runs.history.fields.values import moment
from runs.history.filters import RunFilter
from runs.models import Run, RunDay
from runs.splits.facts import TOKEN_KINDS, CallSums, TaskSums, Totals
from runs.sql import listed, statement

_TOTALS: Mapping[str, LiteralString] = {
    "spent_nusd": "spent_nusd",
    "unpriced_calls": "unpriced_calls",
    "unpriced_runs": "unpriced_runs",
    "prompt_tokens": "prompt_tokens",
    "cached_prompt_tokens": "cached_prompt_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "completion_tokens": "completion_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "requests": "successful_requests",
    "queue_ms": "queue_ms",
    "duration_ms": "took_ms",
    "paused_ms": "paused_ms",
    "runs": "runs",
    "timed": "timed",
    "rating_sum": "rating_sum",
    "rating_count": "rating_count",
    "rated_runs": "rated_runs",
}
_CALLS: tuple[LiteralString, ...] = (
    *("calls", "requests", "cost_nusd", "fees_nusd", "latency_ms", "waited_ms", "nested_ms"),
)
_BY: tuple[LiteralString, ...] = ("task", "model", "cost_class", "kind", "priced")
_IN_ROLLUPS = ("crew", "version", "simulated")
"""Fields of the filter whose conditions hold of a rollup's row as they do of a run."""
NO_SPEND = Fraction(0)

# ``WHICH`` stands for the conditions on the rollup's rows.
_TOTALS_OF = statement(
    """
    SELECT simulated, coalesce(sum(runs) FILTER (WHERE state = 'succeeded'), 0)::bigint, {sums}
    FROM runs_runday AS rollup WHERE WHICH GROUP BY simulated
    """,
    sums=listed(f"sum({column})::bigint" for column in _TOTALS.values()),
)
_CALLS_OF = statement(
    """
    SELECT {by}, {sums}, {spend} FROM runs_taskcallsum AS rollup WHERE WHICH
    GROUP BY {by} HAVING sum(calls) > 0 ORDER BY {by}
    """,
    by=listed(_BY),
    sums=listed(f"sum({name})::bigint" for name in (*_CALLS, *(f"tokens_{kind}" for kind in TOKEN_KINDS))),
    spend=listed(f"sum(spend_{kind})" for kind in TOKEN_KINDS),
)
# Tasks are named as in the newest ended run of each version: all runs of a version name them alike.
_TASKS_OF = """
    WITH timed AS (
        SELECT task, array_agg(DISTINCT version_id) AS versions, sum(begun)::bigint AS begun,
               sum(took_ms)::bigint AS took_ms, sum(person_ms)::bigint AS person_ms
        FROM runs_tasktime AS rollup WHERE WHICH GROUP BY task
    ), named AS (
        SELECT task.key, min(task.position) AS place, max(task.name) AS title, max(task.agent) AS who,
               max(task.agent_role) AS role
        FROM (SELECT DISTINCT unnest(versions) AS id FROM timed) AS version CROSS JOIN LATERAL (
            SELECT id FROM runs_run
            WHERE version_id = version.id AND simulated = %s AND finished_at IS NOT NULL ORDER BY id DESC LIMIT 1
        ) AS newest JOIN runs_taskrun AS task ON task.run_id = newest.id GROUP BY task.key
    )
    SELECT key, place, title, who, role, begun, took_ms, person_ms
    FROM named JOIN timed ON timed.task = named.key ORDER BY place, key
"""
# ``NEWEST`` stands for the runs. Most that are rated have one rating, which is their sum; those of the others are
# looked up run by run, since PostgreSQL would read all ratings that there are.
_VALUES_OF = """
    WITH newest (id, spent_nusd, unpriced_calls, ended_ms, rating_count, rating_sum) AS MATERIALIZED (NEWEST)
    SELECT array_agg(spent_nusd ORDER BY spent_nusd) FILTER (WHERE unpriced_calls = 0),
           array_agg(ended_ms ORDER BY ended_ms) FILTER (WHERE ended_ms >= 0),
           count(*) FILTER (WHERE rating_count > 0),
           ARRAY(SELECT count(*) FILTER (WHERE rating.stars = kind.stars)
                 FROM generate_series(1, 5) AS kind (stars) LEFT JOIN (
                     SELECT rating_sum AS stars FROM newest WHERE rating_count = 1
                     UNION ALL SELECT rating.stars FROM newest CROSS JOIN LATERAL (
                         SELECT stars FROM runs_rating WHERE run_id = newest.id OFFSET 0
                     ) AS rating WHERE newest.rating_count > 1
                 ) AS rating ON rating.stars = kind.stars GROUP BY kind.stars ORDER BY kind.stars)
    FROM newest
"""


@dataclass(frozen=True, slots=True)
class Whole:
    """Runs that rollups tell apart. ``which`` is a condition on columns that all rollups share, and ``values`` are its
    parameters."""

    which: str
    values: Sequence[Any]
    since: date | None = None  # the first day on which they were launched, in UTC
    until: date | None = None  # the day behind the last one

    def rows(self, query: str, *, values: Sequence[Any] = (), simulated: bool | None = None) -> Any:
        """What the query tells of the rows of its rollup by day. ``values``: other parameters, which come behind."""
        which, own = self.which, list(self.values)
        for day, compare in ((self.since, ">="), (self.until, "<")):
            if day is not None:
                which += f" AND rollup.day {compare} %s"
                own.append(day)
        if simulated is not None:
            which += " AND rollup.simulated = %s"
            own.append(simulated)
        with connection.cursor() as cursor:
            cursor.execute(query.replace("WHICH", which), [*own, *values])
            return cursor.fetchall()


def whole_version(version: CrewVersion) -> Whole:
    which = "rollup.team_id = %s AND rollup.version_id = %s AND rollup.crew_id = %s"
    return Whole(which, [version.crew.team_id, version.pk, version.crew_id])


def whole_filter(team_id: int, asked: RunFilter) -> Whole | None:
    """None if the filter asks for more than rollups know, such as a state, or for a part of a day."""
    conditions: list[Q] = []
    days: dict[str, list[date]] = {"since": [], "until": []}
    for word, condition in zip(asked.words, asked.conditions, strict=True):
        if word.name in _IN_ROLLUPS:
            conditions.append(condition)
        elif word.name in days and not word.negated and (day := _whole_day(word.value.text)):
            days[word.name].append(day)
        else:
            return None
    which, values = _written(team_id, conditions)
    return Whole(which, values, since=max(days["since"], default=None), until=min(days["until"], default=None))


def _written(team_id: int, conditions: Sequence[Q]) -> tuple[str, Sequence[Any]]:
    """The conditions as Django writes them of one rollup, whose columns the others have too."""
    rows = RunDay.objects.filter(team=team_id)
    for condition in conditions:
        rows = rows.filter(condition)
    which, values = rows.query.get_compiler(connection=connection).compile(rows.query.where)
    return which.replace(f'"{RunDay._meta.db_table}".', "rollup."), values


def _whole_day(text: str) -> date | None:
    at = moment(text, datetime.now(UTC))
    return at.date() if at.time() == time() else None


def totals_of(whole: Whole) -> dict[bool, Totals]:
    """Of its ended runs, the simulated ones under True; a kind without runs is left out. One query."""
    rows = whole.rows(_TOTALS_OF)
    found = {
        simulated: Totals(succeeded=succeeded, **dict(zip(_TOTALS, sums, strict=True)))
        for simulated, succeeded, *sums in rows
    }
    return {simulated: totals for simulated, totals in found.items() if totals.runs}


def values_of(newest: QuerySet[Run], *, most: int) -> Values:
    """Of the first ``most`` of these runs. One query."""
    names = ("pk", "spent_nusd", "unpriced_calls", "ended_ms", "rating_count", "rating_sum")
    runs, values = newest.values_list(*names)[:most].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_VALUES_OF.replace("NEWEST", runs), values)
        costs, times, rated_runs, stars = cursor.fetchone()
    counts = {kind: count for kind, count in enumerate(stars, 1) if count}
    return Values(spread_among(costs or []), spread_among(times or []), rated_runs, counts)


def calls_of(whole: Whole, *, simulated: bool) -> list[CallSums]:
    """One query."""
    return [_calls(row) for row in whole.rows(_CALLS_OF, simulated=simulated)]


def _calls(row: tuple[Any, ...]) -> CallSums:
    of_calls, of_tokens = len(_BY) + len(_CALLS), len(_BY) + len(_CALLS) + len(TOKEN_KINDS)
    spend = zip(TOKEN_KINDS, row[of_tokens:], strict=True)
    return CallSums(
        **dict(zip((*_BY, *_CALLS), row[:of_calls], strict=True)),
        tokens=dict(zip(TOKEN_KINDS, row[of_calls:of_tokens], strict=True)),
        spend={kind: Fraction(usd) if usd else NO_SPEND for kind, usd in spend},
    )


def tasks_of(whole: Whole, *, simulated: bool) -> list[TaskSums]:
    """In the order of their positions. One query."""
    rows = whole.rows(_TASKS_OF, values=[simulated], simulated=simulated)
    names = ("key", "position", "name", "agent", "agent_role", "runs", "duration_ms", "person_ms")
    return [TaskSums(**dict(zip(names, row, strict=True))) for row in rows]
