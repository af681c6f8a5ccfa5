"""Sums over the runs of a scope, and over their calls: rollups for what has ended, the runs themselves for the rest.

Each function is one statement, however many runs there are. Runs count at the moment of their launch, so the sum
over the runs that were launched in a period is the figure of that period.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, Literal, LiteralString

from django.db import connection
from psycopg.sql import SQL, Composable, Composed

from runs.figures.scope import Scope
from runs.figures.stretches import Stretches, stretches_of, within
from runs.ledger.statements import ROLLUP_FIELDS, TOKEN_FIELDS
from runs.sql import listed, statement
from runs.states import RUN_LIVE

Grain = Literal["hour", "day", "week"]
"""Stretches of time in UTC; weeks begin on Monday."""
RunKey = Literal["crew", "version", "state", "hour", "day", "week"]
CallKey = Literal["crew", "version", "state", "hour", "day", "week", "model", "cost_class"]
Key = tuple[Any, ...]
"""The values of the keys that were asked for, in their order: crews and versions as ids, hours and days as moments."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over runs, or over calls. ``took_ms``, ``runs`` and ratings are 0 of calls, ``calls`` and ``saved_nusd`` of
    runs."""

    spent_nusd: int = 0
    unpriced_calls: int = 0  # ``spent_nusd`` lacks their cost
    estimated_calls: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    successful_requests: int = 0
    runs: int = 0
    took_ms: int = 0
    calls: int = 0
    saved_nusd: int = 0
    rating_sum: int = 0  # stars of all ratings
    rating_count: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def rating(self) -> Fraction | None:
        """The mean of all ratings, in stars; None without any."""
        return Fraction(self.rating_sum, self.rating_count) if self.rating_count else None

    def __add__(self, other: Figures) -> Figures:
        # Spelled out: a page adds up some ten thousand of them.
        return Figures(
            self.spent_nusd + other.spent_nusd,
            self.unpriced_calls + other.unpriced_calls,
            self.estimated_calls + other.estimated_calls,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_prompt_tokens + other.cached_prompt_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.completion_tokens + other.completion_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.successful_requests + other.successful_requests,
            self.runs + other.runs,
            self.took_ms + other.took_ms,
            self.calls + other.calls,
            self.saved_nusd + other.saved_nusd,
            self.rating_sum + other.rating_sum,
            self.rating_count + other.rating_count,
        )


NONE = Figures()


def total(rows: Iterable[Figures]) -> Figures:
    return sum(rows, NONE)


def run_sums(scope: Scope, *, by: Sequence[RunKey] = (), only: Collection[str] = ()) -> dict[Key, Figures]:
    """Sums over runs by the keys; a key without runs is left out. ``only``: the figures that are summed, else all."""
    return _sums("runs", scope, by, only)


def call_sums(scope: Scope, *, by: Sequence[CallKey] = (), only: Collection[str] = ()) -> dict[Key, Figures]:
    """Sums over the calls of the runs by the keys, of calls that have ended. ``state`` is their run's."""
    return _sums("calls", scope, by, only)


@dataclass(frozen=True, slots=True)
class Compared:
    """Sums of a period and of the one before by the same keys, and of the period alone by others."""

    now: dict[Key, Figures]
    before: dict[Key, Figures]
    series: dict[Key, Figures]


def compared_run_sums(
    scope: Scope, *, by: Sequence[RunKey], only: Collection[str] = (), series: Sequence[RunKey] = ()
) -> Compared:
    """As ``run_sums`` of the scope and of the one before; and by ``series``, of which the first key is a ``Grain``."""
    return _compared("runs", scope, by, only, series)


def compared_call_sums(scope: Scope, *, by: Sequence[CallKey], only: Collection[str] = ()) -> Compared:
    """As ``call_sums`` of the scope and of the one before."""
    return _compared("calls", scope, by, only, ())


@dataclass(frozen=True, slots=True)
class _Source:
    """Rollups by hour and by day, and the rows of what is still under way, whose figures are given the names of the
    rollups' columns."""

    hours: LiteralString
    days: LiteralString
    live: LiteralString
    figures: Mapping[str, LiteralString]
    own: Mapping[str, LiteralString]  # keys beside those of runs


