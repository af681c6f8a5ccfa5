"""Sums of a bill: over the calls of a month with its counter-lines, or over the calls of some days.

A bill of a month is its settled calls as they stand, plus the counter-lines that it took for calls of closed months,
less those that later months took for its own calls: what was booked when it was closed stays. For real money that is
``Bill.spent_nusd`` to the last nano-dollar. Each function is one statement, so it looks at one moment.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, LiteralString, TypeVar

from django.db import connection
from psycopg.sql import SQL, Composable

from runs.bill_sums.dimensions import DIMENSIONS, LABEL, label_of
from runs.ledger.corrections import MOVED_ROWS, moved_in
from runs.ledger.rollups.tables import BILL_SUMS
from runs.models.call import CALL_PARTS
from runs.sql import listed, statement
from runs.states import RUN_LIVE
from teams.access import Principal

UNDIVIDED = "whole"
PARTS = (*CALL_PARTS, UNDIVIDED)
"""What a cost is made of; ``whole``: what is kept without its parts, counter-lines included."""
FEES = ("citations", "searches", "request", "seconds", "beyond_ours")
"""The parts that are not tokens: ``beyond_ours`` is what the provider's own figure is above ours."""
T = TypeVar("T")
Key = tuple[Any, ...]
"""The values of the dimensions that were asked for, in their order (``dimensions.DIMENSIONS``)."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over calls and counter-lines. Money in 1e-9 USD."""

    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    successful_requests: int = 0
    spent_nusd: int = 0  # counter-lines included
    unpriced_calls: int = 0  # ``spent_nusd`` lacks their cost
    estimated_calls: int = 0
    calls: int = 0  # that are settled
    saved_nusd: int = 0  # by caches of results
    cache_saved_nusd: int = 0  # by prompts that providers had in their caches
    prompt_nusd: int = 0
    cached_nusd: int = 0
    cache_write_nusd: int = 0
    completion_nusd: int = 0
    reasoning_nusd: int = 0
    citations_nusd: int = 0
    searches_nusd: int = 0
    request_nusd: int = 0
    seconds_nusd: int = 0
    beyond_ours_nusd: int = 0
    whole_nusd: int = 0
    counter_lines: int = 0  # how many
    moved_nusd: int = 0  # what they sum to

    def __add__(self, other: Sums) -> Sums:
        return Sums(*map(operator.add, _values(self), _values(other)))

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def fees_nusd(self) -> int:
        return sum(self.part(name) for name in FEES)

    def part(self, name: str) -> int:
        """One of ``PARTS``; they sum to ``spent_nusd``."""
        nusd: int = getattr(self, f"{name}_nusd")
        return nusd


FIGURES = tuple(Sums.__dataclass_fields__)
_values = operator.attrgetter(*FIGURES)
_OF_CALLS = FIGURES[:-2]
assert set(_OF_CALLS) == set(BILL_SUMS.figures)
NONE = Sums()


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose calls: a team's, real or simulated ones, of one month with its counter-lines; or, where ``month`` is None,
    those that were opened from ``since`` until before ``until``, without counter-lines.

    ``only``: values of dimensions that the lines must have.
    """

    who: Principal
    simulated: bool
    month: date | None
    since: date | None = None
    until: date | None = None
    only: Mapping[str, Any] = field(default_factory=dict)


def total(rows: Iterable[Sums]) -> Sums:
    return added(((), row) for row in rows).get((), NONE)


def added(rows: Iterable[tuple[T, Sums]]) -> dict[T, Sums]:
    """The sums of each name added up. As sums of ``Sums`` it took five times as long: a bill adds up thousands."""
    found: dict[T, tuple[int, ...]] = {}
    for name, row in rows:
        known = found.get(name)
        found[name] = _values(row) if known is None else tuple(map(operator.add, known, _values(row)))
    return {name: Sums(*values) for name, values in found.items()}


def sums_of(scope: Scope, by: Sequence[str] = (), *, most: int | None = None) -> dict[Key, Sums]:
    """By the dimensions; keys without calls and counter-lines are left out. ``most``: so many keys at most, the
    dearest; None: all."""
    query = _statement(tuple(map(_kind, by)), tuple(map(_kind, scope.only)), scope.month is not None)
    with connection.cursor() as cursor:
        cursor.execute(query, _parameters(scope, by) | {"most": most})
        rows = cursor.fetchall()
    length = len(by)
    sums = {row[:length]: Sums(*row[length:]) for row in rows}
    return {key: row for key, row in sums.items() if row.calls or row.counter_lines}


def _kind(name: str) -> str:
    """Statements are kept by the kinds of their dimensions: a label's name is a parameter."""
    return LABEL if label_of(name) else name


def _parameters(scope: Scope, by: Sequence[str]) -> dict[str, Any]:
    return {
        "team": scope.who.team.pk,
        "simulated": scope.simulated,
        "month": scope.month,
        "since": scope.since,
        "until": scope.until,
        "live": list(RUN_LIVE),
        **{f"by_{place}": label_of(name) for place, name in enumerate(by)},
        **only_parameters(scope.only),
    }


def narrowed(only: Sequence[str], *, moved: bool = False) -> Composable:
    """Conditions on ``call`` and ``run`` for the parameters of ``only_parameters``, each with an AND before it.

    ``moved``: of counter-lines, which have the day on which they came.
    """
    return SQL(" ").join(_conditions(tuple(map(_kind, only)), _MOVED if moved else _CALLS))


def only_parameters(only: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{f"of_{place}": label_of(name) for place, name in enumerate(only)},
        **{f"only_{place}": value for place, value in enumerate(only.values())},
    }


