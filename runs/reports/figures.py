"""What a report tells: the period's total against the one before and against the budget, and what changed most.

A month's total is its bill's. A week has no bill, so it is the sum of its days' calls, as the month's bill has them.
Amounts are 1e-9 USD, of real models alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, LiteralString

from django.db import connection
from psycopg.sql import SQL

from agents_app.models import Crew
from runs.forecast.queries import team_forecast
from runs.forecast.words import ends_text, forecast_text
from runs.ledger.corrections import MOVED_ROWS, moved_in
from runs.models import Bill, ReportKind
from runs.reports.periods import Period, period_of
from runs.sql import statement
from runs.states import RUN_LIVE
from teams.models import Team

MOST_CHANGES = 3


@dataclass(frozen=True, slots=True)
class Change:
    """What a crew cost in the period, and in the one before."""

    crew: str  # its name
    spent_nusd: int
    before_nusd: int

    @property
    def difference_nusd(self) -> int:
        return self.spent_nusd - self.before_nusd


@dataclass(frozen=True, slots=True)
class Figures:
    """As a report's row keeps them: dates as text, so that they are JSON."""

    kind: str
    begins: str
    spent_nusd: int
    unpriced_calls: int  # ``spent_nusd`` lacks their cost
    runs: int  # that were launched in it
    before_nusd: int | None  # None: nothing ran in the period before
    changes: Sequence[Change]  # the largest differences first
    month: str  # the one whose budget follows
    month_nusd: int
    month_is_over: bool
    budget_nusd: int | None
    forecast: str  # of the month in words; "" once it is over
    budget_ends: str  # "" where nothing can be said

    @property
    def period(self) -> Period:
        return period_of(ReportKind(self.kind), date.fromisoformat(self.begins))

    @property
    def difference_nusd(self) -> int | None:
        return None if self.before_nusd is None else self.spent_nusd - self.before_nusd

    @property
    def other_nusd(self) -> int:
        """What of the difference is not among the changes."""
        return (self.difference_nusd or 0) - sum(change.difference_nusd for change in self.changes)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def figures_from(kept: Mapping[str, Any]) -> Figures:
    """What ``as_json`` gave."""
    return Figures(**{**kept, "changes": tuple(Change(**change) for change in kept["changes"])})


def figures_of(team: Team, period: Period, now: datetime) -> Figures | None:
    """As the ledger has them now; None if no real run was launched in the period and nothing was called."""
    sums, before = _sums(team, period), _sums(team, period.before)
    runs = _runs(team, period)
    if not runs and not any(calls for _, _, calls in sums.values()):
        return None
    ran_before = any(calls for _, _, calls in before.values())
    spent_nusd = _total(team, period, sums)
    month = period_of(ReportKind.MONTH, period.month)
    is_over = now.date() >= month.until
    bill = Bill.objects.filter(team=team, month=period.month).values_list("spent_nusd", "budget_nusd").first()
    forecast = (
        None if is_over else team_forecast(team, month=period.month, now=now.replace(minute=0, second=0, microsecond=0))
    )
    return Figures(
        kind=period.kind.value,
        begins=period.begins.isoformat(),
        spent_nusd=spent_nusd,
        unpriced_calls=sum(unpriced for _, unpriced, _ in sums.values()),
        runs=runs,
        before_nusd=_total(team, period.before, before) if ran_before else None,
        changes=_changes(team, sums, before) if ran_before else (),
        month=period.month.isoformat(),
        month_nusd=bill[0] if bill else 0,
        month_is_over=is_over,
        budget_nusd=bill[1] if bill else team.budget_nusd,
        forecast="" if forecast is None else forecast_text(forecast),
        budget_ends="" if forecast is None else ends_text(forecast),
    )


Sums = Mapping[int, tuple[int, int, int]]
"""By crew: what was spent, calls without a price, and calls."""


