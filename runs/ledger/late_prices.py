"""Books calls that had no price at one that is known by now: just what they would have cost, fees and tiers included.

Each call gets a correction, as a late figure does, and every sum follows. Calls of unknown outcome are left as they
are: what they used is not known either. So are those of unknown time where the price is by the second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import BigIntegerField, Count, Q, QuerySet
from django.db.models.expressions import RawSQL
from psycopg.sql import SQL

from engine.catalogue.pricing import Charge, Price, Usage, charge_of
from runs.bounds.unpriced import unpriced_of
from runs.ledger import rollups
from runs.ledger.call_lines import parts_of
from runs.ledger.corrections import keep_correction, open_month
from runs.ledger.locks import LOCK_RUNS
from runs.ledger.prices import FEE_FIELDS, PRICE_FIELDS, fields_of
from runs.ledger.statements import TOKEN_FIELDS
from runs.ledger.token_spend import TOOK_MS, of
from runs.live.notify import run_changed
from runs.models import Bill, Call, Corrects
from runs.models.call import CALL_PARTS
from runs.money import to_nusd
from runs.months import this_month
from runs.sql import listed, rows_as, statement
from runs.states import CallState
from teams.models import Team

RUNS_AT_ONCE = 100
"""Runs whose calls are booked in one transaction, so that nobody waits long for their rows."""
Told = Callable[[int, int], None]
"""Hears, in the transaction, how many calls were booked and what they cost together, in 1e-9 USD."""


@dataclass(frozen=True, slots=True)
class Booked:
    """What was booked, and how many calls of these models are left for another time."""

    calls: int
    nusd: int
    left: int


@dataclass(frozen=True, slots=True)
class UnpricedCall:
    """A call without a price, as its locked row has it."""

    id: UUID
    run_id: UUID
    task_run_id: int | None
    model: str
    billed_month: date
    person_id: int | None
    run_ended: bool
    prompt_tokens: int
    cached_prompt_tokens: int
    cache_write_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    citation_tokens: int
    searches: int
    took_ms: int

    @property
    def usage(self) -> Usage:
        tokens = {name: getattr(self, name) for name in TOKEN_FIELDS}
        return Usage(**tokens, citation_tokens=self.citation_tokens, searches=self.searches, took_ms=self.took_ms)


def open_months(team: Team) -> list[date]:
    """The months whose bills are not closed, the oldest first."""
    closed = dict(Bill.objects.filter(team=team).values_list("month", "closed_at"))
    return sorted(month for month in {*closed, this_month()} if closed.get(month) is None)


def unpriced_by_model(team: Team) -> Mapping[str, tuple[int, int]]:
    """The models of the open months' calls without a price: how many there are, and of how many the outcome is known.
    Two queries."""
    unpriced = _unpriced(team)
    rows = unpriced.values("model").annotate(calls=Count("pk"), known=Count("pk", filter=_OUTCOME_KNOWN))
    return {row["model"]: (row["calls"], row["known"]) for row in rows.order_by("-calls", "model")}


def bookable_by_model(team: Team, prices: Mapping[str, Price]) -> Mapping[str, int]:
    """How many calls ``book_unpriced`` would find of each of these models, those with any. Two queries."""
    rows = _priceable(team, prices).order_by().values("model").annotate(calls=Count("pk"))
    return {row["model"]: row["calls"] for row in rows}


def book_unpriced(
    team: Team, prices: Mapping[str, Price], *, most: int, told: Told = lambda calls, nusd: None
) -> Booked:
    """Books at most about so many calls of the open months, those of the oldest runs first, by their models' prices.

    Each transaction books whole calls with all their sums, and ``told`` is called in it. What is left is booked by
    asking again.
    """
    wanted = _priceable(team, prices)
    found = list(wanted.order_by("run_id", "pk").values_list("run_id", "pk")[:most])
    runs = [(run, [pk for _, pk in calls]) for run, calls in groupby(found, key=lambda row: row[0])]
    booked: Counter[str] = Counter()
    for first in range(0, len(runs), RUNS_AT_ONCE):
        some = runs[first : first + RUNS_AT_ONCE]
        booked += _book(team, [run for run, _ in some], [pk for _, calls in some for pk in calls], prices, told)
    left = wanted.count() if len(found) == most else 0
    return Booked(booked["calls"], booked["nusd"], left)


def would_cost(team: Team, prices: Mapping[str, Price], *, most: int) -> tuple[int, bool]:
    """What ``book_unpriced`` would book in 1e-9 USD, and whether that is all of it. Nothing is written."""
    wanted = _priceable(team, prices).order_by("run_id", "pk")
    with connection.cursor() as cursor:
        cursor.execute(READ, {"calls": list(wanted.values_list("pk", flat=True)[: most + 1])})
        calls = rows_as(UnpricedCall, cursor)
    costs = (to_nusd(charge_of(call.usage, prices[call.model]).cost_usd) or 0 for call in calls[:most])
    return sum(costs), len(calls) <= most


_OUTCOME_KNOWN = Q(state__in=[CallState.OK, CallState.LATE, CallState.ERROR], kind="model")


def _unpriced(team: Team) -> QuerySet[Call]:
    return unpriced_of(team, *open_months(team))


def _priceable(team: Team, prices: Mapping[str, Price]) -> QuerySet[Call]:
    """Those of which all is known that their model's price asks for: by the second, also how long the reply took."""
    wanted = _unpriced(team).filter(_OUTCOME_KNOWN, model__in=prices)
    by_second = [model for model, price in prices.items() if price.second_usd]
    if not by_second:
        return wanted
    timed = wanted.alias(known_ms=RawSQL(of("runs_call", TOOK_MS), [], BigIntegerField()))  # noqa: S611 - ours
    return timed.exclude(model__in=by_second, known_ms=0, prompt_tokens__gt=0)