@dataclass(frozen=True, slots=True)
class _Source:
    """Where lines come from. ``dimensions``: which of a dimension's expressions is for it."""

    rows: LiteralString
    of_month: LiteralString
    of_days: LiteralString  # "": it has no lines in a stretch of days
    dimensions: str
    labels: LiteralString
    own: Mapping[str, LiteralString] = field(default_factory=dict)  # expressions of its own for a dimension


_SUMS = _Source(
    rows="runs_billsum AS kept",
    of_month="WHERE kept.team_id = %(team)s AND kept.simulated = %(simulated)s AND kept.month = %(month)s",
    # A call's month may be that after its day, by the moment that its statement took; never before it.
    of_days="""WHERE kept.team_id = %(team)s AND kept.simulated = %(simulated)s
        AND kept.month >= date_trunc('month', %(since)s::date)::date
        AND kept.month <= date_trunc('month', %(until)s::date)::date
        AND kept.day >= %(since)s AND kept.day < %(until)s""",
    dimensions="sums",
    labels="launch.labels",
)
_CALLS = _Source(
    rows="runs_run AS run JOIN runs_call AS call ON call.run_id = run.id",
    of_month="""WHERE run.team_id = %(team)s AND run.state = ANY(%(live)s) AND call.state <> 'intent'
        AND call.simulated = %(simulated)s AND call.billed_month = %(month)s""",
    of_days="""WHERE run.team_id = %(team)s AND run.state = ANY(%(live)s) AND call.state <> 'intent'
        AND call.simulated = %(simulated)s
        AND call.started_at >= (%(since)s::date)::timestamp AT TIME ZONE 'UTC'
        AND call.started_at < (%(until)s::date)::timestamp AT TIME ZONE 'UTC'""",
    dimensions="calls",
    labels="run.metadata",
)
OF_MOVED: LiteralString = f"WHERE NOT %(simulated)s AND {moved_in('%(month)s')}"
"""Counter-lines of the month."""
_MOVED = _Source(
    rows=MOVED_ROWS,
    of_month=OF_MOVED,
    of_days="",
    dimensions="calls",
    labels="run.metadata",
    own={
        "day": """(CASE WHEN correction.month = %(month)s THEN correction.made_at ELSE call.started_at END
                   AT TIME ZONE 'UTC')::date"""
    },
)
_MOVED_FIGURES: Mapping[str, LiteralString] = {
    **dict.fromkeys(_OF_CALLS, "0"),
    **dict.fromkeys(("spent_nusd", "whole_nusd", "moved_nusd"), "(sum(moved.nusd))::bigint"),
    "counter_lines": "count(*)",
}
_CALL_FIGURES: Mapping[str, LiteralString] = {
    **{name: f"({BILL_SUMS.figures[name]})::bigint" for name in _OF_CALLS},
    "counter_lines": "0",
    "moved_nusd": "0",
}
_SUM_FIGURES: Mapping[str, LiteralString] = {
    **{name: f"sum(kept.{name})::bigint" for name in _OF_CALLS},
    "counter_lines": "0",
    "moved_nusd": "0",
}
_SOURCES = ((_SUMS, _SUM_FIGURES), (_CALLS, _CALL_FIGURES), (_MOVED, _MOVED_FIGURES))


@lru_cache(maxsize=256)
def _statement(by: Sequence[str], only: Sequence[str], of_month: bool) -> str:
    keys = [f"key_{place}" for place in range(len(by))]
    parts = [_part(source, figures, by, only, of_month) for source, figures in _SOURCES if of_month or source.of_days]
    return statement(
        "SELECT {keys} FROM ({parts}) AS lines {grouped} ORDER BY sum(spent_nusd) DESC LIMIT %(most)s",
        keys=listed([*keys, *(f"coalesce(sum({name}), 0)::bigint" for name in FIGURES)]),
        parts=SQL(" UNION ALL ").join(parts),
        grouped=_grouped(len(by)),
    )


def _part(
    source: _Source,
    figures: Mapping[str, LiteralString],
    by: Sequence[str],
    only: Sequence[str],
    of_month: bool,
) -> Composable:
    keys = [f"{_expression(name, source, f'by_{place}')} AS key_{place}" for place, name in enumerate(by)]
    joined = source is _SUMS and LABEL in (*by, *only)
    return SQL("SELECT {columns} FROM {rows} {labels} {which} {narrow} {grouped}").format(
        columns=listed([*keys, *(f"{figures[name]} AS {name}" for name in FIGURES)]),
        rows=SQL(source.rows),
        labels=SQL(_LABELS if joined else ""),
        which=SQL(source.of_month if of_month else source.of_days),
        narrow=SQL(" ").join(_conditions(only, source)),
        grouped=_grouped(len(by)),
    )


_LABELS: LiteralString = (
    "LEFT JOIN runs_launchlabels AS launch ON launch.team_id = kept.team_id AND launch.digest = kept.labels"
)


def _conditions(only: Sequence[str], source: _Source) -> list[Composable]:
    return [
        SQL("AND {value} = {given}").format(
            value=SQL(_expression(name, source, f"of_{place}")),
            given=SQL(f"%(only_{place})s"),
        )
        for place, name in enumerate(only)
    ]


def _expression(name: str, source: _Source, parameter: str) -> str:
    """Of the code's own making: a label's name is the parameter."""
    if name == LABEL:
        return f"coalesce({source.labels} ->> %({parameter})s, '')"
    expression: str = source.own.get(name) or getattr(DIMENSIONS[name], source.dimensions)
    return f"({expression})"


def _grouped(length: int) -> Composable:
    """Without dimensions there is one row, even of nothing."""
    if not length:
        return SQL("")
    return SQL("GROUP BY ") + listed(str(place + 1) for place in range(length))
