"""Forecasts of a month: of a team, of one crew, of every crew or member. Each is one query for the days' sums, and one
for the month's bill.

Rollups tell the days of runs that have ended, the calls themselves those of runs that have not. The month's total has
what its bill took for calls of closed months, as the bill has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Literal, LiteralString

from django.db import connection
from django.utils import timezone
from psycopg.sql import SQL

from agents_app.models import Crew
from runs.bounds.standings import Standing
from runs.forecast.month import Forecast, first_counted, forecast
from runs.ledger.corrections import MOVED_ROWS, moved_in
from runs.ledger.rollups.tables import BILL_SUMS
from runs.models import Bill
from runs.sql import statement
from runs.states import RUN_LIVE
from teams.models import Team

By = Literal["crew", "person"]


@dataclass(slots=True)
class Spent:
    """Sums of calls, in 1e-9 USD: by the month that they were billed in, and by the day on which they were made."""

    months: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    days: dict[date, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, month: date, day: date | None, nusd: int) -> None:
        """``day`` is None of what a bill took for a call of a closed month: it is no day's pace."""
        self.months[month] += nusd
        if day is not None:
            self.days[day] += nusd


def hour_now() -> datetime:
    """The full hour in which it is, in UTC: so pages and the API say the same, and nothing moves at each reload."""
    return timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def month_now() -> date:
    """The first day of the present month, in UTC."""
    return hour_now().date().replace(day=1)


def team_forecast(
    team: Team,
    *,
    month: date | None = None,
    simulated: bool = False,
    budget_nusd: int | None = None,
    now: datetime | None = None,
) -> Forecast:
    """Of the present month, or of another that has begun. ``budget_nusd``: whose end is looked for, else the bill's.
    ``now``: another full hour than the present one."""
    now = now or hour_now()
    month = month or now.date().replace(day=1)
    spent = _spent(team, month, simulated, now)[None]
    return _of_team(team, spent, month, simulated, now, budget_nusd)


def crew_forecast(team: Team, crew: Crew, *, month: date | None = None, simulated: bool = False) -> Forecast:
    """Of one crew of the team."""
    now, month = hour_now(), month or month_now()
    spent = _spent(team, month, simulated, now, crew=crew)[None]
    return forecast(spent.days, month=month, spent_nusd=spent.months[month], now=now)


@dataclass(frozen=True, slots=True)
class Forecasts:
    """The team's, and those of its crews or people by id, of whoever has spent something that counts: also of people
    who are members no longer."""

    team: Forecast
    each: Mapping[int, Forecast]


def forecasts(
    team: Team,
    by: By,
    *,
    month: date | None = None,
    simulated: bool = False,
    standings: Mapping[int, Standing] | None = None,
) -> Forecasts:
    """``standings``: of members' budgets, by the member's id. Each says what the member has spent, and of each the end
    is reckoned."""
    now, month, standings = hour_now(), month or month_now(), standings or {}
    found = _spent(team, month, simulated, now, by=by)
    every = Spent()
    for spent in found.values():
        for its_month, nusd in spent.months.items():
            every.months[its_month] += nusd
        for day, nusd in spent.days.items():
            every.days[day] += nusd
    each: dict[int, Forecast] = {}
    for key in {*found, *standings}:
        if not key:  # 0: accounts that were removed before a run kept the id of whoever launched it
            continue
        spent, standing = found.get(key, Spent()), standings.get(key)
        each[key] = forecast(
            spent.days,
            month=month,
            spent_nusd=spent.months[month] if standing is None else standing.spent_nusd,
            now=now,
            budget_nusd=None if standing is None else standing.budget_nusd,
        )
    return Forecasts(_of_team(team, every, month, simulated, now, None), each)


def _of_team(
    team: Team, spent: Spent, month: date, simulated: bool, now: datetime, budget_nusd: int | None
) -> Forecast:
    """Real money is what the month's bill says, which also has corrections of months that were closed."""
    spent_nusd = spent.months[month]
    if not simulated:
        bill = Bill.objects.filter(team=team, month=month).values_list("spent_nusd", "budget_nusd").first()
        spent_nusd, of_bill = bill or (0, team.budget_nusd)
        budget_nusd = of_bill if budget_nusd is None else budget_nusd
    return forecast(spent.days, month=month, spent_nusd=spent_nusd, now=now, budget_nusd=budget_nusd)


def _spent(
    team: Team,
    month: date,
    simulated: bool,
    now: datetime,
    *,
    by: By | None = None,
    crew: Crew | None = None,
) -> Mapping[int | None, Spent]:
    """By id of the crew or person; without ``by`` under None. Of a month that is over its own calls alone are read."""
    today = now.date()
    is_over = today.replace(day=1) > month
    values: dict[str, Any] = {
        "team": team.pk,
        "simulated": simulated,
        "month": month,
        "since": month if is_over else first_counted(today).replace(day=1),
        "until": month if is_over else today.replace(day=1),
        "live": list(RUN_LIVE),
        "crew": None if crew is None else crew.pk,
    }
    found: defaultdict[int | None, Spent] = defaultdict(Spent)
    with connection.cursor() as cursor:
        cursor.execute(_statement(by, crew is not None), values)
        for key, billed, day, nusd in cursor.fetchall():
            found[key].add(billed, day, nusd)
    return found


_KEYS: Mapping[str | None, tuple[LiteralString, LiteralString]] = {
    None: ("NULL::bigint", "NULL::bigint"),
    "crew": ("crew_id", "run.crew_id"),
    "person": ("person", BILL_SUMS.keys["person"]),
}


@cache
def _statement(by: By | None, of_crew: bool) -> str:
    of_ended, of_live = _KEYS[by]
    return statement(
        """
        SELECT key, month, day, sum(nusd)::bigint FROM (
            SELECT {of_ended} AS key, month, day, spent_nusd AS nusd FROM runs_daysum
            WHERE team_id = %(team)s AND simulated = %(simulated)s AND month BETWEEN %(since)s AND %(until)s {narrow}
            UNION ALL
            SELECT {of_live}, call.billed_month, (call.started_at AT TIME ZONE 'UTC')::date, call.cost_nusd
            FROM runs_run AS run JOIN runs_call AS call ON call.run_id = run.id
            WHERE run.team_id = %(team)s AND run.state = ANY(%(live)s) AND call.state <> 'intent'
              AND call.simulated = %(simulated)s AND call.billed_month BETWEEN %(since)s AND %(until)s
              AND call.cost_nusd IS NOT NULL {narrow_live}
            UNION ALL
            SELECT {of_live}, moved.month, NULL, moved.nusd FROM {moved}
            WHERE NOT %(simulated)s AND {moved_in} {narrow_live}
        ) AS counted GROUP BY key, month, day
        """,
        of_ended=SQL(of_ended),
        of_live=SQL(of_live),
        moved=SQL(MOVED_ROWS),
        moved_in=SQL(moved_in("%(month)s")),
        narrow=SQL("AND crew_id = %(crew)s" if of_crew else ""),
        narrow_live=SQL("AND run.crew_id = %(crew)s" if of_crew else ""),
    )
