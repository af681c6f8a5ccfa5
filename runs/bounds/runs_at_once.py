"""How many runs of a team may be under way at once, in all workers together: the team's cap ``runs_at_once``.

A run is under way while its state is ``running``, also after its worker was lost. A run that waits for a person or for
money is not, and needs a place again to go on. The runs are counted, so a place cannot get lost.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL
from psycopg.sql import SQL

from teams.models import Team

MAX_AT_ONCE = 10_000

# Teams without a place for another run.
FULL_TEAMS = SQL("""
    SELECT team.id FROM teams_team AS team JOIN runs_run AS under_way ON under_way.team_id = team.id
    WHERE under_way.state = 'running' AND team.runs_at_once IS NOT NULL
    GROUP BY team.id HAVING count(*) >= team.runs_at_once
""")

# Queued runs for which their team has places now, in their order.
FITTING = """
    SELECT id FROM runs_run WHERE team_id = %(team)s AND state = 'queued' ORDER BY rank, id
    LIMIT (SELECT greatest(0, least(%(most)s, runs_at_once - (
               SELECT count(*) FROM runs_run WHERE team_id = %(team)s AND state = 'running')))
           FROM teams_team WHERE id = %(team)s)
"""

_FULL = """
    EXISTS (SELECT FROM teams_team WHERE id = %s AND runs_at_once <= (
        SELECT count(*) FROM runs_run AS under_way WHERE team_id = %s AND state = 'running'))
"""
# As text: built as an expression it took a twelfth of the time of the page of runs.
_KEPT_BACK = f"runs_run.state = 'queued' AND {_FULL}"


def is_full(team: Team) -> bool:
    """Whether no place is left for another run."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_FULL}", [team.pk, team.pk])
        return bool(cursor.fetchone()[0])


def kept_back(team: Team) -> RawSQL:
    """For a list of this team's runs: whether each is queued because the team is full."""
    return RawSQL(_KEPT_BACK, [team.pk, team.pk], output_field=BooleanField())  # noqa: S611 - text of ours


def fitting(team_id: int, *, most: int) -> list[UUID]:
    """At most so many queued runs of the team for which it has places now, those whose turn it is first."""
    with connection.cursor() as cursor:
        cursor.execute(FITTING, {"team": team_id, "most": most})
        return [row[0] for row in cursor.fetchall()]
