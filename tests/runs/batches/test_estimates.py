"""What a batch is expected to cost and take, and which limit is said to bind."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from agents_app.models import Crew
from agents_app.snapshot import spec_of
from runs.batches.estimate.paces import Limit, Purse
from runs.batches.estimate.whole import BatchEstimate, estimate_batch
from runs.models import Allowance, Call, Lane, PriceQuote, Run, WorkerSeen
from runs.months import this_month
from teams.actions import add_provider
from teams.models import ProviderKey, Team
from tests.cast import Cast
from tests.ledger import make_call, make_run

pytestmark = pytest.mark.django_db
MODEL = "openai/gpt-4o-mini"
TEN_S = 10


def estimated(cast: Cast, crew: Crew, **asked: Any) -> BatchEstimate:
    usual = {"simulated": False, "rows": 100, "input_chars": 20, "max_concurrency": 40, "purse": None}
    crew.team = Team.objects.get(pk=cast.team.pk)
    who = cast.runner.__class__(cast.runner.user, crew.team, cast.runner.role)
    found = estimate_batch(who, crew, spec_of(crew), **usual | asked)
    assert found is not None
    return found


@pytest.fixture
def ran(cast: Cast, crew: Crew) -> Run:
    """Ten seconds for 10 cents, in which it asked the model four times, 500 tokens each, two seconds each."""
    add_provider(cast.owner, provider="openai", api_key="sk-x")
    run = make_run(cast.owner, crew, seconds=TEN_S, usd=0.1)
    for step in range(4):
        call = make_call(run, step=step, model=MODEL)
        Call.objects.filter(pk=call.pk).update(
            credential="openai/default", prompt_tokens=400, completion_tokens=100, latency_ms=2_000
        )
    return run


def test_the_slowest_limit_binds_and_is_said(cast: Cast, crew: Crew, ran: Run) -> None:
    free = estimated(cast, crew)
    assert (free.at_once, free.binds, free.covers, free.low_ms) == (40, None, None, 25_000)
    keys, team = ProviderKey.objects.all(), Team.objects.filter(pk=cast.team.pk)
    cases: list[tuple[Any, int, str, str]] = [
        # 288 requests a minute are 72 rows a minute, of which each takes ten seconds
        (
            lambda: keys.update(rpm=288),
            12,
            "requests_a_minute",
            "288 requests of openai/gpt-4o-mini a minute, and a row needs 4",
        ),
        (
            lambda: keys.update(tpm=120_000),
            10,
            "tokens_a_minute",
            "120,000 tokens of openai/gpt-4o-mini a minute, and a row needs 2,000",
        ),
        (lambda: team.update(runs_at_once=9), 9, "runs_at_once", "your team has at most 9 runs under way at once"),
        (
            lambda: Lane.objects.create(team=cast.team, credential="openai/default", model=MODEL, window=6.4),
            8,
            "provider",
            "openai/default has lately refused more than 6 requests",
        ),
        (
            lambda: WorkerSeen.objects.create(name="a", capacity=7, seen_at=timezone.now()),
            7,
            "workers",
            "the workers that are there hold 7 runs",
        ),
        (lambda: team.update(launch_quota=36, launch_window_s=60), 6, "launch_quota", "launch 36 runs in 1 minute"),
        (lambda: keys.update(rpm=6), 1, "requests_a_minute", "6 requests of"),
    ]
    for limit, at_once, code, words in cases:
        limit()
        found = estimated(cast, crew)
        assert found.binds is not None
        assert (found.at_once, found.binds.code) == (at_once, code)
        assert found.binds.words.startswith(f"40 at once gain nothing over {at_once}: ")
        assert words in found.binds.words
    # Six requests a minute are a row and a half a minute: fewer than one at once.
    assert found.low_ms == pytest.approx(100 / 1.5 * 60_000, rel=0.01)
    alone = estimated(cast, crew, max_concurrency=1).binds
    assert alone is not None
    assert alone.words.startswith("Rows wait for each other: ")
    assert estimated(cast, crew, simulated=True).runs == 0  # no simulated run, so nothing of these keys
    Run.objects.update(finished_at=F("started_at"))
    assert estimated(cast, crew).low_ms == pytest.approx(100 / 1.5 * 60_000, rel=0.01)


def test_the_budget_that_covers_the_fewest_rows_is_said(cast: Cast, crew: Crew, ran: Run) -> None:
    whole = Limit("batch_budget", "The batch's budget covers about 50 of 100 rows.")
    assert estimated(cast, crew, purse=Purse(5 * 10**9, None)).covers == whole
    kept = estimated(cast, crew, purse=Purse(5 * 10**9, 2 * 10**9))
    why = "each row keeps back its own budget of $2"
    assert kept.covers == Limit("batch_budget", f"The batch's budget covers about 31 of 100 rows, since {why}.")
    assert (kept.at_once, kept.binds) == (
        2,
        Limit("batch_budget", f"40 at once gain nothing over 2: of the batch's $5 {why}."),
    )
    assert Purse(5, 6).rows(1.0) == 0
    Allowance.objects.create(
        team=cast.team, user=cast.runner.user, month=this_month(), budget_nusd=2 * 10**9, spent_nusd=10**9
    )
    fewest = estimated(cast, crew, purse=Purse(5 * 10**9, None)).covers
    assert fewest is not None
    assert fewest.code == "user_budget"
    assert "your budget of this month covers about 10 of" in fewest.words


def test_a_crew_that_never_ran_is_estimated_by_its_texts(cast: Cast, crew: Crew) -> None:
    assert estimated(cast, crew, simulated=True).low_nusd is None
    PriceQuote.objects.create(model="gpt-4o-mini", input_usd_per_mtok="0.15", output_usd_per_mtok="0.6")
    few = estimated(cast, crew, simulated=True)
    assert (few.runs, few.at_once) == (0, 40)
    assert 0 < few.low_nusd < few.high_nusd
    assert 0 < few.low_ms < few.high_ms
    more = estimated(cast, crew, simulated=True, input_chars=20_000)
    assert more.low_nusd > few.low_nusd


def test_runs_that_take_no_time_are_spaced_by_the_quota_all_the_same(cast: Cast, crew: Crew) -> None:
    make_run(cast.owner, crew, seconds=0)
    Run.objects.update(ended_ms=0, simulated=True)
    Team.objects.filter(pk=cast.team.pk).update(launch_quota=36, launch_window_s=60)
    found = estimated(cast, crew, simulated=True, rows=360)
    assert (found.at_once, found.low_ms) == (1, 600_000)
    assert found.binds is not None
    assert "launch 36 runs in 1 minute" in found.binds.words
