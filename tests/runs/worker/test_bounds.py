"""A run's own bounds on requests, tokens and seconds: set at launch, obeyed by every worker that holds the run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import F

from engine.errors import LimitReached
from engine.record.limits import RunLimits
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.ledger import transitions
from runs.models import PriceQuote, Run
from runs.prices.actions import take_back
from runs.states import RunState
from runs.worker import claim
from runs.worker.process import WorkerProcess
from runs.worker.runtime import limits_of
from teams.refusals import Invalid
from tests.cast import Cast, make_crew
from tests.openai_server import OpenAIServer
from tests.runs import workers
from tests.runs.clock import moved_clock

pytestmark = pytest.mark.django_db(transaction=True)


def launched(cast: Cast, **bounds: int) -> Run:
    order = LaunchOrder(inputs={"company": "Acme"}, limits=RunLimits(**bounds))
    return launch(cast.owner, make_crew(cast.owner), order)


@pytest.mark.parametrize(("bound", "most"), [("max_calls", 1), ("max_tokens", 10)])
def test_a_run_stops_at_its_bound_and_keeps_what_was_paid(
    cast: Cast, worker: WorkerProcess, bound: str, most: int
) -> None:
    run = launched(cast, **{bound: most})
    workers.claim_and_execute(run, worker)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (RunState.FAILED, bound)
    settled = list(run.calls.filter(kind="model").values_list("state", flat=True))
    assert settled == ["ok"] * len(settled), "calls in flight at the limit are not cut off"
    assert run.total_tokens > 0


def test_without_bounds_it_ends_well(cast: Cast, worker: WorkerProcess) -> None:
    run = launched(cast)
    workers.claim_and_execute(run, worker)
    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED


def test_what_an_earlier_worker_used_counts(cast: Cast, worker: WorkerProcess) -> None:
    run = launched(cast, max_calls=1, max_seconds=60)
    workers.claim_and_execute(run, worker)
    run.refresh_from_db()
    limits = limits_of(run)
    assert (limits.calls, limits.tokens) == (1, run.total_tokens)
    assert run.total_tokens > 0


def test_a_price_that_is_taken_back_after_the_launch_ends_the_run_before_it_asks(
    cast: Cast, worker: WorkerProcess
) -> None:
    with OpenAIServer() as server:
        workers.use_provider(cast.owner, server)
        run = workers.launched(cast.owner, workers.task("a"), budget_usd=Decimal("0.01"))
        take_back(cast.owner, PriceQuote.objects.get())
        run = workers.execute(run, worker)
    assert (run.state, run.error_code, server.requests) == (RunState.FAILED, "unpriced", 0)
    assert "No price is known for gpt-4o-mini" in run.error


def test_a_run_that_has_written_much_asks_for_no_more(
    cast: Cast, worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.record.limits.MAX_TEXT", 100)
    run = launched(cast)
    workers.claim_and_execute(run, worker)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (RunState.FAILED, "max_text")
    assert "characters" in run.error
    assert limits_of(run).text > 100, "what an earlier worker wrote counts"


def test_time_in_which_it_waited_for_somebody_does_not_count(cast: Cast) -> None:
    run = launched(cast, max_seconds=60)
    claimed = claim.claim(run.pk, owner="worker-1")
    assert claimed
    assert transitions.pause(claimed, waiting_for="team_budget", needs_nusd=1)
    a_night = timedelta(hours=10)
    Run.objects.filter(pk=run.pk).update(started_at=F("started_at") - a_night, paused_at=F("paused_at") - a_night)
    assert transitions.queue_again(run.pk)
    again = claim.claim(run.pk, owner="worker-2")
    assert again
    limits_of(again).reserve(Decimal(0))  # raises where the night counts
    assert 36_000 <= again.paused_s < 36_060


@pytest.mark.parametrize("away", [timedelta(days=-20), timedelta(days=20)], ids=["behind", "ahead"])
def test_how_long_a_run_took_is_told_by_the_databases_clock_alone(cast: Cast, away: timedelta) -> None:
    with moved_clock(datetime.now(UTC) + away):
        run = claim.claim(launched(cast, max_seconds=60).pk, owner="worker-1")
        assert run
        limits_of(run).reserve(Decimal(0))  # raises where the worker's own clock is held against it
        Run.objects.filter(pk=run.pk).update(started_at=F("started_at") - timedelta(seconds=61))
        run.refresh_from_db()
        with pytest.raises(LimitReached):
            limits_of(run).reserve(Decimal(0))


@pytest.mark.parametrize("bound", ["max_calls", "max_tokens", "max_seconds"])
@pytest.mark.parametrize("most", [0, -1, 3_000_000_000])
def test_a_bound_that_is_none_is_told_at_its_field(cast: Cast, bound: str, most: int) -> None:
    with pytest.raises(Invalid) as refusal:
        launched(cast, **{bound: most})
    assert list(refusal.value.fields) == [bound]
    assert not Run.objects.exists()


def test_runs_that_wait_for_their_provider_hold_no_connections(cast: Cast, worker: WorkerProcess) -> None:
    seen: list[int] = []

    def answer(body: object) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            seen.append(cursor.fetchone()[0])
        connection.close()
        return "Done."

    with OpenAIServer(answer, latency_s=0.5) as server:
        workers.use_provider(cast.owner, server)
        runs = [workers.launched(cast.owner, workers.task("one")) for _ in range(20)]
        workers.execute_all(runs, worker)
    assert {run.state for run in runs} == {RunState.SUCCEEDED}
    assert min(seen) < 12, "what is left are the process's own, the test's, and these looks"
