"""Re-prices calls: what each agent's cost, and what they would have cost. The figures of page, API, CSV and saved rows.

Calls of a filter are re-priced one by one. Those of a month or a crew are re-priced from sums of calls that are priced
alike: exactly as well where nothing changes, or where a token costs whole nano-dollars; else the sum is not rounded
call by call, and ``Answer.tolerance_nusd`` says by how much it may differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any, LiteralString
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.http import Http404

from agents_app.models import Crew
from engine.text import counted
from runs.history.filters import RunFilter
from runs.models import Run
from runs.scenarios import statements
from runs.scenarios.asked import Asked
from runs.scenarios.targets import Group, Target, fit_sums, is_whole, parameters, targets_of
from runs.sql import rows_as
from runs.states import RUN_LIVE
from teams.access import Principal, visible_to
from teams.work_bounds import Places, query_time

MAX_RUNS = 10_000
"""Runs of a filter that are re-priced, the newest ones; the page says so."""
SECONDS = 5.0
PLACES = Places(2, "Other runs are being re-priced. Try again in a moment.")
TOO_WIDE = "These calls took the database too long and were given up. Narrow the filter, for example by since:7d."


@dataclass(frozen=True, slots=True)
class Sums:
    """Of calls. ``cost_nusd`` is all that they cost; ``compared_nusd`` and ``new_nusd`` are of those alone whose cost
    is known on both sides."""

    calls: int = 0
    cost_nusd: int = 0
    unpriced_calls: int = 0
    untimed_calls: int = 0  # the price is by the second, and how long they took is not known
    newly_unlisted: int = 0  # whose cost is known, and whose model has no price in this list
    compared_calls: int = 0
    compared_nusd: int = 0
    new_nusd: int = 0
    booked_calls: int = 0  # of unknown outcome: their assumption stays
    stated_calls: int = 0  # were booked at what their provider said, and are priced by the list here
    kept_stated_calls: int = 0  # stay at what their provider said, since their model stays
    tool_calls: int = 0  # offered functions
    schema_calls: int = 0  # gave the answer's schema
    surely_long: int = 0  # prompts longer than the other model's window
    maybe_long: int = 0  # the same, with those of which sums cannot tell
    cacheable_calls: int = 0
    cached_calls: int = 0
    rounded_calls: int = 0  # re-priced together

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def difference_nusd(self) -> int:
        return self.new_nusd - self.compared_nusd


@dataclass(frozen=True, slots=True)
class Line:
    """One agent's calls to one model. ``limits``: what the other model cannot do, in words."""

    target: Target
    sums: Sums
    tolerance_nusd: int = 0

    @property
    def limits(self) -> list[str]:
        return list(_limits(self.target, self.sums))


@dataclass(frozen=True, slots=True)
class Answer:
    """``runs``: how many a filter found, at most ``MAX_RUNS``; None for months and crews."""

    asked: Asked
    simulated: bool
    lines: tuple[Line, ...]
    crews: Mapping[int, Crew]
    runs: int | None = None
    more_runs: bool = False
    other_kind: bool = False  # the same filter finds runs of the other kind too

    @property
    def total(self) -> Sums:
        return sum((line.sums for line in self.lines), Sums())

    @property
    def tolerance_nusd(self) -> int:
        return sum(line.tolerance_nusd for line in self.lines)

    @property
    def groups(self) -> list[Group]:
        return [line.target.group for line in self.lines]


@dataclass(frozen=True, slots=True)
class Calls:
    """Where the calls are read from: a statement of ``statements``, its parameters, and whether its lines are sums."""

    lines: LiteralString
    values: Mapping[str, Any]
    summed: bool
    simulated: bool
    runs: int | None = None
    more_runs: bool = False
    other_kind: bool = False


Rules = Callable[[Sequence[Group], bool], Asked]


def answer(who: Principal, asked: Asked, *, rules: Rules | None = None) -> Answer:
    """``rules`` makes what is asked from the groups of calls, and whether they are simulated: a tier down for each.

    Raises ``Invalid`` for what has no price or takes too long, ``Busy``, and ``Http404`` for a crew that is not there.
    """
    with PLACES.one(), query_time(SECONDS, TOO_WIDE, field="q") as go_on:
        calls = _calls(who, asked)
        go_on()
        crews, groups = _groups(who, calls)
        asked = rules(groups, calls.simulated) if rules else asked
        targets = targets_of(who.team, asked, groups)
        if calls.summed and not fit_sums(asked, targets):
            calls = replace(calls, lines=statements.CALLS_OF_MONTH, summed=False)
        go_on()
        lines = tuple(_lines(calls, asked, targets))
    return Answer(asked, calls.simulated, lines, crews, calls.runs, calls.more_runs, calls.other_kind)


