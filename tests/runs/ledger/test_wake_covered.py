"""What waited for money and may go on is queued by a fixed number of statements, and nobody is waited for."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from runs.ledger.transitions import queue_covered
from runs.ledger.wake_covered import wake_covered
from runs.models import Bill, Run
from runs.states import PERSON, TEAM_BUDGET, RunState
from tests.cast import Cast, make_crew
from tests.ledger import make_run
from tests.runs.books import this_month
from tests.runs.workers import in_thread

pytestmark = pytest.mark.django_db(transaction=True)

NEEDS, BUDGET = 300, 10_000


def waiting(cast: Cast, number: int) -> list[Run]:
    """Runs that wait for the team's budget, the oldest first."""
    crew = make_crew(cast.editor)
    waits = {"state": RunState.WAITING, "waiting_for": TEAM_BUDGET, "needs_nusd": NEEDS}
    return [make_run(cast.runner, crew, **waits) for _ in range(number)]


def with_a_bill(cast: Cast, *, spent_nusd: int) -> None:
    Bill.objects.create(team=cast.team, month=this_month(), budget_nusd=BUDGET, spent_nusd=spent_nusd)


def woken(cast: Cast, number: int) -> tuple[int, int]:
    """How many of so many runs were queued again, and by how many statements."""
    runs = waiting(cast, number)
    with CaptureQueriesContext(connection) as seen:
        ids = wake_covered()
    assert ids == [run.pk for run in runs[: len(ids)]], "whose turn it is"
    assert set(Run.objects.filter(pk__in=ids).values_list("state", "waiting_for", "needs_nusd")) <= {
        (RunState.QUEUED, "", None)
    }
    return len(ids), len(seen.captured_queries)


def test_many_runs_take_as_many_statements_as_one(cast: Cast) -> None:
    with_a_bill(cast, spent_nusd=0)
    one, for_one = woken(cast, 1)
    many, for_many = woken(cast, 40)
    assert (one, many) == (1, BUDGET // NEEDS), "no more than the budget covers together"
    assert for_one == for_many


def test_a_run_that_somebody_holds_or_that_waits_for_something_else_by_now_is_left(cast: Cast) -> None:
    with_a_bill(cast, spent_nusd=BUDGET - 3 * NEEDS)
    held, asks, free = waiting(cast, 3)
    Run.objects.filter(pk=asks.pk).update(waiting_for=PERSON, needs_nusd=None)
    found: list[object] = []
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=held.pk)
        thread = in_thread(lambda: found.extend(wake_covered()))
        thread.join(20)
        assert not thread.is_alive(), "it waits for the row"
    assert found == [free.pk]
    assert wake_covered() == [held.pk]
    assert queue_covered([asks.pk]) == []
    asks.refresh_from_db()
    assert (asks.state, asks.waiting_for) == (RunState.WAITING, PERSON)
