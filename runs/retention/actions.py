"""How long a team keeps the texts of its runs: what an owner sets."""

from __future__ import annotations

from django.db import transaction

from teams.access import Principal, require
from teams.audit.record import record
from teams.models import Role, Team
from teams.refusals import Invalid

MAX_DAYS = 3650


@transaction.atomic
def keep_texts(who: Principal, days: int | None) -> None:
    """Sets after how many days texts of ended runs are removed; None keeps them. Raises ``Invalid`` out of bounds."""
    require(who, Role.OWNER)
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise Invalid("Nothing was changed.", fields={"days": f"Give 1 to {MAX_DAYS:,} days, or nothing to keep them."})
    was = Team.objects.select_for_update(no_key=True).get(pk=who.team.pk).keep_texts_days
    Team.objects.filter(pk=who.team.pk).update(keep_texts_days=days)
    if days != was:
        record(who, "limits.texts_kept", who.team, days_were=was, days=days)
    who.team.keep_texts_days = days
