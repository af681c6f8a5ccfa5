"""Budgets of the month that are at 50, 80 or 100 %: found by the sweepers, told once, shown until put away.

Only the highest threshold that a budget has crossed is told. Once the budget is another figure, all of them count anew.
A run's own budget is shown on its page alone, and a run that waits for it is an event: there may be thousands.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Now

from runs.models import Alert, AlertKind, MailState, Notice
from runs.money import dollars
from runs.notices.events import announce_alert
from teams.access import Principal, visible_to
from teams.actions import LOCAL_OWNER_EMAIL
from teams.models import Membership, Role

MOST_LISTED = 30

_KEPT_BACK = """
    (EXISTS (SELECT FROM runs_run
             WHERE team_id = {row}.team_id AND state = 'waiting' AND waiting_for = '{name}' {person})
     OR EXISTS (SELECT FROM runs_run WHERE team_id = {row}.team_id AND error_code = '{name}' {person}
                AND error_code IN ('run_budget', 'team_budget', 'user_budget')
                AND finished_at > clock_timestamp() - interval '1 minute'))
"""
"""Whether the budget keeps a run waiting, or has stopped one since the last sweeps."""

_THRESHOLD = """
    CASE WHEN {row}.spent_nusd >= {row}.budget_nusd THEN 100
         WHEN {row}.spent_nusd * 5 < {row}.budget_nusd * 4 THEN 50
         WHEN {kept_back} THEN 100 ELSE 80 END
