"""A sweep: what rescues runs comes first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import ProgrammingError, connection

from runs.models import Run
from runs.states import TEAM_BUDGET, RunState
from runs.worker.sweeper import sweep
from tests.cast import make_cast, make_crew
from tests.ledger import make_run


@pytest.fixture
def without_allowances(transactional_db: None) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE runs_allowance RENAME TO hidden")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE hidden RENAME TO runs_allowance")


def test_runs_are_rung_for_although_budgets_cannot_be_looked_at(without_allowances: None) -> None:
    cast = make_cast()
    crew = make_crew(cast.owner)
    make_run(cast.owner, crew, state=RunState.WAITING, waiting_for=TEAM_BUDGET, needs_nusd=1)
    idle = make_run(cast.owner, crew, state=RunState.QUEUED)
    Run.objects.filter(pk=idle.pk).update(rung_at=None)
    with pytest.raises(ProgrammingError):
        sweep()
    idle.refresh_from_db()
    assert idle.rung_at is not None
