"""Alerts about budgets of the month at 50, 80 or 100 %: the sweepers find them, each is told once, pages show it until
it is put away.

Only the highest threshold that a budget has crossed is told. Once the budget is another figure, all thresholds count
anew. Runs' own budgets make no alerts, because there may be thousands: a run's page shows its budget, and a run that
waits for it is an event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Now
from psycopg.sql import SQL, Composed, Literal

from engine.text import counted
from runs.models import Alert, AlertKind, MailState, Notice
from runs.money import dollars
from runs.months import THIS_MONTH
from runs.notices.events import announce_alert
from runs.sql import statement
from runs.states import TEAM_BUDGET, USER_BUDGET
from runs.telling.entries import tell_of_alert
from teams.access import Principal, visible_to
from teams.actions import LOCAL_OWNER_EMAIL
from teams.models import Membership, Role

MOST_LISTED = 30
MOST_UNREAD = 100
MOST_COUNTED = 1000
"""Of calls without a price so many are counted at most."""

# Whether the budget keeps a run waiting, or has stopped one since the last sweeps.
_HOLDS_RUNS_UP = SQL("""
    (EXISTS (SELECT FROM runs_run
             WHERE team_id = kept.team_id AND state = 'waiting' AND waiting_for = {budget} AND {launched_by_owner})
     OR EXISTS (SELECT FROM runs_run
                WHERE team_id = kept.team_id AND error_code = {budget} AND {launched_by_owner}
                  AND error_code IN ('run_budget', 'team_budget', 'user_budget')
                  AND finished_at > clock_timestamp() - interval '1 minute'))
""")

# The budgets of this month in one table that are half spent or more, each with the highest threshold it has crossed.
_CROSSED = SQL("""
    SELECT {kind} AS kind, kept.team_id, {user_id} AS user_id, kept.month, kept.budget_nusd, kept.spent_nusd,
           kept.reserved_nusd,
           CASE WHEN kept.spent_nusd >= kept.budget_nusd THEN 100
                WHEN kept.spent_nusd * 5 < kept.budget_nusd * 4 THEN 50
                WHEN {holds_runs_up} THEN 100 ELSE 80 END AS threshold
    FROM {table} AS kept JOIN month ON kept.month = month.begins
    WHERE kept.budget_nusd > 0 AND kept.spent_nusd * 2 >= kept.budget_nusd
""")


def _crossed(kind: AlertKind, *, table: str, budget: str, user_id: str, launched_by_owner: str) -> Composed:
    holds_runs_up = _HOLDS_RUNS_UP.format(budget=Literal(budget), launched_by_owner=SQL(launched_by_owner))
    return _CROSSED.format(
        kind=Literal(kind.value), table=SQL(table), user_id=SQL(user_id), holds_runs_up=holds_runs_up
    )


# Makes the alerts that are due, unless the same or a higher threshold of the same budget was told already.
FIND = statement(
    """
    WITH month AS (SELECT {this_month} AS begins),
    crossed AS ({teams} UNION ALL {members})
    INSERT INTO runs_alert (kind, team_id, user_id, month, budget_nusd, spent_nusd, reserved_nusd, threshold, made_at)
    SELECT kind, team_id, user_id, month, budget_nusd, spent_nusd, reserved_nusd, threshold, clock_timestamp()
    FROM crossed
    WHERE NOT EXISTS (
        SELECT FROM runs_alert AS told
        WHERE told.team_id = crossed.team_id AND told.kind = crossed.kind AND told.month = crossed.month
          AND told.user_id IS NOT DISTINCT FROM crossed.user_id AND told.budget_nusd = crossed.budget_nusd
          AND told.threshold >= crossed.threshold)
    ON CONFLICT DO NOTHING RETURNING id
    """,
    this_month=THIS_MONTH,
    teams=_crossed(
        AlertKind.TEAM, table="runs_bill", budget=TEAM_BUDGET, user_id="NULL::bigint", launched_by_owner="true"
    ),
    members=_crossed(
        AlertKind.MEMBER,
        table="runs_allowance",
        budget=USER_BUDGET,
        user_id="kept.user_id",
        launched_by_owner="created_by_id = kept.user_id",
    ),
)

# Notes how many calls the figures of new alerts do not have, because their price is not known.
COUNT_UNPRICED = """
    UPDATE runs_alert AS alert SET unpriced_calls = (
        SELECT count(*) FROM (
            SELECT FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
            WHERE call.team_id = alert.team_id AND call.billed_month = alert.month AND call.cost_nusd IS NULL
              AND NOT call.simulated AND call.state <> 'intent'
              AND (alert.user_id IS NULL OR run.created_by_id = alert.user_id)
            LIMIT %(most)s) AS unpriced)
    WHERE id = ANY(%(alerts)s)
