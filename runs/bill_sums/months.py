"""Which months a team has calls in, and under which labels its runs were launched."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import connection

from runs.months import THIS_MONTH
from runs.sql import statement
from runs.states import RUN_LIVE
from teams.access import Principal

SETS_LOOKED_AT = 1_000
"""So many sets of labels are looked at for their names: a program may give each of its runs one of its own."""
LIVE_LOOKED_AT = 200

# Each month is found by a look into the index, however many rows it has.
_MONTHS = statement(
    """
    WITH RECURSIVE found AS (
        SELECT max(month) AS month FROM runs_billsum WHERE team_id = %(team)s AND simulated = %(simulated)s
        UNION ALL
        SELECT (SELECT max(month) FROM runs_billsum
                WHERE team_id = %(team)s AND simulated = %(simulated)s AND month < found.month)
        FROM found WHERE found.month IS NOT NULL)
    SELECT month FROM found WHERE month IS NOT NULL
    UNION SELECT month FROM runs_bill WHERE team_id = %(team)s AND NOT %(simulated)s
    UNION SELECT call.billed_month FROM runs_run AS run JOIN runs_call AS call ON call.run_id = run.id
        WHERE run.team_id = %(team)s AND run.state = ANY(%(live)s) AND call.simulated = %(simulated)s
    UNION SELECT {this_month}
    ORDER BY month DESC
    """,
    this_month=THIS_MONTH,
)
_LABELS = """
    WITH sets AS (
        (SELECT labels FROM runs_launchlabels WHERE team_id = %(team)s LIMIT %(sets)s)
        UNION ALL
        (SELECT metadata FROM runs_run WHERE team_id = %(team)s AND state = ANY(%(live)s) LIMIT %(runs)s))
    SELECT name, count(*) FROM sets CROSS JOIN LATERAL json_object_keys(sets.labels) AS name
    GROUP BY name ORDER BY count(*) DESC, name LIMIT %(names)s
"""
MOST_NAMES = 40


def months_of(who: Principal, *, simulated: bool) -> list[date]:
    """The months that have lines or a bill, and the present one; the newest first."""
    values: dict[str, Any] = {"team": who.team.pk, "simulated": simulated, "live": list(RUN_LIVE)}
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS, values)
        return [row[0] for row in cursor.fetchall()]


def label_names(who: Principal) -> list[str]:
    """Names of labels, the most used first, from the first ``SETS_LOOKED_AT`` sets: others can be typed."""
    values: dict[str, Any] = {
        "team": who.team.pk,
        "live": list(RUN_LIVE),
        "sets": SETS_LOOKED_AT,
        "runs": LIVE_LOOKED_AT,
        "names": MOST_NAMES,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LABELS, values)
        return [row[0] for row in cursor.fetchall()]