"""


def _crossed(kind: str, row: str, table: str, user: str, name: str, person: str) -> str:
    kept_back = _KEPT_BACK.format(row=row, name=name, person=person)
    return f"""
        SELECT '{kind}' AS kind, {row}.team_id, {user} AS user_id, {row}.month, {row}.budget_nusd, {row}.spent_nusd,
               {row}.reserved_nusd, {_THRESHOLD.format(row=row, kept_back=kept_back)} AS threshold
        FROM {table} AS {row} JOIN month ON {row}.month = month.begins
        WHERE {row}.budget_nusd > 0 AND {row}.spent_nusd * 2 >= {row}.budget_nusd
    """  # noqa: S608 - names from here


FIND = f"""
    WITH month AS (SELECT date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')::date AS begins),
    crossed AS (
        {_crossed("team", "bill", "runs_bill", "NULL::bigint", "team_budget", "")}
        UNION ALL
        {
    _crossed("member", "part", "runs_allowance", "part.user_id", "user_budget", "AND created_by_id = part.user_id")
})
    INSERT INTO runs_alert (kind, team_id, user_id, month, budget_nusd, spent_nusd, reserved_nusd, threshold, made_at)
    SELECT kind, team_id, user_id, month, budget_nusd, spent_nusd, reserved_nusd, threshold, clock_timestamp()
    FROM crossed
    WHERE NOT EXISTS (
        SELECT FROM runs_alert AS told
        WHERE told.team_id = crossed.team_id AND told.kind = crossed.kind AND told.month = crossed.month
          AND told.user_id IS NOT DISTINCT FROM crossed.user_id AND told.budget_nusd = crossed.budget_nusd
          AND told.threshold >= crossed.threshold)
    ON CONFLICT DO NOTHING RETURNING id
"""  # noqa: S608 - from here

IN_FORCE = """
    SELECT id FROM (
        SELECT DISTINCT ON (alert.kind, alert.user_id) alert.id
        FROM runs_alert AS alert
        LEFT JOIN runs_bill AS bill
            ON alert.kind = 'team' AND bill.team_id = alert.team_id AND bill.month = alert.month
        LEFT JOIN runs_allowance AS part ON alert.kind = 'member' AND part.team_id = alert.team_id
            AND part.user_id = alert.user_id AND part.month = alert.month
        WHERE alert.team_id = %(team)s
          AND alert.month = date_trunc('month', statement_timestamp() AT TIME ZONE 'UTC')::date
          AND alert.budget_nusd = coalesce(bill.budget_nusd, part.budget_nusd)
          AND (alert.kind = 'team' OR alert.user_id = %(user)s OR %(owner)s)
        ORDER BY alert.kind, alert.user_id, alert.threshold DESC) AS highest
    WHERE NOT EXISTS (
        SELECT FROM runs_notice WHERE alert_id = highest.id AND user_id = %(user)s AND dismissed_at IS NOT NULL)
"""
"""Of each budget as it now is the highest threshold that was crossed, unless this person has put it away."""


@transaction.atomic
def find_crossed() -> list[Alert]:
    """Makes and tells the alerts that are due. Any number of sweepers may look: each alert is made by one of them."""
    with connection.cursor() as cursor:
        cursor.execute(FIND)
        made = [row[0] for row in cursor.fetchall()]
    if not made:
        return []
    alerts = list(Alert.objects.filter(pk__in=made).select_related("team", "user").order_by("pk"))
    for alert in alerts:
        announce_alert(alert, words_of(alert))
        if settings.EMAIL_READY:
            Notice.objects.bulk_create(
                Notice(alert=alert, user_id=user, mail=MailState.DUE, next_try_at=Now()) for user in _concerned(alert)
            )
    return alerts


def banners(who: Principal) -> list[Alert]:
    """What pages of the team show this person above everything else."""
    with connection.cursor() as cursor:
        cursor.execute(IN_FORCE, {"team": who.team.pk, "user": who.user.pk, "owner": who.can_own})
        found = [row[0] for row in cursor.fetchall()]
    if not found:
        return []
    return _with_words(Alert.objects.filter(pk__in=found).order_by("-threshold", "pk"))


def listed(who: Principal) -> list[Alert]:
    """The newest alerts that concern this person, put away or not, each with the notices that were mailed."""
    mailed = Notice.objects.exclude(mail=MailState.NONE).select_related("user")
    alerts = _seen_by(who).prefetch_related(Prefetch("notices", mailed, to_attr="mailed"))
    return _with_words(alerts.order_by("-made_at", "-pk")[:MOST_LISTED])


def dismiss(who: Principal, alert: Alert) -> None:
    """Puts it away for this person alone."""
    Notice.objects.get_or_create(alert=alert, user=who.user)
    Notice.objects.filter(alert=alert, user=who.user, dismissed_at=None).update(dismissed_at=Now())


def words_of(alert: Alert) -> str:
    """The alert as a sentence, with its figures of then."""
    whose = f"{alert.team}'s budget" if alert.user is None else f"The budget of {alert.user} in {alert.team}"
    head = f"{whose} of {dollars(alert.budget_nusd)} for {alert.month:%B %Y}"
    held = f", {dollars(alert.reserved_nusd)} held for calls in flight" if alert.reserved_nusd else ""
    figures = f"{dollars(alert.spent_nusd)} spent{held}"
    if alert.threshold == 100:
        return f"{head} is used up: {figures}. Runs that need more of it wait, or stop if they are set to."
    return f"{head} has passed {alert.threshold} %: {figures}."


def _seen_by(who: Principal) -> QuerySet[Alert]:
    alerts = visible_to(who, Alert)
    return alerts if who.can_own else alerts.filter(Q(kind=AlertKind.TEAM) | Q(user=who.user))


def _with_words(alerts: Iterable[Alert]) -> list[Alert]:
    found = list(alerts.select_related("team", "user") if isinstance(alerts, QuerySet) else alerts)
    for alert in found:
        alert.words = words_of(alert)
    return found


def _concerned(alert: Alert) -> set[int]:
    """Owners, and whoever's budget it is; people without a real address are left out."""
    reachable = Membership.objects.filter(team_id=alert.team_id, user__is_active=True).exclude(
        user__email=LOCAL_OWNER_EMAIL
    )
    concerned = reachable.filter(Q(role=Role.OWNER) | Q(user=alert.user) if alert.user_id else Q(role=Role.OWNER))
    return set(concerned.values_list("user_id", flat=True))