@transaction.atomic
def _book(team: Team, runs: list[UUID], calls: list[UUID], prices: Mapping[str, Price], told: Told) -> Counter[str]:
    """In the order of locks: runs, their calls, bills, allowances, rollups."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_RUNS, {"runs": runs})
        cursor.execute(f"{READ} FOR UPDATE OF call", {"calls": calls})
        lines = rows_as(UnpricedCall, cursor)
        cursor.execute(LOCK_BILLS, [team.pk, sorted({line.billed_month for line in lines})])
        charges = {line.id: charge_of(line.usage, prices[line.model]) for line in lines}
        months = _correct(cursor, team, lines, charges)
        ended = sorted({line.run_id for line in lines if line.run_ended})
        _add_to_months(cursor, team, lines, charges, months)
        rollups.take_out(*ended)
        cursor.executemany(PRICE, [_priced(line, charges[line.id], prices[line.model]) for line in lines])
        _add_to_sums(cursor, lines, charges)
        rollups.add(*ended)
    for run in {line.run_id for line in lines}:
        run_changed(run)
    booked = Counter(calls=len(lines), nusd=sum(map(_nusd, charges.values())))
    told(booked["calls"], booked["nusd"])
    return booked


def _nusd(charge: Charge) -> int:
    return to_nusd(charge.cost_usd) or 0


def _correct(cursor: Any, team: Team, lines: Sequence[UnpricedCall], charges: Mapping[UUID, Charge]) -> list[date]:
    """Keeps a correction of each call; returns the months whose bills take what they cost."""
    owners = sorted({(line.billed_month, line.person_id or 0) for line in lines})
    taken_by = {
        (month, person): open_month(cursor, team=team.pk, person=person or None, month=month)
        for month, person in owners
    }
    months = [taken_by[line.billed_month, line.person_id or 0] for line in lines]
    for line, month in zip(lines, months, strict=True):
        cost = _nusd(charges[line.id])
        keep_correction(cursor, line.id, booked=None, cost=cost, month=month, why=Corrects.PRICED)
    return months


def _priced(line: UnpricedCall, charge: Charge, price: Price) -> dict[str, Any]:
    assert charge.rates is not None
    return {
        **fields_of(charge.rates),
        **{name: getattr(price, name) for name in _FEES},
        **parts_of(charge.parts),
        "above": charge.rates.above_tokens,
        "quote": price.quote_id,
        "cost": _nusd(charge),
        "took_ms": line.took_ms,
        "id": line.id,
    }


def _add_to_months(
    cursor: Any, team: Team, lines: Sequence[UnpricedCall], charges: Mapping[UUID, Charge], months: Sequence[date]
) -> None:
    bills: Counter[date] = Counter()
    allowances: Counter[tuple[int, date]] = Counter()
    for line, month in zip(lines, months, strict=True):
        bills[month] += _nusd(charges[line.id])
        if line.person_id is not None:
            allowances[line.person_id, month] += _nusd(charges[line.id])
    cursor.executemany(ADD_TO_BILL, [(nusd, team.pk, month) for month, nusd in sorted(bills.items())])
    cursor.executemany(
        ADD_TO_ALLOWANCE, [(nusd, team.pk, person, month) for (person, month), nusd in sorted(allowances.items())]
    )


def _add_to_sums(cursor: Any, lines: Sequence[UnpricedCall], charges: Mapping[UUID, Charge]) -> None:
    runs: Counter[UUID] = Counter()
    tasks: Counter[int] = Counter()
    calls = Counter[UUID | int]()
    for line in lines:
        runs[line.run_id] += _nusd(charges[line.id])
        calls[line.run_id] += 1
        if line.task_run_id is not None:
            tasks[line.task_run_id] += _nusd(charges[line.id])
            calls[line.task_run_id] += 1
    cursor.executemany(ADD_TO_RUN, [(nusd, calls[run], run) for run, nusd in runs.items()])
    cursor.executemany(ADD_TO_TASK, [(nusd, calls[task], task) for task, nusd in tasks.items()])


# Calls without a price.
READ = statement(
    """
    SELECT call.id, call.run_id, call.task_run_id, call.model, call.billed_month, run.created_by_id AS person_id,
           run.finished_at IS NOT NULL AS run_ended, call.prompt_tokens, call.cached_prompt_tokens,
           call.cache_write_tokens, call.completion_tokens, call.reasoning_tokens, call.citation_tokens, call.searches,
           {took_ms} AS took_ms
    FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
    WHERE call.id = ANY(%(calls)s) AND call.cost_nusd IS NULL AND call.state IN ('ok', 'late', 'error')
    ORDER BY call.run_id, call.id
    """,
    took_ms=SQL(TOOK_MS),
)

LOCK_BILLS = """
    SELECT FROM runs_bill WHERE team_id = %s AND month = ANY(%s) ORDER BY month FOR NO KEY UPDATE
"""

_FEES = tuple(name for name in FEE_FIELDS if name != "extra_reserve_usd")
PRICE = statement(
    """
    UPDATE runs_call SET {columns}, priced_above_tokens = %(above)s, quote_id = %(quote)s, cost_nusd = %(cost)s,
        took_ms = %(took_ms)s
    WHERE id = %(id)s
    """,
    columns=listed(
        f"{name} = %({name})s" for name in (*PRICE_FIELDS, *_FEES, *(f"{part}_nusd" for part in CALL_PARTS))
    ),
)
ADD_TO_BILL = "UPDATE runs_bill SET spent_nusd = spent_nusd + %s WHERE team_id = %s AND month = %s"
ADD_TO_ALLOWANCE = """
    UPDATE runs_allowance SET spent_nusd = spent_nusd + %s WHERE team_id = %s AND user_id = %s AND month = %s
"""
ADD_TO_RUN = """
    UPDATE runs_run SET spent_nusd = spent_nusd + %s, unpriced_calls = unpriced_calls - %s, revision = revision + 1
    WHERE id = %s
"""
ADD_TO_TASK = """
    UPDATE runs_taskrun SET spent_nusd = spent_nusd + %s, unpriced_calls = unpriced_calls - %s WHERE id = %s
"""
