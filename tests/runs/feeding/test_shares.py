"""What rows of a batch share of its budget: none starts on dust, none waits for ever for what another does not use, and
together they never have more than the whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents_app.models import Crew
from runs.batches.actions import resume, retry_failed
from runs.feeding.batch_bounds import budget_in_words
from runs.feeding.feed import feed, feed_batch
from runs.launch.order import LaunchOrder
from runs.ledger.wake_covered import wake_covered
from runs.models import Batch, Run
from runs.states import RUN_BUDGET, RUN_LIVE, RunState
from teams.models import Team
from teams.refusals import Conflict
from tests.cast import Cast, make_crew
from tests.runs.batches.made import end, fed, make_batch, states

pytestmark = pytest.mark.django_db

CENT = 10_000_000


def shares(batch: Batch) -> list[int | None]:
    """What its live runs may have, in cents, in the order of their rows."""
    runs = batch.runs.filter(state__in=RUN_LIVE).order_by("batch_row")
    return [None if run.budget_nusd is None else run.budget_nusd // CENT for run in runs]


def may_spend(batch: Batch) -> int:
    """All that its runs have spent and may still spend, in 1e-9 USD."""
    total = 0
    for run in batch.runs.all():
        live = run.state in RUN_LIVE
        total += max(run.budget_nusd or 0, run.spent_nusd) if live else run.spent_nusd + run.reserved_nusd
    return total


def stop(run: Run, *, nusd: int) -> None:
    """As the ledger leaves a run that its own budget stopped."""
    end(run, RunState.FAILED, nusd=nusd)
    Run.objects.filter(pk=run.pk).update(error_code=RUN_BUDGET)


def wait(run: Run, *, nusd: int, needs: int) -> None:
    """As the ledger leaves a run that waits at its own budget for a call that may cost ``needs``."""
    Run.objects.filter(pk=run.pk).update(
        state=RunState.WAITING, waiting_for=RUN_BUDGET, spent_nusd=nusd, needs_nusd=needs, paused_at=timezone.now()
    )


def test_no_row_starts_on_what_was_too_little_for_one_before(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=9, max_concurrency=4, budget_usd=Decimal("0.40"))
    for run in fed(batch):
        stop(run, nusd=9 * CENT)
    assert fed(batch) == []  # of 4 cents each of the five that are left would have stopped at once
    assert states(batch) == ("paused", "budget")
    assert budget_in_words(batch) == "$0.36 of its $0.40 are spent, and $0.10 were too little for a row."
    with pytest.raises(Conflict):
        resume(cast.runner, batch, budget_usd=Decimal("0.46"))
    resume(cast.runner, batch, budget_usd=Decimal("0.60"))
    assert [run.budget_nusd for run in fed(batch)] == [12 * CENT] * 2
    # A row that stopped before its first call, on no less than others succeeded on, tells as much.
    first, second = batch.runs.filter(state__in=RUN_LIVE).order_by("batch_row")
    end(first, nusd=CENT)
    stop(second, nusd=0)
    assert [run.budget_nusd for run in fed(batch)] == [23 * CENT]


def test_a_row_that_ran_away_says_nothing_of_what_the_others_need(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=9, max_concurrency=2, budget_usd=Decimal("0.40"))
    first, second = fed(batch)
    end(first, nusd=2 * CENT)
    stop(second, nusd=20 * CENT)
    assert [run.budget_nusd for run in fed(batch)] == [9 * CENT] * 2


def test_more_at_once_start_nothing_on_the_rest_of_a_division(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=9, max_concurrency=3, budget_usd=Decimal("0.10"))
    first, *_ = fed(batch)  # a nano-dollar is left
    resume(cast.runner, batch, max_concurrency=9)
    assert fed(batch) == []
    end(first, RunState.FAILED, nusd=3_000_000)
    assert [run.budget_nusd for run in fed(batch)] == [5_055_555] * 6


def test_the_first_rows_are_reckoned_with_by_earlier_ones_of_their_version(cast: Cast, crew: Crew) -> None:
    before = make_batch(cast.runner, crew, rows=2, max_concurrency=2)
    for run in fed(before):
        end(run, nusd=10 * CENT)
    feed()
    batch = make_batch(cast.runner, crew, rows=40, max_concurrency=40, budget_usd=Decimal("0.40"))
    assert [run.budget_nusd for run in fed(batch)] == [10 * CENT] * 4
    dear = make_batch(cast.runner, crew, rows=40, max_concurrency=40, budget_usd=Decimal("0.04"))
    assert [run.budget_nusd for run in fed(dear)] == [4 * CENT]  # it may cost less than those did


def test_a_lower_cap_of_the_team_lets_rows_start_that_the_dearest_would_not(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=9, max_concurrency=1, budget_usd=Decimal("0.40"))
    (first,) = fed(batch)
    end(first, nusd=25 * CENT)
    Team.objects.filter(pk=cast.team.pk).update(run_budget_nusd=5 * CENT)
    assert [run.budget_nusd for run in fed(batch)] == [5 * CENT]


def test_what_an_ended_run_may_still_be_booked_is_not_given_away(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=9, max_concurrency=1, budget_usd=Decimal("0.40"))
    (first,) = fed(batch)
    end(first, RunState.FAILED, nusd=5 * CENT)
    Run.objects.filter(pk=first.pk).update(reserved_nusd=30 * CENT)  # its worker was lost in mid call
    assert [run.budget_nusd for run in fed(batch)] == [5 * CENT]


def test_a_budget_that_comes_late_or_is_lowered_holds_for_rows_under_way(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=9, max_concurrency=4)
    first, second, *_ = fed(batch)
    assert shares(batch) == [None] * 4
    Run.objects.filter(pk=first.pk).update(spent_nusd=2 * CENT)
    Run.objects.filter(pk=second.pk).update(spent_nusd=CENT, reserved_nusd=CENT)
    resume(cast.runner, batch, budget_usd=Decimal("0.40"))
    assert shares(batch) == [11, 11, 9, 9]
    assert may_spend(batch) == 40 * CENT
    resume(cast.runner, batch, budget_usd=Decimal("0.12"))
    assert shares(batch) == [4, 4, 2, 2]
    assert may_spend(batch) == 12 * CENT
    revisions = list(batch.runs.values_list("revision", flat=True))
    resume(cast.runner, batch, budget_usd=Decimal("0.80"))
    assert list(batch.runs.values_list("revision", flat=True)) == revisions
    ordered = LaunchOrder(simulated=True, budget_usd=Decimal("0.10"))
    other = make_batch(cast.runner, crew, rows=9, max_concurrency=4, run=ordered, budget_usd=Decimal("0.40"))
    fed(other)
    resume(cast.runner, other, budget_usd=Decimal("0.20"))
    assert shares(other) == [5] * 4


def test_rows_that_wait_at_their_shares_get_what_the_others_do_not_use(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=9, max_concurrency=4, budget_usd=Decimal("0.40"))
    runs = fed(batch)
    for run in runs:
        wait(run, nusd=7 * CENT, needs=5 * CENT)
    # Each has three cents and needs five, and all places are taken: two can go on with what all four have.
    assert feed() == []
    assert shares(batch) == [13, 13, 7, 7]
    assert may_spend(batch) == 40 * CENT
    assert set(wake_covered()) == {run.pk for run in runs[:2]}
    feed()
    assert (shares(batch), states(batch)) == ([13, 13, 7, 7], ("running", ""))
    end(runs[0], nusd=12 * CENT)
    assert feed() == []
    assert shares(batch) == [13, 7, 7]  # one cent is left of what it had
    assert states(batch) == ("paused", "budget")  # no row of twelve cents fits
    end(runs[1], nusd=8 * CENT)
    feed()
    assert shares(batch) == [13, 7]
    assert may_spend(batch) == 40 * CENT
    assert wake_covered() == [runs[2].pk]
    end(runs[2], nusd=8 * CENT)
    feed()
    assert shares(batch) == [12]  # those under way go on, though none starts
    assert wake_covered() == [runs[3].pk]


def test_a_greater_budget_reaches_the_rows_that_wait(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=2, max_concurrency=2, budget_usd=Decimal("0.20"))
    first, second = fed(batch)
    for run in (first, second):
        wait(run, nusd=10 * CENT, needs=5 * CENT)
    feed()
    assert wake_covered() == []
    resume(cast.runner, batch, budget_usd=Decimal("0.30"))
    feed()
    assert shares(batch) == [15, 15]
    assert len(wake_covered()) == 2


def test_a_run_never_gets_more_than_it_was_ordered_with(cast: Cast, crew: Crew, django_assert_num_queries: Any) -> None:
    ordered = LaunchOrder(simulated=True, budget_usd=Decimal("0.10"))
    batch = make_batch(cast.runner, crew, rows=3, max_concurrency=2, run=ordered, budget_usd=Decimal("5"))
    for run in fed(batch):
        wait(run, nusd=9 * CENT, needs=2 * CENT)
    with django_assert_num_queries(1):  # only a person can let them go on, so they cost no look anything
        feed()
    assert shares(batch) == [10, 10]
    assert wake_covered() == []


def test_rows_that_wait_for_a_person_keep_none_from_starting(cast: Cast, crew: Crew) -> None:
    ordered = LaunchOrder(simulated=True, budget_usd=Decimal("0.10"))
    batch = make_batch(cast.runner, crew, rows=3, max_concurrency=2, run=ordered, budget_usd=Decimal("0.30"))
    for run in fed(batch):
        wait(run, nusd=9 * CENT, needs=15 * CENT)
    resume(cast.runner, batch, max_concurrency=3)
    assert [run.budget_nusd for run in fed(batch)] == [10 * CENT]
    assert states(batch) == ("running", "")


def test_a_batch_never_spends_more_than_its_budget_whatever_becomes_of_its_rows(cast: Cast, crew: Crew) -> None:
    """Rows end, wait, stop and are run again in a fixed order that visits all of it; looks in between."""
    budget = 100 * CENT
    batch = make_batch(cast.runner, crew, rows=30, max_concurrency=7, budget_usd=Decimal("1"))
    step = 0
    for turn in range(60):
        feed()
        assert may_spend(batch) <= budget
        for run in batch.runs.filter(state__in=(RunState.QUEUED, RunState.RUNNING)).order_by("batch_row")[:3]:
            step += 1
            most = run.budget_nusd or 0
            spent: Any = min(most, run.spent_nusd + (step * 7_919_933) % (most + 1))
            match step % 5:
                case 0:
                    stop(run, nusd=spent)
                case 1:
                    wait(run, nusd=spent, needs=most - spent + 1 + step * 10_007 % CENT)
                case 2:
                    end(run, RunState.FAILED, nusd=spent)
                case _:
                    end(run, nusd=min(spent, 3 * CENT))
            assert may_spend(batch) <= budget
        wake_covered()
        if turn % 20 == 9 and batch.rows.filter(run__state=RunState.FAILED).exists():
            retry_failed(cast.runner, batch)
    feed()
    assert batch.runs.filter(state=RunState.SUCCEEDED).exists()
    moves = batch.runs.filter(state__in=(RunState.QUEUED, RunState.RUNNING)).exists()
    assert moves or states(batch) in (("paused", "budget"), ("done", ""))  # what stands still says so


@pytest.mark.django_db(transaction=True)
def test_feeders_and_people_at_once_give_away_no_more_than_there_is(cast: Cast) -> None:
    crew = make_crew(cast.editor)
    batch = make_batch(cast.runner, crew, rows=40, max_concurrency=6, budget_usd=Decimal("0.60"))
    for run in fed(batch):
        wait(run, nusd=6 * CENT, needs=5 * CENT)

    def look(nth: int) -> None:
        try:
            feed_batch(batch.pk)
            if nth == 1:
                resume(cast.runner, batch, budget_usd=Decimal("0.80"))
            if nth == 3:
                resume(cast.runner, batch, max_concurrency=12)
            wake_covered()
            feed_batch(batch.pk)
        except Conflict:
            pass  # it was paused and let go on by the other
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(look, range(5)))
    assert 60 * CENT <= may_spend(batch) <= 80 * CENT
    feed()
    assert may_spend(batch) <= 80 * CENT
    assert batch.runs.filter(state=RunState.QUEUED).exists()
