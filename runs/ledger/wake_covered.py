"""Queues runs again that waited for money, once their budgets cover their next calls."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django.db import connection

from runs.bounds import budgets
from runs.ledger.transitions import queue_covered
from runs.states import BUDGETS

# Runs that wait for money and that their own budget covers. Only the first few of each person, so that people whose
# budget is used up hide nobody else's runs; the next sweep looks at more.
WAITING_FOR_MONEY = """
    SELECT id, team_id, needs FROM (
        SELECT id, team_id, coalesce(needs_nusd, 0) AS needs,
               row_number() OVER (PARTITION BY team_id, created_by_id ORDER BY rank, id) AS place
        FROM runs_run
        WHERE state = 'waiting' AND waiting_for = ANY(%(budgets)s)
          AND (budget_nusd IS NULL OR spent_nusd + reserved_nusd + coalesce(needs_nusd, 0) <= budget_nusd)) AS run
    WHERE place <= %(most)s ORDER BY place, id LIMIT %(most)s * 10
"""


def wake_covered(*, most: int = 50) -> list[UUID]:
    """Queues the runs again and returns them; the caller rings for them.

    Their team's budgets cover the next calls of all of them together. However many they are, it takes as many
    statements. All budgets are read at one moment; what is spent after it is looked at by the calls themselves.
    """
    with connection.cursor() as cursor:
        cursor.execute(WAITING_FOR_MONEY, {"budgets": list(BUDGETS), "most": most})
        waiting = cursor.fetchall()
    if not waiting:
        return []
    over = budgets.budgets_of_each([run_id for run_id, _, _ in waiting])
    promised: Counter[int] = Counter()
    covered = []
    for run_id, team_id, needs_nusd in waiting:
        if run_id in over and budgets.cover(over[run_id], needs_nusd, promised_nusd=promised[team_id]):
            promised[team_id] += needs_nusd
            covered.append(run_id)
    return queue_covered(covered) if covered else []
