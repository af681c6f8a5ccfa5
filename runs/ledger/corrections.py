"""Late figures and late prices: keeps what was booked for a call, and says which month takes the difference.

The call itself gets the exact figure from ``call_lines``, or from ``late_prices``.
"""

from __future__ import annotations

from datetime import date
from typing import Any, LiteralString
from uuid import UUID

from runs.models import Corrects
from runs.months import THIS_MONTH
from runs.sql import statement

CORRECTED_NUSD: LiteralString = "(coalesce(correction.cost_nusd, 0) - coalesce(correction.booked_nusd, 0))"
"""What a correction changed, as SQL; without a price on one side it is the other."""
# Corrections are few, and a team's calls are many: OFFSET keeps the planner from beginning with the calls.
_ITS_CALL: LiteralString = "(SELECT * FROM runs_call WHERE id = correction.call_id OFFSET 0)"
MOVED_ROWS: LiteralString = f"""runs_correction AS correction CROSS JOIN LATERAL {_ITS_CALL} AS call
    JOIN runs_run AS run ON run.id = call.run_id
    CROSS JOIN LATERAL (VALUES
        (correction.month, {CORRECTED_NUSD}), (call.billed_month, - {CORRECTED_NUSD})
    ) AS moved (month, nusd)"""
"""Counter-lines, each on two bills: ``moved.nusd`` more on the bill of the month that took the difference, and less in
the call's own month, whose calls have it by now while its closed bill stays."""
TRIES = 3


def moved_in(month: LiteralString) -> LiteralString:
    """The condition for those of ``MOVED_ROWS`` on the bill of this month of the team ``%(team)s``. Only a closed bill
    sends its differences to another one, and always to a later one."""
    return f"""call.team_id = %(team)s AND NOT call.simulated AND correction.month <> call.billed_month
        AND EXISTS (SELECT FROM runs_bill WHERE team_id = %(team)s AND closed_at IS NOT NULL)
        AND correction.month >= {month} AND moved.month = {month}"""


def keep_correction(
    cursor: Any,
    call_id: UUID,
    *,
    booked: int | None,
    cost: int | None,
    month: date,
    why: Corrects = Corrects.LATE,
) -> None:
    """``booked`` and ``cost`` are in 1e-9 USD, None where the price is unknown. The bill of ``month`` takes the
    difference."""
    cursor.execute(KEEP, {"id": call_id, "booked": booked, "cost": cost, "month": month, "why": why.value})


def open_month(cursor: Any, *, team: int, person: int | None, month: date) -> date:
    """The month whose bill takes the difference, with that bill locked: the call's own while it is open, else this one.

    This month's bill, and the person's allowance in it, are begun if need be. Lock order: bills by month.
    """
    whose = {"team": team, "person": person, "month": month}
    cursor.execute(LOCK_OWN, whose)
    own = cursor.fetchone()
    if own is None or not own[0]:
        return month
    for _ in range(TRIES):
        cursor.execute(LOCK_PRESENT, whose)
        present = cursor.fetchone()
        if present is not None:  # else that month ended and was closed while the statement waited for its bill
            taken_by: date = present[0]
            return taken_by
    raise AssertionError("unreachable: a month that still runs is not closed")


# Locks the bill of a call's own month, and says whether it is closed. Whoever closes it meanwhile is waited for.
LOCK_OWN = """
    SELECT closed_at IS NOT NULL FROM runs_bill WHERE team_id = %(team)s AND month = %(month)s FOR NO KEY UPDATE
"""

# Begins this month's bill and allowance, and locks the bill. It is a statement of its own, so that its month is the one
# after the wait for the closed bill's lock: with the month before that wait, it could name one that was closed in it.
LOCK_PRESENT = statement(
    """
    WITH bill AS (
        INSERT INTO runs_bill AS bill (team_id, month, budget_nusd, spent_nusd, reserved_nusd)
        SELECT team.id, {this_month}, team.budget_nusd, 0, 0 FROM teams_team AS team WHERE team.id = %(team)s
        ON CONFLICT (team_id, month) DO UPDATE SET spent_nusd = bill.spent_nusd WHERE bill.closed_at IS NULL
        RETURNING month),
    allowance AS (
        INSERT INTO runs_allowance (team_id, user_id, month, budget_nusd, spent_nusd, reserved_nusd)
        SELECT team.id, before.user_id, bill.month, coalesce(membership.budget_nusd, team.user_budget_nusd), 0, 0
        FROM bill JOIN teams_team AS team ON team.id = %(team)s
        JOIN runs_allowance AS before
            ON before.team_id = team.id AND before.user_id = %(person)s AND before.month = %(month)s
        LEFT JOIN teams_membership AS membership
            ON membership.team_id = team.id AND membership.user_id = before.user_id
        ON CONFLICT DO NOTHING)
    SELECT month FROM bill
    """,
    this_month=THIS_MONTH,
)

# Keeps what was booked for a call whose exact figure, or price, came late. A figure that came late while nobody knew
# the price was no difference, so its row takes the one that a price makes.
KEEP = """
    INSERT INTO runs_correction AS kept (call_id, booked_nusd, cost_nusd, month, why, made_at)
    VALUES (%(id)s, %(booked)s, %(cost)s, %(month)s, %(why)s, clock_timestamp())
    ON CONFLICT (call_id) DO UPDATE
        SET cost_nusd = excluded.cost_nusd, month = excluded.month, why = excluded.why, made_at = excluded.made_at
        WHERE kept.booked_nusd IS NULL AND kept.cost_nusd IS NULL AND excluded.why = 'priced'
"""
