"""Runs at a budget, with real workers and a provider that keeps its own bill: they wait and go on, and nothing is paid
twice; or they stop, or go on cheaper, if they are set to."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from runs.ledger.wake_covered import wake_covered
from runs.limits.actions import TeamLimits, resume, set_limits
from runs.models import Allowance, Bill, PriceQuote, Run
from runs.money import to_usd
from runs.states import RunState
from runs.worker.process import WorkerProcess
from teams.models import AtLimit
from teams.refusals import Conflict
from tests.cast import Cast
from tests.openai_server import OpenAIServer
from tests.runs.workers import MODEL, agent, assert_sums, execute, execute_all, launched, task, use_provider

pytestmark = pytest.mark.django_db(transaction=True)

ONE_CALL = Decimal("0.00009")
"""Covers one call's worst case, which is some 0.00007 USD, but not what a call costs besides another one's worst case
more than twice."""
CHEAP = "gpt-4.1-nano"


@pytest.fixture
def server(cast: Cast) -> Iterator[OpenAIServer]:
    with OpenAIServer(" ".join(["word"] * 40)) as started:
        use_provider(cast.owner, started)
        yield started


def limit(cast: Cast, limits: TeamLimits) -> None:
    set_limits(cast.owner, limits)
    cast.team.refresh_from_db()  # as each request reads it anew


def three_in_a_row(cast: Cast, **order: Any) -> Run:
    tasks = (task("one"), task("two", context=("one",)), task("three", context=("two",)))
    return launched(cast.runner, *tasks, **order)


def billed_usd(server: OpenAIServer) -> Decimal:
    """What the provider says it billed, by its own count."""
    usual = [one for one in server.billed if one.model == MODEL]
    assert len(usual) == len(server.billed)
    micro = sum(one.prompt_tokens * Decimal("0.15") + one.completion_tokens * Decimal("0.6") for one in usual)
    return Decimal(micro) / 1_000_000


def assert_ended_and_paid_once(run: Run, server: OpenAIServer) -> None:
    assert run.state == RunState.SUCCEEDED, run.error
    assert server.requests == 3, "each task's call was made once"
    assert to_usd(run.spent_nusd) == billed_usd(server)
    assert run.calls.filter(kind="model", state="ok").count() == run.calls.filter(kind="model").count() == 3
    assert_sums(run)


def assert_paused(run: Run, budget: str, server: OpenAIServer) -> None:
    assert (run.state, run.waiting_for) == (RunState.WAITING, budget), run.error
    assert 0 < server.requests < 3
    assert run.needs_nusd
    assert run.reserved_nusd == 0
    assert run.lease_until is None


def test_a_run_at_its_own_budget_goes_on_when_that_is_raised(
    cast: Cast, worker: WorkerProcess, server: OpenAIServer
) -> None:
    run = execute(three_in_a_row(cast, budget_usd=ONE_CALL), worker)
    assert_paused(run, "run_budget", server)
    with pytest.raises(Conflict, match="Raise it first"):
        resume(cast.runner, run)
    resume(cast.runner, run, budget_usd=Decimal(1))
    assert run.state == RunState.QUEUED
    assert_ended_and_paid_once(execute(run, worker), server)


def test_a_run_at_the_teams_budget_goes_on_when_that_is_raised(
    cast: Cast, worker: WorkerProcess, server: OpenAIServer
) -> None:
    limit(cast, TeamLimits(budget_usd=ONE_CALL))
    run = execute(three_in_a_row(cast), worker)
    assert_paused(run, "team_budget", server)
    assert wake_covered() == []
    limit(cast, TeamLimits(budget_usd=Decimal(1)))
    run.refresh_from_db()
    assert run.state == RunState.QUEUED, "whoever raises it wakes what waits"
    assert_ended_and_paid_once(execute(run, worker), server)
    bill = Bill.objects.get(team=cast.team)
    assert (to_usd(bill.spent_nusd), bill.reserved_nusd) == (billed_usd(server), 0)


@pytest.mark.parametrize("own", [True, False], ids=["own budget", "usual budget"])
def test_a_run_at_a_members_budget_goes_on_when_that_is_raised(
    cast: Cast, worker: WorkerProcess, server: OpenAIServer, own: bool
) -> None:
    def limits(amount: Decimal) -> TeamLimits:
        return TeamLimits(members={cast.runner.user.pk: amount}) if own else TeamLimits(user_budget_usd=amount)

    limit(cast, limits(ONE_CALL))
    run = execute(three_in_a_row(cast), worker)
    assert_paused(run, "user_budget", server)
    limit(cast, limits(Decimal(1)))
    run.refresh_from_db()
    assert run.state == RunState.QUEUED
    assert_ended_and_paid_once(execute(run, worker), server)
    allowance = Allowance.objects.get(team=cast.team, user=cast.runner.user)
    assert (to_usd(allowance.spent_nusd), allowance.reserved_nusd) == (billed_usd(server), 0)


def test_a_run_that_is_raised_too_little_waits_again_and_pays_nothing_twice(
    cast: Cast, worker: WorkerProcess, server: OpenAIServer
) -> None:
    run = execute(three_in_a_row(cast, budget_usd=ONE_CALL), worker)
    for _ in range(3):
        if run.state != RunState.WAITING:
            break
        resume(cast.runner, run, budget_usd=to_usd(run.spent_nusd + (run.needs_nusd or 0)))
        run = execute(run, worker)
    assert_ended_and_paid_once(run, server)
    assert run.spent_nusd <= (run.budget_nusd or 0)


def test_a_run_that_is_set_to_stop_fails_and_keeps_what_it_paid_for(
    cast: Cast, worker: WorkerProcess, server: OpenAIServer
) -> None:
    run = execute(three_in_a_row(cast, budget_usd=ONE_CALL, at_limit=AtLimit.STOP), worker)
    assert (run.state, run.error_code) == (RunState.FAILED, "run_budget")
    assert run.tasks.get(key="one").output_raw
    assert to_usd(run.spent_nusd) == billed_usd(server)
    assert_sums(run)
    with pytest.raises(Conflict, match="already failed"):
        resume(cast.runner, run, budget_usd=Decimal(1))


def test_a_run_that_is_set_to_go_on_cheaper_asks_the_teams_model(
    cast: Cast, worker: WorkerProcess, server: OpenAIServer
) -> None:
    PriceQuote.objects.create(team=cast.team, model=CHEAP, input_usd_per_mtok="0.001", output_usd_per_mtok="0.004")
    limit(cast, TeamLimits(at_limit=AtLimit.FALLBACK, fallback_model=CHEAP))
    run = execute(three_in_a_row(cast, budget_usd=ONE_CALL), worker)
    assert run.state == RunState.SUCCEEDED, run.error
    models = [one.model for one in server.billed]
    assert models[0] == MODEL
    assert models[-1] == CHEAP
    assert server.requests == 3
    assert run.spent_nusd <= (run.budget_nusd or 0)
    assert_sums(run)


def test_where_not_even_the_cheaper_model_is_covered_it_waits(
    cast: Cast, worker: WorkerProcess, server: OpenAIServer
) -> None:
    PriceQuote.objects.create(team=cast.team, model=CHEAP, input_usd_per_mtok="0.149", output_usd_per_mtok="0.599")
    limit(cast, TeamLimits(at_limit=AtLimit.FALLBACK, fallback_model=CHEAP))
    run = execute(three_in_a_row(cast, budget_usd=ONE_CALL), worker)
    assert_paused(run, "run_budget", server)
    resume(cast.runner, run, budget_usd=Decimal(1))
    assert_ended_and_paid_once(execute(run, worker), server)


def test_the_way_of_one_run_may_differ_from_the_teams(cast: Cast, worker: WorkerProcess, server: OpenAIServer) -> None:
    limit(cast, TeamLimits(at_limit=AtLimit.STOP))
    assert_paused(execute(three_in_a_row(cast, budget_usd=ONE_CALL, at_limit="pause"), worker), "run_budget", server)
    assert execute(three_in_a_row(cast, budget_usd=ONE_CALL), worker).state == RunState.FAILED


def test_runs_side_by_side_never_spend_beyond_the_teams_budget(
    cast: Cast, worker: WorkerProcess, server: OpenAIServer
) -> None:
    limit(cast, TeamLimits(budget_usd=Decimal("0.0003")))
    runs = [launched(cast.runner, task("one"), agents=(agent(),)) for _ in range(20)]
    execute_all(runs, worker)
    assert {run.state for run in runs} == {RunState.SUCCEEDED, RunState.WAITING}
    assert billed_usd(server) <= Decimal("0.0003")
    limit(cast, TeamLimits(budget_usd=Decimal(1)))
    execute_all(runs, worker)
    assert {run.state for run in runs} == {RunState.SUCCEEDED}
    assert server.requests == 20
    assert to_usd(Bill.objects.get(team=cast.team).spent_nusd) == billed_usd(server)