"""

# Of each budget as it now is, the alert of the highest threshold it has crossed, unless this person put it away; and
# how many entries of the person's inbox are new, up to a hundred.
HEAD = statement(
    """
    SELECT ARRAY(SELECT id FROM (
        SELECT DISTINCT ON (alert.kind, alert.user_id) alert.id
        FROM runs_alert AS alert
        LEFT JOIN runs_bill AS bill
            ON alert.kind = 'team' AND bill.team_id = alert.team_id AND bill.month = alert.month
        LEFT JOIN runs_allowance AS allowance ON alert.kind = 'member' AND allowance.team_id = alert.team_id
            AND allowance.user_id = alert.user_id AND allowance.month = alert.month
        WHERE alert.team_id = %(team)s AND alert.month = {this_month}
          AND alert.budget_nusd = coalesce(bill.budget_nusd, allowance.budget_nusd)
          AND (alert.kind = 'team' OR alert.user_id = %(user)s OR %(owner)s)
        ORDER BY alert.kind, alert.user_id, alert.threshold DESC) AS highest
    WHERE NOT EXISTS (
        SELECT FROM runs_notice WHERE alert_id = highest.id AND user_id = %(user)s AND dismissed_at IS NOT NULL)),
    (SELECT count(*) FROM (
        SELECT FROM runs_inboxentry WHERE user_id = %(user)s AND team_id = %(team)s AND read_at IS NULL
        LIMIT 100) AS unread)
    """,
    this_month=THIS_MONTH,
)


@transaction.atomic
def find_crossed() -> list[Alert]:
    """Makes and announces the alerts that are due. Sweepers may look at once: one of them makes each alert."""
    with connection.cursor() as cursor:
        cursor.execute(FIND)
        new_ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(COUNT_UNPRICED, {"alerts": new_ids, "most": MOST_COUNTED})
    if not new_ids:
        return []
    alerts = list(Alert.objects.filter(pk__in=new_ids).select_related("team", "user").order_by("pk"))
    for alert in alerts:
        announce_alert(alert, words_of(alert))
        concerned = _concerned(alert)
        tell_of_alert(alert, concerned)
        if settings.EMAIL_READY:
            Notice.objects.bulk_create(
                Notice(alert=alert, user_id=user, mail=MailState.DUE, next_try_at=Now())
                for user, email in concerned.items()
                if email != LOCAL_OWNER_EMAIL
            )
    return alerts


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at the head of a team's pages for one person."""

    alerts: list[Alert]
    unread: int  # entries of the inbox, up to ``MOST_UNREAD``


def head_of(who: Principal) -> Head:
    """One query, and one more if there are alerts."""
    with connection.cursor() as cursor:
        cursor.execute(HEAD, {"team": who.team.pk, "user": who.user.pk, "owner": who.can_own})
        ids, unread = cursor.fetchone()
    alerts = _with_words(Alert.objects.filter(pk__in=ids).order_by("-threshold", "pk")) if ids else []
    return Head(alerts, unread)


def listed(who: Principal) -> list[Alert]:
    """The newest alerts that this person may see, put away or not, each with its mailed notices as ``mailed``."""
    mailed = Notice.objects.exclude(mail=MailState.NONE).select_related("user")
    alerts = _seen_by(who).prefetch_related(Prefetch("notices", mailed, to_attr="mailed"))
    return _with_words(alerts.order_by("-made_at", "-pk")[:MOST_LISTED])


def dismiss(who: Principal, alert: Alert) -> None:
    """Puts the alert away for this person alone."""
    Notice.objects.get_or_create(alert=alert, user=who.user)
    Notice.objects.filter(alert=alert, user=who.user, dismissed_at=None).update(dismissed_at=Now())


def words_of(alert: Alert) -> str:
    """The alert as a sentence, with the figures of the moment it was made."""
    whose = f"{alert.team}'s budget" if alert.user is None else f"The budget of {alert.user} in {alert.team}"
    head = f"{whose} of {dollars(alert.budget_nusd)} for {alert.month:%B %Y}"
    held = f", {dollars(alert.reserved_nusd)} held for calls in flight" if alert.reserved_nusd else ""
    figures = f"{dollars(alert.spent_nusd)} spent{held}"
    if alert.threshold == 100:
        waits = "Runs that need more of it wait, or stop if they are set to."
        return f"{head} is used up: {figures}. {waits}{_unpriced(alert)}"
    return f"{head} has passed {alert.threshold} %: {figures}.{_unpriced(alert)}"


def _unpriced(alert: Alert) -> str:
    """What the figures do not have."""
    calls, more = alert.unpriced_calls, "or more " if alert.unpriced_calls >= MOST_COUNTED else ""
    if not calls:
        return ""
    verbs = ("has", "is") if calls == 1 else ("have", "are")
    return f" {counted(calls, 'call').replace(' ', f' {more}', 1)} {verbs[0]} no price and {verbs[1]} in no figure."


def _seen_by(who: Principal) -> QuerySet[Alert]:
    alerts = visible_to(who, Alert)
    return alerts if who.can_own else alerts.filter(Q(kind=AlertKind.TEAM) | Q(user=who.user))


def _with_words(alerts: QuerySet[Alert]) -> list[Alert]:
    """With its sentence as ``words``, which pages show."""
    worded: list[Any] = list(alerts.select_related("team", "user"))
    for alert in worded:
        alert.words = words_of(alert)
    return worded


def _concerned(alert: Alert) -> dict[int, str]:
    """Ids and addresses of the owners and of the member whose budget it is, if that is a person."""
    active = Membership.objects.filter(team_id=alert.team_id, user__is_active=True, user__is_program=False)
    concerned = active.filter(Q(role=Role.OWNER) | Q(user=alert.user) if alert.user_id else Q(role=Role.OWNER))
    return dict(concerned.values_list("user_id", "user__email"))