_SOURCES: Mapping[str, _Source] = {
    "runs": _Source(
        hours="runs_runsum",
        days="runs_runday",
        live="runs_run AS run WHERE true",
        figures={name: f"run.{name}" for name in (*ROLLUP_FIELDS, "rating_sum", "rating_count")}
        | {"runs": "1", "took_ms": "0"},
        own={},
    ),
    "calls": _Source(
        hours="runs_callsum",
        days="runs_callday",
        live="runs_call AS call JOIN runs_run AS run ON run.id = call.run_id WHERE call.state <> 'intent'",
        figures={name: f"call.{name}" for name in TOKEN_FIELDS}
        | {
            "successful_requests": "(call.kind = 'model' AND call.state IN ('ok', 'late') AND NOT cache_hit)::int",
            "spent_nusd": "coalesce(call.cost_nusd, 0)",
            "unpriced_calls": "(call.cost_nusd IS NULL)::int",
            "estimated_calls": "call.usage_estimated::int",
            "calls": "1",
            "saved_nusd": "coalesce(call.saved_nusd, 0)",
        },
        own={"model": "call.model", "cost_class": "call.cost_class"},
    ),
}
_KEYS: Mapping[str, LiteralString] = {
    "crew": "crew_id",
    "version": "version_id",
    "hour": "date_trunc('hour', moment, 'UTC')",
    "day": "date_trunc('day', moment, 'UTC')",
    "week": "date_trunc('week', moment, 'UTC')",
}


def _sums(what: str, scope: Scope, by: Sequence[str], only: Collection[str]) -> dict[Key, Figures]:
    names, asked = _names(what, only), _Asked(scope, stretches_of(scope.period, by_hour="hour" in by))
    rows = asked.rows(_statement(what, tuple(by), names, asked.shape))
    return _figures(rows, 0, len(by), names)


def _compared(what: str, scope: Scope, by: Sequence[str], only: Collection[str], series: Sequence[str]) -> Compared:
    names, length = _names(what, only), len(by)
    by_hour = "hour" in (*by, *series)
    asked = _Asked(scope, stretches_of(scope.before.period, scope.period, by_hour=by_hour))
    if series:
        sql = _compared_statement(what, tuple(by), tuple(series), names, asked.shape)
    else:
        sql = _both_statement(what, tuple(by), names, asked.shape)
    rows = asked.rows(sql)
    now, before, placed = ([row for row in rows if row[0] == which] for which in ("now", "before", "series"))
    return Compared(
        now=_figures(now, 1, length, names),
        before=_figures(before, 1, length, names),
        series=_figures([row for row in placed if row[1 + length] is not None], 1 + length, len(series), names),
    )


def _names(what: str, only: Collection[str]) -> tuple[str, ...]:
    """The figures that are summed, in the order of their columns, which are the last ones."""
    return tuple(name for name in _SOURCES[what].figures if not only or name in only)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a statement's text depends on, beside what is asked for: how many stretches there are, and what the scope is
    narrowed to."""

    hours: int
    days: int
    narrow: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose rows are read, and of which stretches: the scope's period, and the one before it where both are asked."""

    scope: Scope
    stretches: Stretches

    @property
    def shape(self) -> _Shape:
        narrow = tuple(name for name in ("crew", "version") if getattr(self.scope, name) is not None)
        return _Shape(len(self.stretches.hours), len(self.stretches.days), narrow)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        scope = self.scope
        values: dict[str, Any] = {
            "team": scope.who.team.pk,
            "simulated": scope.simulated,
            "since": self.stretches.since,
            "turn": scope.period.since,
            "until": scope.period.until,
            "live": list(RUN_LIVE),
            **{name: getattr(scope, name).pk for name in self.shape.narrow},
            **self.stretches.values(),
        }
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows


def _figures(rows: Iterable[tuple[Any, ...]], start: int, length: int, names: Sequence[str]) -> dict[Key, Figures]:
    """By the key of this length that begins at this column."""
    behind = start + length
    sums = {row[start:behind]: Figures(**dict(zip(names, row[-len(names) :], strict=True))) for row in rows}
    return {key: figures for key, figures in sums.items() if figures != NONE}


@cache
def _statement(what: str, by: Sequence[str], names: Sequence[str], shape: _Shape) -> str:
    """Composed once for each way of asking: built anew as an expression it took a third of the first page's time."""
    keys = [_KEYS.get(name, name) for name in by]
    return statement(
        "SELECT {keys} FROM ({counted}) AS counted {grouped}",
        keys=listed([*keys, *map(_summed, names)]),
        counted=_counted(what, names, shape),
        grouped=SQL("GROUP BY ") + listed(str(place + 1) for place in range(len(keys))) if keys else SQL(""),
    )


