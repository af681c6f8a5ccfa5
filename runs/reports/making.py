"""Makes the reports that are due: a row for each team and period, once, whatever workers look at the same time.

A report, its mails and its webhook deliveries are one transaction. Whoever writes the row first makes them all; if that
worker dies before it commits, the next look makes them. A team in which nothing ran gets a row that says so, and
nothing else.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from psycopg.sql import SQL

from runs.models import Report, ReportKind, ReportMail, ReportWish
from runs.months import now as database_now
from runs.reports.actions import SINCE
from runs.reports.figures import Figures, figures_of
from runs.reports.periods import Period, last_period
from runs.reports.texts import facts
from runs.sql import statement
from teams.actions import LOCAL_OWNER_EMAIL
from teams.models import Team, WebhookEvent
from teams.webhooks.actions import announce

log = logging.getLogger(__name__)

EVERY_S = 60.0
AT_ONCE = 20
"""Teams of one look: a sweep has other things to do."""
EVENTS = {ReportKind.WEEK: WebhookEvent.WEEK, ReportKind.MONTH: WebhookEvent.MONTH}


class _Due:
    """``at``: by this process's clock."""

    at = 0.0


def make_now_and_then() -> None:
    """``make_due``, at most once in ``EVERY_S`` seconds of this process while nothing is due."""
    if time.monotonic() >= _Due.at:
        made = make_due(database_now())
        _Due.at = 0.0 if made == AT_ONCE else time.monotonic() + EVERY_S


def make_due(now: datetime, *, most: int = AT_ONCE) -> int:
    """Makes up to ``most`` reports that are due and wanted since before they were; returns how many were looked at."""
    looked = 0
    for kind in ReportKind:
        period = last_period(kind, now)
        for team in _wanting(period, most - looked):
            _make_or_log(team, period, now)
            looked += 1
    return looked


def _make_or_log(team: Team, period: Period, now: datetime) -> None:
    try:
        make(team, period, now)
    except (DatabaseError, InterfaceError):
        raise
    except Exception:  # a bug in one team's report must not keep those of the others, and the rest of the sweep
        log.exception("A report could not be made by a bug", extra={"team": team.slug})


@transaction.atomic
def make(team: Team, period: Period, now: datetime) -> Report | None:
    """The team's report of the period, with what is to be sent; None if another worker has made it."""
    figures = figures_of(team, period, now)
    kept = None if figures is None else figures.as_json()
    key = {"team": team, "kind": period.kind, "begins": period.begins}
    report, is_new = Report.objects.get_or_create(**key, defaults={"figures": kept})
    if not is_new:
        return None
    if figures is not None:
        _tell(report, figures, period)
    return report


def wished(team: Team, period: Period) -> set[int]:
    """Ids of the members who get it by mail: they wanted it before it was due, and have a real address."""
    wishes = ReportWish.objects.filter(team=team, **{f"{SINCE[period.kind]}__lte": period.due_at})
    members = wishes.filter(user__is_active=True, user__memberships__team=team)
    return set(members.exclude(user__email=LOCAL_OWNER_EMAIL).values_list("user_id", flat=True))


def _tell(report: Report, figures: Figures, period: Period) -> None:
    if settings.EMAIL_READY:
        ReportMail.objects.bulk_create(ReportMail(report=report, user_id=user) for user in wished(report.team, period))
    announce(report.team_id, EVENTS[period.kind], lambda: facts(report.team, figures))


def _wanting(period: Period, most: int) -> list[Team]:
    if most <= 0:
        return []
    values: dict[str, Any] = {
        "due_at": period.due_at,
        "event": EVENTS[period.kind].value,
        "kind": period.kind.value,
        "begins": period.begins,
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(WANTING[period.kind], values)
        ids = [row[0] for row in cursor.fetchall()]
    return list(Team.objects.filter(pk__in=ids).order_by("pk"))


# Teams of which somebody wanted the period's report before it was due, and that have none of it.
WANTING = {
    kind: statement(
        """
        SELECT team_id FROM (
            SELECT team_id FROM runs_reportwish WHERE {since} <= %(due_at)s
            UNION
            SELECT team_id FROM teams_webhook
            WHERE active AND events @> ARRAY[%(event)s]::varchar[] AND created_at <= %(due_at)s
        ) AS wanting
        WHERE NOT EXISTS (
            SELECT FROM runs_report AS made
            WHERE made.team_id = wanting.team_id AND made.kind = %(kind)s AND made.begins = %(begins)s)
        ORDER BY team_id LIMIT %(most)s
        """,
        since=SQL(name),
    )
    for kind, name in SINCE.items()
}
