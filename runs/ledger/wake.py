"""Which runs that wait for money go on: those whose budgets by now cover their next calls."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django.db import connection

from runs.bounds import budgets
from runs.ledger.transitions import queue_again
from runs.live.notify import run_changed
from runs.states import BUDGETS

WAITING_FOR_MONEY = """
    SELECT id, team_id, needs FROM (
        SELECT id, team_id, coalesce(needs_nusd, 0) AS needs,
               row_number() OVER (PARTITION BY team_id, created_by_id ORDER BY rank, id) AS place
        FROM runs_run
        WHERE state = 'waiting' AND waiting_for = ANY(%(budgets)s)
          AND (budget_nusd IS NULL OR spent_nusd + reserved_nusd + coalesce(needs_nusd, 0) <= budget_nusd)) AS run
    WHERE place <= %(most)s ORDER BY place, id LIMIT %(most)s * 10
"""
"""Some of each person's, so that those whose budget is used up hide nobody else's; the next sweep looks at more."""


def wake_covered(*, most: int = 50) -> list[UUID]:
    """Queues runs again that waited for a budget which by now covers their next calls, all of them together; whoever
    calls this rings for them."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING_FOR_MONEY, {"budgets": list(BUDGETS), "most": most})
        waiting = cursor.fetchall()
    promised: Counter[int] = Counter()
    woken = []
    for run_id, team_id, needs_nusd in waiting:
        if budgets.covered(run_id, needs_nusd, promised_nusd=promised[team_id]) and queue_again(run_id):
            promised[team_id] += needs_nusd
            run_changed(run_id)
            woken.append(run_id)
    return woken
