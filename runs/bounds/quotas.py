"""How often a member may launch: so many runs in any stretch of so many seconds, counted in the runs themselves."""

from __future__ import annotations

import math

from django.db import connection

from runs.times import span
from teams.access import Principal
from teams.models import Membership
from teams.refusals import TooMany


def take_turn(who: Principal, *, launches: int = 1) -> None:
    """Raises ``TooMany`` if the member may not launch so many runs now. In the launch's transaction: until it ends, no
    other launch of this member is counted."""
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
            f"Your team lets each member launch {team.launch_quota:,} runs in {window}; "
            f"{launches:,} at once are more than that.",
            retry_after_s=team.launch_window_s,
        )
    raise TooMany(
        f"You have launched {team.launch_quota - left:,} runs in the last {window.removeprefix('1 ')}, and your team "
        f"lets each member launch {team.launch_quota:,}. Nothing was launched; try again in {_roughly(wait_s)}.",
        retry_after_s=wait_s,
    )


def used(who: Principal) -> int:
    """How many runs the member has launched within the team's window that ends now."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, _given(who))
        count: int = cursor.fetchone()[0]
    return count


def _given(who: Principal) -> dict[str, int]:
    return {"team": who.team.pk, "user": who.user.pk, "window_s": who.team.launch_window_s}


def _left(who: Principal, launches: int) -> tuple[int, int]:
    """How many more may be launched now, and in how many seconds ``launches`` could be."""
    quota, launched = who.team.launch_quota or 0, used(who)
    left = max(0, quota - launched)
    with connection.cursor() as cursor:
        # The launch whose leaving makes room: as many have to leave as are missing.
        cursor.execute(LEAVES, _given(who) | {"leaving": max(0, launched + launches - quota - 1)})
        row = cursor.fetchone()
    return left, max(1, math.ceil(row[0])) if row else 1


def _roughly(seconds: int) -> str:
    """A time to wait, rounded up to what people reckon with."""
    for length in (86_400, 3_600, 60):
        if seconds >= 2 * length:
            return span(math.ceil(seconds / length) * length)
    return span(seconds)


_RECENT = """
    FROM runs_run WHERE team_id = %(team)s AND created_by_id = %(user)s
      AND created_at > statement_timestamp() - make_interval(secs => %(window_s)s)
"""

COUNT = f"SELECT count(*) {_RECENT}"

LEAVES = f"""
    SELECT extract(epoch FROM created_at + make_interval(secs => %(window_s)s) - clock_timestamp())::float8 {_RECENT}
    ORDER BY created_at OFFSET %(leaving)s LIMIT 1
"""  # noqa: S608 - from here
