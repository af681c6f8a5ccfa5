"""What this month's calls would cost by the default list as it is now, to the last digit, against what was booked.

A call is reckoned as it was booked: by its own tokens, time and length of prompt. What no list decides stays as it is:
costs that providers state themselves, calls of unknown outcome, models that the list does not have, and calls
of unknown time if its price is by the second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from django.db import connection
from django.db.models import Sum
from psycopg.sql import SQL

from engine.catalogue.pricing import Price, Rates
from runs.ledger.prices import FEE_FIELDS, PRICE_FIELDS, TeamPrices, fields_of
from runs.ledger.rollups.tables import AS_BOOKED
from runs.ledger.token_spend import BY_OUR_PRICE_NUSD, TOOK_MS
from runs.models import BillSum
from runs.months import this_month
from runs.sql import listed, rows_as, statement
from teams.access import Principal, visible_to
from teams.refusals import Invalid
from teams.work_bounds import Places, query_time

MOST_CALLS = 300_000
"""Calls of a month that are reckoned on a page's thread: some seconds."""
SECONDS = 5.0
PLACES = Places(2, "Other months are being reckoned. Try again in a moment.")
TOO_LONG = "This month took the database too long to be reckoned anew and was given up. Its bill says what was booked."


@dataclass(frozen=True, slots=True)
class ModelMonth:
    """A model's settled real calls of the month. Amounts in 1e-9 USD."""

    model: str
    calls: int
    booked_nusd: int  # of calls whose cost is known
    listed_nusd: int  # the same calls by the list as it is now
    reckoned_calls: int  # whose cost the list decides
    unpriced_calls: int  # whose cost nobody knew
    found_calls: int  # of these the list prices now
    found_nusd: int  # and what they cost by it

    @property
    def more_nusd(self) -> int:
        """What the list says more than was booked; below 0: less."""
        return self.listed_nusd - self.booked_nusd


@dataclass(frozen=True, slots=True)
class MonthByList:
    month: date
    models: Sequence[ModelMonth]  # the largest differences first

    @property
    def total(self) -> ModelMonth:
        sums = (sum(getattr(model, name) for model in self.models) for name in _FIGURES)
        return ModelMonth("", *sums)


def month_by_list(who: Principal) -> MonthByList:
    """The open month's calls so far. ``Invalid`` if there are too many for a page or the database takes too long,
    ``Busy`` if others take all places. Four queries."""
    with PLACES.one(), query_time(SECONDS, TOO_LONG, field="month") as go_on:
        return _month_by_list(who, go_on)


def _month_by_list(who: Principal, go_on: Callable[[], None]) -> MonthByList:
    """``go_on`` is called between the queries."""
    month = this_month()
    sums = visible_to(who, BillSum).filter(simulated=False, month=month)
    if (sums.aggregate(calls=Sum("calls"))["calls"] or 0) > MOST_CALLS:
        raise Invalid(f"This month has more than {MOST_CALLS:,} calls, which is too many to reckon anew on a page.")
    go_on()
    names: dict[str, Any] = {"team": who.team.pk, "month": month}
    with connection.cursor() as cursor:
        cursor.execute(MODELS, names)
        models = [row[0] for row in cursor.fetchall()]
        go_on()
        prices = TeamPrices(who.team, models, own=False)
        rows = [row for model in models if (price := prices.price(model)) for row in _rows(model, price)]
        columns = {column: [row[place] for row in rows] for place, column in enumerate(_COLUMNS)}
        go_on()
        cursor.execute(RECKON, names | columns)
        found = rows_as(ModelMonth, cursor)
    return MonthByList(month, sorted(found, key=lambda model: (-abs(model.more_nusd), -model.booked_nusd, model.model)))


def _rows(model: str, price: Price) -> Iterator[list[Any]]:
    """A row for each range of lengths of the prompt: from how many tokens to how many its rates apply."""
    fees = [getattr(price, name) for name in _FEES]
    rates: list[Rates] = [price, *sorted(price.tiers, key=lambda tier: tier.above_tokens)]
    ends = [*(one.above_tokens for one in rates[1:]), None]
    for one, up_to in zip(rates, ends, strict=True):
        above = one.above_tokens if one is not price else -1
        yield [model, above, up_to, *fields_of(one).values(), *fees]


_FIGURES = (
    *("calls", "booked_nusd", "listed_nusd", "reckoned_calls"),
    *("unpriced_calls", "found_calls", "found_nusd"),
)
_FEES = tuple(name for name in FEE_FIELDS if name != "extra_reserve_usd")
_AMOUNTS = (*PRICE_FIELDS, *_FEES)
_COLUMNS = ("model", "above", "up_to", *_AMOUNTS)


def _by_the_list() -> LiteralString:
    """The rule of what a call costs, with the list's prices in the place of those that are kept with the call."""
    rule: LiteralString = BY_OUR_PRICE_NUSD.replace("call.took_ms", TOOK_MS)
    for name in _AMOUNTS:
        rule = rule.replace(f"call.{name}", f"price.{name}")
    return rule


MODELS = """
    SELECT DISTINCT model FROM runs_billsum
    WHERE team_id = %(team)s AND NOT simulated AND month = %(month)s AND kind = 'model'
    UNION
    SELECT call.model FROM runs_run AS run JOIN runs_call AS call ON call.run_id = run.id
    WHERE run.team_id = %(team)s AND run.finished_at IS NULL AND call.billed_month = %(month)s
      AND call.kind = 'model' AND NOT call.simulated
    ORDER BY model
"""

RECKON = statement(
    """
    WITH price AS (
        SELECT * FROM unnest(%(model)s::text[], %(above)s::bigint[], %(up_to)s::bigint[], {amounts})
            AS price ({columns})),
    reckoned AS (
        SELECT call.model, call.cost_nusd, decided.by_list,
               CASE WHEN decided.by_list THEN {by_list} ELSE call.cost_nusd END AS listed_nusd
        FROM runs_call AS call
        LEFT JOIN price ON price.model = call.model AND call.prompt_tokens > price.above
            AND (price.up_to IS NULL OR call.prompt_tokens <= price.up_to)
        CROSS JOIN LATERAL (
            SELECT price.model IS NOT NULL AND NOT {as_booked} AND NOT call.provider_is_booked
                   AND (coalesce(price.second_usd, 0) = 0 OR {took_ms} > 0) AS by_list
        ) AS decided
        WHERE call.team_id = %(team)s AND call.billed_month = %(month)s AND NOT call.simulated
          AND call.kind = 'model' AND call.state <> 'intent')
    SELECT model, count(*) AS calls, coalesce(sum(cost_nusd), 0)::bigint AS booked_nusd,
           coalesce(sum(listed_nusd) FILTER (WHERE cost_nusd IS NOT NULL), 0)::bigint AS listed_nusd,
           count(*) FILTER (WHERE by_list) AS reckoned_calls,
           count(*) FILTER (WHERE cost_nusd IS NULL) AS unpriced_calls,
           count(*) FILTER (WHERE cost_nusd IS NULL AND listed_nusd IS NOT NULL) AS found_calls,
           coalesce(sum(listed_nusd) FILTER (WHERE cost_nusd IS NULL), 0)::bigint AS found_nusd
    FROM reckoned GROUP BY model
    """,
    amounts=listed(f"%({name})s::numeric[]" for name in _AMOUNTS),
    columns=listed(_COLUMNS),
    by_list=SQL(_by_the_list()),
    as_booked=SQL(AS_BOOKED),
    took_ms=SQL(TOOK_MS),
)
