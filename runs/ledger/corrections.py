"""Late figures and late prices: keeps what was booked for a call, and says which month takes the difference.

The call itself gets the exact figure from ``call_lines``.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from runs.models import Corrects
from runs.months import MONTH_AFTER_LOCK
from runs.sql import statement


def keep_correction(
    cursor: Any,
    call_id: UUID,
    *,
    booked: int | None,
    cost: int | None,
    team: int,
    person: int | None,
    month: date,
    why: Corrects = Corrects.LATE,
) -> date:
    """Returns the month whose bill takes the difference: the call's own while that is open, else this month.

    ``booked`` and ``cost`` are in 1e-9 USD, None where the price is unknown. A late figure that nobody had a price of
    was no difference, so its row takes the one that a price makes.
    """
    of_call = {"id": call_id, "team": team, "person": person, "month": month}
    parameters = {**of_call, "booked": booked, "cost": cost, "why": why.value}
    cursor.execute(CORRECT, parameters)
    taken_by: date = cursor.fetchone()[0]
    return taken_by


# Keeps what was booked for a call whose exact figure came late, and begins the bill and allowance that take the
# difference: those of the call's own month, or of this month if its own bill is closed.
CORRECT = statement(
    """
    WITH own AS (
        SELECT closed_at IS NOT NULL AS closed FROM runs_bill
        WHERE team_id = %(team)s AND month = %(month)s FOR UPDATE),
    open AS (
        SELECT CASE WHEN own.closed THEN {month_after_lock} ELSE %(month)s END AS month FROM own),
    bill AS (
        INSERT INTO runs_bill AS bill (team_id, month, budget_nusd, spent_nusd, reserved_nusd)
        SELECT team.id, open.month, team.budget_nusd, 0, 0 FROM open JOIN teams_team AS team ON team.id = %(team)s
        ON CONFLICT DO NOTHING),
    allowance AS (
        INSERT INTO runs_allowance (team_id, user_id, month, budget_nusd, spent_nusd, reserved_nusd)
        SELECT team.id, before.user_id, open.month, coalesce(membership.budget_nusd, team.user_budget_nusd), 0, 0
        FROM open JOIN teams_team AS team ON team.id = %(team)s
        JOIN runs_allowance AS before
            ON before.team_id = team.id AND before.user_id = %(person)s AND before.month = %(month)s
        LEFT JOIN teams_membership AS membership
            ON membership.team_id = team.id AND membership.user_id = before.user_id
        ON CONFLICT DO NOTHING)
    INSERT INTO runs_correction AS kept (call_id, booked_nusd, cost_nusd, month, why, made_at)
    SELECT %(id)s, %(booked)s::bigint, %(cost)s::bigint, coalesce((SELECT month FROM open), %(month)s),
           %(why)s, clock_timestamp()
    ON CONFLICT (call_id) DO UPDATE
        SET cost_nusd = excluded.cost_nusd, month = excluded.month, why = excluded.why, made_at = excluded.made_at
        WHERE kept.booked_nusd IS NULL AND kept.cost_nusd IS NULL AND excluded.why = 'priced'
    RETURNING month
    """,
    month_after_lock=MONTH_AFTER_LOCK,  # else a month that was closed meanwhile could take the difference
)
