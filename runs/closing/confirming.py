"""What an owner reads before a month is closed: what it sums to, what is still open, and what has no price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from psycopg.sql import SQL

from runs.closing.open_calls import OpenCall, described, open_calls
from runs.closing.words import already_closed, never_spent, not_over_yet
from runs.ledger.corrections import CORRECTED_NUSD
from runs.models import Bill
from runs.months import this_month
from runs.sql import statement
from teams.access import Principal
from teams.work_bounds import query_time

SECONDS = 10.0
TOO_LONG = "The database took too long over this month's calls. Load this page again when less is going on."


@dataclass(frozen=True, slots=True)
class BeforeClosing:
    """``why_not``: why the month cannot be closed whatever is waited for; "" if it can."""

    why_not: str
    spent_nusd: int
    calls: int
    unpriced_calls: int
    unknown_calls: int
    counter_nusd: int
    counter_lines: int
    open_calls: Sequence[OpenCall]
    open_count: int

    @property
    def may_close(self) -> bool:
        return not self.why_not and not self.open_count


def before_closing(who: Principal, month: date) -> BeforeClosing:
    """How the month stands now. Closing looks again, so what changes until then does no harm.

    Raises ``Invalid`` if the database takes too long over the month's calls.
    """
    with query_time(SECONDS, TOO_LONG, field="month"):
        return _before_closing(who, month)


def _before_closing(who: Principal, month: date) -> BeforeClosing:
    bill = Bill.objects.filter(team=who.team, month=month).first()
    opened = open_calls(who.team, month)
    count = opened.count()
    return BeforeClosing(
        why_not=_why_not(bill, month),
        spent_nusd=bill.spent_nusd if bill else 0,
        open_calls=described(opened) if count else (),
        open_count=count,
        **_counted(who.team.pk, month),
    )


def _why_not(bill: Bill | None, month: date) -> str:
    if month >= this_month():
        return not_over_yet(month).message
    if bill is None:
        return never_spent(month).message
    return "" if bill.closed_at is None else already_closed(bill).message


def _counted(team: int, month: date) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, {"team": team, "month": month})
        names = [column[0] for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))


# Of a month: its settled calls, those without a price, those whose outcome is unknown, and its counter-lines.
COUNTED = statement(
    """
    SELECT count(*) FILTER (WHERE state <> 'intent') AS calls,
           count(*) FILTER (WHERE state <> 'intent' AND cost_nusd IS NULL) AS unpriced_calls,
           count(*) FILTER (WHERE state = 'unknown') AS unknown_calls,
           counter.lines AS counter_lines, counter.nusd AS counter_nusd
    FROM (SELECT count(*) AS lines, coalesce(sum({more}), 0)::bigint AS nusd
          FROM runs_correction AS correction JOIN runs_call AS corrected ON corrected.id = correction.call_id
          WHERE corrected.team_id = %(team)s AND NOT corrected.simulated
            AND correction.month = %(month)s AND corrected.billed_month <> %(month)s) AS counter
    LEFT JOIN runs_call AS call ON call.team_id = %(team)s AND call.billed_month = %(month)s AND NOT call.simulated
    GROUP BY counter.lines, counter.nusd
    """,
    more=SQL(CORRECTED_NUSD),
)
