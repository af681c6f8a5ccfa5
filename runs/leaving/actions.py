"""Takes somebody out of a team, together with what was decided about their runs."""

from __future__ import annotations

from django.db import transaction

from runs.models import Run
from runs.run.actions import request_cancel
from runs.states import RUN_ENDED
from teams.access import Principal, require
from teams.models import Membership, Role
from teams.people.actions import remove_member
from teams.refusals import Conflict

MOST_CANCELLED = 500
"""Runs at once, so that the request ends."""


@transaction.atomic
def leave(who: Principal, member: Membership, *, cancel_runs: bool = False) -> int:
    """Takes the member out, as ``remove_member`` does; ``cancel_runs`` first asks their runs under way to end, and
    otherwise these go on. Returns how many were asked. ``Conflict`` if nothing could be done, and nothing is then."""
    if member.user_id != who.user.pk:
        require(who, Role.OWNER)
    cancelled = _cancel(who, member) if cancel_runs else 0
    remove_member(who, member)
    return cancelled


def _cancel(who: Principal, member: Membership) -> int:
    require(who, Role.RUNNER)
    under_way = Run.objects.filter(team=who.team, created_by=member.user_id).exclude(state__in=RUN_ENDED)
    runs = list(under_way.order_by("pk")[: MOST_CANCELLED + 1])
    if len(runs) > MOST_CANCELLED:
        raise Conflict(f"More than {MOST_CANCELLED} runs are under way. Lower their number first, or let them go on.")
    for run in runs:
        request_cancel(who, run)
    return len(runs)
