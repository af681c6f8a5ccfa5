"""How many runs of a team may be under way at once, in all workers together: the team's cap ``runs_at_once``.

A run is under way while its state is ``running``, also after its worker was lost. A run that waits for a person or for
money is not, and needs a place again to go on. The runs are counted, so a place cannot get lost.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, Case, Count, Exists, QuerySet, Subquery, When
from psycopg.sql import SQL

from runs.models import Run
from runs.states import RunState
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


def is_full(team: Team) -> bool:
    """Whether no place is left for another run."""
    return _full(team).exists()


def kept_back(team: Team) -> Case:
    """For a list of this team's runs: whether each is queued because the team is full."""
    return Case(When(state=RunState.QUEUED, then=Exists(_full(team))), default=False, output_field=BooleanField())


def fitting(team_id: int, *, most: int) -> list[UUID]:
    """At most so many queued runs of the team for which it has places now, those whose turn it is first."""
    with connection.cursor() as cursor:
        cursor.execute(FITTING, {"team": team_id, "most": most})
        return [row[0] for row in cursor.fetchall()]


def _full(team: Team) -> QuerySet[Team]:
    under_way = Run.objects.filter(team_id=team.pk, state=RunState.RUNNING).order_by()
    count = under_way.values("team_id").annotate(count=Count("pk")).values("count")
    return Team.objects.filter(pk=team.pk, runs_at_once__lte=Subquery(count))
