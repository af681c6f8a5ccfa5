"""Reads what provider keys were used for: from the ledger's sums, in a fixed number of statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

from runs.bill_sums.sums import NONE, Scope, Sums, sums_of
from runs.models import Run
from runs.months import this_month
from runs.states import RunState
from teams.access import Principal, visible_to
from teams.models import ProviderKey

# The newest call of each key and model, each found by one look into an index, however many calls there are.
LAST_USED = """
    WITH RECURSIVE lane AS (
        (SELECT credential, model FROM runs_call WHERE team_id = %(team)s AND credential <> ''
         ORDER BY credential, model LIMIT 1)
        UNION ALL
        SELECT following.credential, following.model FROM lane CROSS JOIN LATERAL (
            SELECT credential, model FROM runs_call
            WHERE team_id = %(team)s AND credential <> '' AND (credential, model) > (lane.credential, lane.model)
            ORDER BY credential, model LIMIT 1) AS following)
    SELECT lane.credential, max(newest.started_at) FROM lane CROSS JOIN LATERAL (
        SELECT started_at FROM runs_call
        WHERE team_id = %(team)s AND credential <> ''
            AND runs_call.credential = lane.credential AND runs_call.model = lane.model
        ORDER BY started_at DESC LIMIT 1) AS newest
    GROUP BY lane.credential
"""


@dataclass(frozen=True, slots=True)
class KeyUse:
    """``now`` and ``before``: the sums of this month and of the last, real calls alone. ``on_old_secret``: runs under
    way that may have begun before its secret was replaced."""

    key: ProviderKey
    last_used_at: datetime | None
    now: Sums
    before: Sums
    on_old_secret: int


def key_use(who: Principal) -> list[KeyUse]:
    """Of all the team's keys. What was spent with one that was removed counts for one of the same name."""
    began = Run.objects.filter(
        team=OuterRef("team"), state=RunState.RUNNING, simulated=False, started_at__lt=OuterRef("rotated_at")
    )
    counted = began.order_by().annotate(all=Value(1)).values("all").annotate(count=Count("pk")).values("count")
    keys = visible_to(who, ProviderKey).annotate(on_old=Coalesce(Subquery(counted), 0)).order_by("provider", "name")
    month = this_month()
    last_month = (month - timedelta(days=1)).replace(day=1)
    now, before = (
        {key[0]: sums for key, sums in sums_of(Scope(who, False, each), ("credential",)).items()}
        for each in (month, last_month)
    )
    with connection.cursor() as cursor:
        cursor.execute(LAST_USED, {"team": who.team.pk})
        last = dict(cursor.fetchall())
    return [
        KeyUse(key, last.get(str(key)), now.get(str(key), NONE), before.get(str(key), NONE), key.on_old) for key in keys
    ]
