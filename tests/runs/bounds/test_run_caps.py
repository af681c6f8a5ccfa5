"""What a team gives each run at most: a launch gets it unasked, may ask for less, and pays no more than it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from engine.record.limits import RunLimits
from runs.bounds.run_caps import in_words
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.limits.actions import TeamLimits, set_limits
from runs.models import Run
from runs.money import to_usd
from runs.states import RunState
from runs.worker.process import WorkerProcess
from teams.models import Team
from teams.refusals import Invalid
from tests.cast import Cast, make_crew
from tests.openai_server import OpenAIServer
from tests.runs.workers import assert_sums, execute, launched, task, use_provider

pytestmark = pytest.mark.django_db(transaction=True)

CAPS = TeamLimits(run_budget_usd=Decimal(5), run_max_calls=500, run_max_seconds=3600)
ONE_CALL = Decimal("0.00009")
"""Covers one call's worst case, but not what a call costs besides another one's worst case more than twice."""


@pytest.fixture
def server(cast: Cast) -> Iterator[OpenAIServer]:
    with OpenAIServer(" ".join(["word"] * 40)) as started:
        use_provider(cast.owner, started)
        yield started


def cap(cast: Cast, limits: TeamLimits) -> None:
    set_limits(cast.owner, limits)
    for who in (cast.owner, cast.runner):
        who.team.refresh_from_db()  # as each request reads it anew


def three_in_a_row(cast: Cast, **order: Any) -> Run:
    return launched(cast.runner, task("one"), task("two", context=("one",)), task("three", context=("two",)), **order)


def bounds(run: Run) -> tuple[Decimal | None, int | None, int | None]:
    return to_usd(run.budget_nusd), run.max_calls, run.max_seconds


class TestLaunch:
    def test_a_launch_gets_the_caps_unasked(self, cast: Cast) -> None:
        cap(cast, CAPS)
        assert bounds(three_in_a_row(cast)) == (5, 500, 3600)

    def test_a_team_without_caps_gives_as_much_as_ever(self, cast: Cast) -> None:
        assert bounds(three_in_a_row(cast)) == (None, None, None)
        much = RunLimits(max_calls=2_000_000_000, max_seconds=2_000_000_000)
        run = three_in_a_row(cast, budget_usd=Decimal(1_000_000), limits=much)
        assert bounds(run) == (1_000_000, 2_000_000_000, 2_000_000_000)

    def test_a_launch_may_ask_for_less_or_just_as_much(self, cast: Cast) -> None:
        cap(cast, CAPS)
        less = three_in_a_row(cast, budget_usd=Decimal("0.5"), limits=RunLimits(max_calls=3, max_seconds=9))
        assert bounds(less) == (Decimal("0.5"), 3, 9)
        all_of_it = three_in_a_row(cast, budget_usd=Decimal(5), limits=RunLimits(max_calls=500, max_seconds=3600))
        assert bounds(all_of_it) == (5, 500, 3600)

    @pytest.mark.parametrize("who", ["owner", "runner"])
    @pytest.mark.parametrize(
        ("order", "field", "words"),
        [
            ({"budget_usd": Decimal("5.000000001")}, "budget_usd", "at most $5."),
            ({"limits": RunLimits(max_calls=501)}, "max_calls", "at most 500 model requests."),
            ({"limits": RunLimits(max_seconds=3601)}, "max_seconds", "at most 1 hour."),
        ],
    )
    def test_nobody_launches_with_more_and_all_are_told_who_can_raise_it(
        self, cast: Cast, who: str, order: dict[str, Any], field: str, words: str
    ) -> None:
        cap(cast, CAPS)
        with pytest.raises(Invalid) as refused:
            launched(getattr(cast, who), task("one"), **order)
        assert list(refused.value.fields) == [field]
        assert words in refused.value.fields[field]
        assert "An owner can raise it on the page Limits." in refused.value.fields[field]
        assert not Run.objects.exists()

    def test_other_caps_hold_for_later_launches_and_lifted_ones_are_gone(self, cast: Cast) -> None:
        cap(cast, CAPS)
        earlier = three_in_a_row(cast)
        cap(cast, TeamLimits(run_max_calls=7))
        assert bounds(three_in_a_row(cast)) == (None, 7, None)
        cap(cast, TeamLimits())
        assert bounds(three_in_a_row(cast)) == (None, None, None)
        earlier.refresh_from_db()
        assert bounds(earlier) == (5, 500, 3600)

    def test_a_launch_that_is_repeated_after_the_caps_changed_is_the_same_run(self, cast: Cast) -> None:
        cap(cast, CAPS)
        crew, order = make_crew(cast.owner), LaunchOrder({"company": "Acme"})
        first = launch(cast.runner, crew, order, idempotency_key="once")
        cap(cast, TeamLimits(run_max_calls=7))
        again = launch(cast.runner, crew, order, idempotency_key="once")
        assert (again.pk, bounds(again)) == (first.pk, (5, 500, 3600))


class TestAtTheCap:
    @pytest.mark.parametrize("simulated", [False, True])
    def test_no_request_is_made_beyond_the_cap(
        self, cast: Cast, worker: WorkerProcess, server: OpenAIServer, simulated: bool
    ) -> None:
        cap(cast, TeamLimits(run_max_calls=2))
        run = execute(three_in_a_row(cast, simulated=simulated), worker)
        assert (run.state, run.error_code) == (RunState.FAILED, "max_calls")
        assert run.error == (
            "The run has made its 2 calls. That is the most that the team gives a run. "
            "An owner can raise it on the page Limits; then launch this one again."
        )
        assert (run.calls.filter(kind="model").count(), server.requests) == (2, 0 if simulated else 2)
        assert_sums(run)
        cap(cast, TeamLimits())
        assert execute(three_in_a_row(cast, simulated=simulated), worker).state == RunState.SUCCEEDED

    @pytest.mark.parametrize("simulated", [False, True])
    def test_no_request_is_made_once_the_time_is_up(
        self, cast: Cast, worker: WorkerProcess, server: OpenAIServer, simulated: bool
    ) -> None:
        cap(cast, TeamLimits(run_max_seconds=3600))
        run = three_in_a_row(cast, simulated=simulated)
        Run.objects.filter(pk=run.pk).update(started_at=timezone.now() - timedelta(seconds=3600))
        run = execute(run, worker)
        assert (run.state, run.error_code) == (RunState.FAILED, "max_seconds")
        assert "most that the team gives a run. An owner can raise it on the page Limits" in run.error
        assert (run.calls.count(), server.requests, run.spent_nusd) == (0, 0, 0)

    def test_no_cent_is_spent_beyond_the_cap(self, cast: Cast, worker: WorkerProcess, server: OpenAIServer) -> None:
        cap(cast, TeamLimits(run_budget_usd=ONE_CALL, at_limit="stop"))
        run = execute(three_in_a_row(cast), worker)
        assert (run.state, run.error_code) == (RunState.FAILED, "run_budget")
        assert "most that the team gives a run. An owner can raise it on the page Limits" in run.error
        assert 0 < server.requests < 3
        assert 0 < Decimal(to_usd(run.spent_nusd)) <= ONE_CALL
        assert_sums(run)

    def test_a_simulated_run_meets_its_cap_of_money_too(
        self, cast: Cast, worker: WorkerProcess, server: OpenAIServer
    ) -> None:
        cap(cast, TeamLimits(run_budget_usd=Decimal("0.000000001"), at_limit="stop"))
        run = execute(three_in_a_row(cast, simulated=True), worker)
        assert (run.state, run.error_code, run.spent_nusd) == (RunState.FAILED, "run_budget", 0)

    def test_a_run_that_asked_for_less_is_told_to_ask_for_more(
        self, cast: Cast, worker: WorkerProcess, server: OpenAIServer
    ) -> None:
        cap(cast, CAPS)
        run = execute(three_in_a_row(cast, limits=RunLimits(max_calls=1)), worker)
        assert run.error.endswith("its 1 call. Launch it again with more, or make the crew need less.")

    def test_the_shared_budgets_say_nothing_of_the_caps(
        self, cast: Cast, worker: WorkerProcess, server: OpenAIServer
    ) -> None:
        cap(cast, TeamLimits(budget_usd=ONE_CALL, run_max_calls=500, at_limit="stop"))
        run = execute(three_in_a_row(cast), worker)
        assert (run.error_code, "gives a run" in run.error) == ("team_budget", False)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (TeamLimits(), ""),
        (TeamLimits(run_max_calls=1), "1 model request"),
        (TeamLimits(run_budget_usd=Decimal("2.5"), run_max_seconds=90), "$2.50 and 90 seconds"),
        (CAPS, "$5, 500 model requests and 1 hour"),
    ],
)
def test_caps_in_words(cast: Cast, limits: TeamLimits, words: str) -> None:
    cap(cast, limits)
    assert in_words(cast.owner.team) == words


@pytest.mark.parametrize("column", ["run_max_calls", "run_max_seconds"])
def test_a_cap_of_nothing_cannot_be_kept(cast: Cast, column: str) -> None:
    assert getattr(cast.team, column) is None
    with pytest.raises(IntegrityError), transaction.atomic():
        Team.objects.filter(pk=cast.team.pk).update(**{column: 0})
