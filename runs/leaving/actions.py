"""Takes somebody out of a team, together with what was decided about their runs."""

from __future__ import annotations

from runs.models import Run
from runs.run.actions import request_cancel
from runs.states import RUN_ENDED
from teams.access import Principal, require
from teams.models import Membership, Role
from teams.people.actions import remove_member
from teams.refusals import Conflict

MOST_CANCELLED = 500
"""Runs at once, so that the request ends."""


def leave(who: Principal, member: Membership, *, cancel_runs: bool = False) -> int:
    """Takes the member out, as ``remove_member`` does, and then asks their runs under way to end if ``cancel_runs``;
    otherwise these go on. Returns how many were asked. ``Conflict``: nothing was done.

    Each run ends in a transaction of its own: many at once would be locked out of the ledger's order, and for long.
    """
    if not cancel_runs:
        remove_member(who, member)
        return 0
    require(who, Role.RUNNER)
    under_way = Run.objects.filter(team=who.team, created_by=member.user_id).exclude(state__in=RUN_ENDED)
    if under_way[: MOST_CANCELLED + 1].count() > MOST_CANCELLED:
        raise Conflict(f"More than {MOST_CANCELLED} runs are under way. Lower their number first, or let them go on.")
    remove_member(who, member)
    return sum(_asked_to_end(who, run) for run in under_way.order_by("pk"))


def _asked_to_end(who: Principal, run: Run) -> bool:
    try:
        request_cancel(who, run)
    except Conflict:  # it ended meanwhile
        return False
    return True