def runs_of(who: Principal, asked: Asked, simulated: bool) -> QuerySet[Run]:
    """The runs that a filter means, newest first."""
    runs = RunFilter.parse(asked.q, who).apply(visible_to(who, Run))
    return runs.filter(simulated=simulated).order_by("-pk")


def _calls(who: Principal, asked: Asked) -> Calls:
    return _calls_of_runs(who, asked) if asked.q else _calls_of_month(who, asked)


def _calls_of_runs(who: Principal, asked: Asked) -> Calls:
    def ids(simulated: bool) -> list[UUID]:
        return list(runs_of(who, asked, simulated).values_list("pk", flat=True)[: MAX_RUNS + 1])

    simulated = bool(asked.simulated)
    found = ids(simulated)
    if not found and asked.simulated is None:
        simulated, found = True, ids(True)
    other = runs_of(who, asked, not simulated).exists()
    return Calls(
        statements.CALLS_OF_RUNS,
        {"runs": found[:MAX_RUNS]},
        summed=False,
        simulated=simulated,
        runs=len(found[:MAX_RUNS]),
        more_runs=len(found) > MAX_RUNS,
        other_kind=other,
    )


def _calls_of_month(who: Principal, asked: Asked) -> Calls:
    crew = None
    if asked.crew:
        crew = visible_to(who, Crew).filter(slug=asked.crew).values_list("pk", flat=True).first()
        if crew is None:
            raise Http404("No such crew.")
    values = {"team": who.team.pk, "month": asked.month, "crew": crew, "live": list(RUN_LIVE)}
    with connection.cursor() as cursor:
        cursor.execute(statements.KINDS_OF_MONTH, values)
        kinds = {row[0] for row in cursor.fetchall()}
    simulated = asked.simulated if asked.simulated is not None else kinds == {True}
    return Calls(
        statements.SUMS_OF_MONTH,
        values | {"simulated": simulated},
        summed=True,
        simulated=simulated,
        other_kind=(not simulated) in kinds,
    )


def _groups(who: Principal, calls: Calls) -> tuple[dict[int, Crew], list[Group]]:
    with connection.cursor() as cursor:
        cursor.execute(_groups_sql(calls.lines), calls.values)
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    crews = visible_to(who, Crew).in_bulk({row["crew_id"] for row in rows})
    return crews, [Group(crew=crews[row["crew_id"]].slug, **row) for row in rows]


def _lines(calls: Calls, asked: Asked, targets: Sequence[Target]) -> list[Line]:
    hit = None if asked.hit_percent is None else Decimal(asked.hit_percent) / 100
    changed = {
        **parameters(targets, summed=calls.summed),
        "hit": hit,
        "summed": calls.summed,
        "cached_from": statements.CACHED_FROM_TOKENS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_reprice_sql(calls.lines), {**calls.values, **changed})
        found = {(row.crew_id, row.agent, row.model): row.sums for row in rows_as(_Row.of, cursor)}
    return [_line(target, found, asked) for target in targets]


def _line(target: Target, found: Mapping[Any, Sums], asked: Asked) -> Line:
    group = target.group
    sums = found.get((group.crew_id, group.agent, group.model), Sums())
    exact = asked.hit_percent is None and (target.price is None or is_whole(target.price))
    return Line(target, sums, 0 if exact else (sums.rounded_calls + 1) // 2)


@dataclass(frozen=True, slots=True)
class _Row:
    crew_id: int
    agent: str
    model: str
    sums: Sums

    @classmethod
    def of(cls, crew_id: int, agent: str, model: str, **sums: int) -> _Row:
        return cls(crew_id, agent, model, Sums(**sums))


@cache
def _groups_sql(lines: LiteralString) -> str:
    return statements.groups(lines)


@cache
def _reprice_sql(lines: LiteralString) -> str:
    return statements.reprice(lines)


def _limits(target: Target, sums: Sums) -> Any:
    if not target.is_other or not sums.calls:
        return
    facts = target.facts
    if facts is None:
        yield "The price list does not say what it can do."
        return
    if sums.maybe_long:
        some = f"{sums.surely_long:,}" if sums.surely_long == sums.maybe_long else f"Up to {sums.maybe_long:,}"
        verb = "does" if sums.maybe_long == 1 else "do"
        yield f"{some} of {counted(sums.calls, 'call')} {verb} not fit its window of {facts.context_tokens:,} tokens."
    if sums.tool_calls and not facts.tools:
        yield f"It does not call functions, which {counted(sums.tool_calls, 'call')} offered: it is asked in words."
    if sums.schema_calls and not facts.schema:
        yield f"It takes no schema of its answer, which {counted(sums.schema_calls, 'call')} gave: words ask for it."