def _total(team: Team, period: Period, sums: Sums) -> int:
    """A month's is its bill's, which also has what came late of closed months."""
    if period.kind == ReportKind.MONTH:
        bill = Bill.objects.filter(team=team, month=period.begins).values_list("spent_nusd", flat=True).first()
        return bill or 0
    return sum(spent for spent, _, _ in sums.values())


def _changes(team: Team, sums: Sums, before: Sums) -> tuple[Change, ...]:
    names = dict(Crew.objects.filter(team=team, pk__in={*sums, *before}).values_list("pk", "name"))
    changes = [
        Change(names[crew], sums.get(crew, (0, 0, 0))[0], before.get(crew, (0, 0, 0))[0]) for crew in {*sums, *before}
    ]
    moved = sorted(
        (one for one in changes if one.difference_nusd), key=lambda one: (-abs(one.difference_nusd), one.crew)
    )
    return tuple(moved[:MOST_CHANGES])


def _sums(team: Team, period: Period) -> Sums:
    query = OF_MONTH if period.kind == ReportKind.MONTH else OF_DAYS
    with connection.cursor() as cursor:
        cursor.execute(query, _values(team, period))
        return {crew: (spent, unpriced, calls) for crew, spent, unpriced, calls in cursor.fetchall()}


def _runs(team: Team, period: Period) -> int:
    with connection.cursor() as cursor:
        cursor.execute(RUNS, _values(team, period))
        count: int = cursor.fetchone()[0]
    return count


def _values(team: Team, period: Period) -> dict[str, Any]:
    return {
        "team": team.pk,
        "begins": period.begins,
        "until": period.until,
        "first_month": period.begins.replace(day=1),
        "live": list(RUN_LIVE),
    }


# Rollups for runs that have ended, calls for those that have not; of a month also what its bill took for closed ones.
_SUMS: LiteralString = """
    SELECT crew_id, sum(nusd)::bigint, sum(unpriced)::bigint, sum(calls)::bigint FROM (
        SELECT crew_id, spent_nusd AS nusd, unpriced_calls AS unpriced, calls FROM runs_daysum
        WHERE team_id = %(team)s AND NOT simulated AND {kept}
        UNION ALL
        SELECT run.crew_id, coalesce(call.cost_nusd, 0), (call.cost_nusd IS NULL)::int, 1
        FROM runs_run AS run JOIN runs_call AS call ON call.run_id = run.id
        WHERE run.team_id = %(team)s AND run.state = ANY(%(live)s) AND call.state <> 'intent' AND NOT call.simulated
          AND {live}
        {moved}
    ) AS counted GROUP BY crew_id
"""
OF_MONTH = statement(
    _SUMS,
    kept=SQL("month = %(begins)s"),
    live=SQL("call.billed_month = %(begins)s"),
    moved=SQL("UNION ALL SELECT run.crew_id, moved.nusd, 0, 0 FROM {rows} WHERE {on_bill}").format(
        rows=SQL(MOVED_ROWS), on_bill=SQL(moved_in("%(begins)s"))
    ),
)
OF_DAYS = statement(
    _SUMS,
    # The month may be that after the day, by the moment that the statement took; never before it.
    kept=SQL("month BETWEEN %(first_month)s AND %(until)s AND day >= %(begins)s AND day < %(until)s"),
    live=SQL(
        "call.started_at >= (%(begins)s::date)::timestamp AT TIME ZONE 'UTC'"
        " AND call.started_at < (%(until)s::date)::timestamp AT TIME ZONE 'UTC'"
    ),
    moved=SQL(""),
)
RUNS = """
    SELECT (SELECT coalesce(sum(runs), 0) FROM runs_runday
            WHERE team_id = %(team)s AND NOT simulated AND day >= %(begins)s AND day < %(until)s)
         + (SELECT count(*) FROM runs_run
            WHERE team_id = %(team)s AND NOT simulated AND state = ANY(%(live)s)
              AND created_at >= (%(begins)s::date)::timestamp AT TIME ZONE 'UTC'
              AND created_at < (%(until)s::date)::timestamp AT TIME ZONE 'UTC')
"""