@cache
def _compared_statement(
    what: str, by: Sequence[str], series: Sequence[str], names: Sequence[str], shape: _Shape
) -> str:
    """Both periods, and the series of the later one, from one look at the rows."""
    keys, places = [[f"{word}_{nth}" for nth in range(len(of))] for word, of in (("key", by), ("place", series))]
    named = [f"{_KEYS.get(name, name)} AS {key}" for name, key in zip(by, keys, strict=True)]
    # What lies before the period has no place in the series.
    named += [
        f"CASE WHEN moment >= %(turn)s THEN {_KEYS.get(name, name)} END AS {place}"
        for name, place in zip(series, places, strict=True)
    ]
    return statement(
        """
        SELECT CASE WHEN grouping(is_before) = 1 THEN 'series' WHEN is_before THEN 'before' ELSE 'now' END, {columns}
        FROM (SELECT moment < %(turn)s AS is_before, {named} FROM ({counted}) AS counted) AS placed
        GROUP BY GROUPING SETS ({sets})
        """,
        columns=listed([*keys, *places, *map(_summed, names)]),
        named=listed([*named, *names]),
        counted=_counted(what, names, shape),
        sets=listed([f"(is_before, {', '.join(keys)})", *[f"({', '.join(places)})"] * bool(series)]),
    )


@cache
def _both_statement(what: str, by: Sequence[str], names: Sequence[str], shape: _Shape) -> str:
    """Both periods from one look at the rows, of which there are most of calls: those of the rollups are added up
    before those of what is still under way come to them, which takes a third less."""
    source = _SOURCES[what]
    keys = [_KEYS.get(name, name) for name in by]
    ended = [
        SQL(
            """
            SELECT {moment} < %(turn)s AS is_before, {keys}, {sums} FROM {table} WHERE {which}
            GROUP BY is_before, {keys}
            """
        ).format(
            moment=moment,
            keys=listed(keys),
            sums=listed(f"{_summed(name)} AS {name}" for name in names),
            table=table,
            which=which,
        )
        for table, moment, which in _ended(source, shape)
    ]
    return statement(
        """
        SELECT CASE WHEN is_before THEN 'before' ELSE 'now' END, {keys}, {sums} FROM (
            {ended} UNION ALL SELECT run.created_at < %(turn)s, {keys_live}, {of_live} FROM {live} AND {live_which}
        ) AS counted GROUP BY is_before, {keys}
        """,
        keys=listed(keys),
        sums=listed(map(_summed, names)),
        ended=SQL(" UNION ALL ").join(ended),
        keys_live=listed(source.own.get(name, f"run.{key}") for name, key in zip(by, keys, strict=True)),
        of_live=listed(source.figures[name] for name in names),
        live=SQL(source.live),
        live_which=_live(shape),
    )


def _summed(name: str) -> str:
    return f"coalesce(sum({name}), 0)::bigint"


def _counted(what: str, names: Sequence[str], shape: _Shape) -> Composed:
    """What is summed: rows of the rollups, and what is still under way."""
    source = _SOURCES[what]
    ended = [
        SQL("SELECT crew_id, version_id, state, {moment} AS moment, {of_ended} FROM {table} WHERE {which}").format(
            moment=moment, of_ended=listed([*source.own, *names]), table=table, which=which
        )
        for table, moment, which in _ended(source, shape)
    ]
    return SQL(
        """
        {ended} UNION ALL
        SELECT run.crew_id, run.version_id, run.state, run.created_at, {of_live} FROM {live} AND {live_which}
        """
    ).format(
        ended=SQL(" UNION ALL ").join(ended),
        of_live=listed([*source.own.values(), *(source.figures[name] for name in names)]),
        live=SQL(source.live),
        live_which=_live(shape),
    )


def _ended(source: _Source, shape: _Shape) -> list[tuple[Composable, Composable, Composable]]:
    """The rollups that are read: the table, the moment at which a row's stretch begins, and the condition."""
    whose = SQL("team_id = %(team)s AND simulated = %(simulated)s {narrow}").format(narrow=_narrowed(shape, ""))
    rollups: list[tuple[int, LiteralString, LiteralString, LiteralString]] = [
        (shape.hours, source.hours, "hour", "hour"),
        (shape.days, source.days, "day", "(day::timestamp AT TIME ZONE 'UTC')"),
    ]
    return [
        (SQL(table), SQL(moment), SQL("{whose} AND {within}").format(whose=whose, within=within(unit, count)))
        for count, table, unit, moment in rollups
        if count
    ]


def _live(shape: _Shape) -> Composed:
    return SQL(
        """
        run.team_id = %(team)s AND run.simulated = %(simulated)s AND run.state = ANY(%(live)s)
        AND run.created_at >= %(since)s AND run.created_at < %(until)s {narrow}
        """
    ).format(narrow=_narrowed(shape, "run."))


def _narrowed(shape: _Shape, run: LiteralString) -> Composed:
    return SQL(" ").join([SQL(f"AND {run}{_KEYS[name]} = %({name})s") for name in shape.narrow])
