"""How many runs a member may launch within the team's window of seconds. The runs themselves are counted."""

from __future__ import annotations

import math

from django.db import connection

from engine.text import counted
from teams.access import Principal
from teams.models import Membership
from teams.refusals import TooMany
from teams.texts.times import span


def take_turn(who: Principal, *, launches: int = 1) -> None:
    """Raises ``TooMany`` if the member may not launch this many runs now.

    To be called in the launch's transaction: until it ends, the member's other launches wait here.
    """
    team = who.team
    if team.launch_quota is None:
        return
    Membership.objects.select_for_update().filter(team=team, user=who.user).first()
    left, wait_s = _left(who, launches)
    if launches <= left:
        return
    window = span(team.launch_window_s)
    if launches > team.launch_quota:
        raise TooMany(
            f"Your team lets each member launch {counted(team.launch_quota, 'run')} in {window}; "
            f"{launches:,} at once are more than that.",
            retry_after_s=team.launch_window_s,
        )
    raise TooMany(
        f"You have launched {counted(team.launch_quota - left, 'run')} in the last {window.removeprefix('1 ')}, and "
        f"your team lets each member launch {team.launch_quota:,}. Nothing was launched; try again in "
        f"{_roughly(wait_s)}.",
        retry_after_s=wait_s,
    )


def left_for(who: Principal) -> int | None:
    """How many runs the member may launch now, None without a quota; 0 while another launch of theirs is under way.

    To be called in the transaction that launches them: until it ends, the member's other launches wait.
    """
    if who.team.launch_quota is None:
        return None
    member = Membership.objects.filter(team=who.team, user=who.user)
    return _left(who, 1)[0] if member.select_for_update(skip_locked=True).first() else 0


def used(who: Principal) -> int:
    """How many runs the member has launched within the team's window up to now."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, _parameters(who))
        count: int = cursor.fetchone()[0]
    return count


def _parameters(who: Principal) -> dict[str, int]:
    return {"team": who.team.pk, "user": who.user.pk, "window_s": who.team.launch_window_s}


def _left(who: Principal, launches: int) -> tuple[int, int]:
    """How many more runs may be launched now, and after how many seconds ``launches`` of them may be."""
    quota, launched = who.team.launch_quota or 0, used(who)
    left = max(0, quota - launched)
    with connection.cursor() as cursor:
        # There is room once as many launches have left the window as are missing; this is the last of those.
        cursor.execute(LEAVES_AFTER, _parameters(who) | {"earlier": max(0, launched + launches - quota - 1)})
        leaves_after = cursor.fetchone()
    return left, max(1, math.ceil(leaves_after[0])) if leaves_after else 1


def _roughly(seconds: int) -> str:
    """A time to wait, rounded up to whole minutes, hours or days where it is longer than one of them."""
    for length in (86_400, 3_600, 60):
        if seconds >= 2 * length:
            return span(math.ceil(seconds / length) * length)
    return span(seconds)


# The member's launches within the window.
COUNT = """
    SELECT count(*) FROM runs_run
    WHERE team_id = %(team)s AND created_by_id = %(user)s
      AND created_at > statement_timestamp() - make_interval(secs => %(window_s)s)
"""

# After how many seconds a launch leaves the window, counted from the oldest one in it.
LEAVES_AFTER = """
    SELECT extract(epoch FROM created_at + make_interval(secs => %(window_s)s) - clock_timestamp())::float8
    FROM runs_run
    WHERE team_id = %(team)s AND created_by_id = %(user)s
      AND created_at > statement_timestamp() - make_interval(secs => %(window_s)s)
    ORDER BY created_at OFFSET %(earlier)s LIMIT 1
"""
