"""A budget and a model whose price nobody knows: refused at launch, with a choice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from agents_app.models import Crew
from engine.record.limits import RunLimits
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.models import Bill, PriceQuote, Run
from runs.months import this_month
from runs.prices.actions import PriceOrder, set_price
from teams.access import Principal
from teams.actions import add_provider
from teams.models import Membership, Team
from teams.refusals import Invalid
from tests.cast import Cast
from tests.ledger import make_call, make_run
from tests.pages import LAUNCH, html, signed_in

pytestmark = pytest.mark.django_db

BUDGET = Decimal("0.0001")


@pytest.fixture(autouse=True)
def key(cast: Cast) -> None:
    add_provider(cast.owner, provider="openai", api_key="k")


def go(cast: Cast, crew: Crew, **order: Any) -> Run:
    who = Principal(cast.runner.user, Team.objects.get(pk=cast.team.pk), cast.runner.role)
    return launch(who, crew, LaunchOrder(inputs={"company": "Acme"}, **order))


def refused(cast: Cast, crew: Crew, **order: Any) -> str:
    with pytest.raises(Invalid) as refusal:
        go(cast, crew, **order)
    assert list(refusal.value.fields) == ["accept_unpriced"]
    assert not Run.objects.exists()
    return refusal.value.fields["accept_unpriced"]


def test_a_run_whose_budget_bounds_nothing_is_refused_with_a_choice(cast: Cast, crew: Crew) -> None:
    said = refused(cast, crew, budget_usd=BUDGET)
    assert said == (
        "No price is known for gpt-4o-mini. Without one, the run's budget cannot hold calls back. Set a price on the "
        "page Prices, bound the run by its tokens, or accept such calls."
    )


def test_every_budget_over_the_run_counts(cast: Cast, crew: Crew) -> None:
    Team.objects.update(budget_nusd=10**9)
    assert "the team's budget for this month cannot" in refused(cast, crew)
    Team.objects.update(budget_nusd=None, run_budget_nusd=10**9)
    assert "the run's budget cannot" in refused(cast, crew)
    Team.objects.update(run_budget_nusd=None)
    Membership.objects.filter(user=cast.runner.user).update(budget_nusd=10**9)
    assert "of whoever launches it cannot" in refused(cast, crew)


def test_without_a_budget_there_is_nothing_to_choose(cast: Cast, crew: Crew) -> None:
    assert not go(cast, crew).accepts_unpriced


def test_a_price_is_one_choice(cast: Cast, crew: Crew) -> None:
    set_price(cast.owner, PriceOrder("gpt-4o-mini", input_usd_per_mtok=Decimal(1), output_usd_per_mtok=Decimal(2)))
    assert go(cast, crew, budget_usd=BUDGET).budget_nusd == 100_000


def test_a_bound_of_tokens_is_another(cast: Cast, crew: Crew) -> None:
    assert go(cast, crew, budget_usd=BUDGET, limits=RunLimits(max_tokens=5000)).max_tokens == 5000


def test_to_accept_it_is_the_third_and_is_kept(cast: Cast, crew: Crew) -> None:
    run = go(cast, crew, budget_usd=BUDGET, accept_unpriced=True)
    assert run.accepts_unpriced
    assert "budgets do not hold back unpriced calls" in html(signed_in(cast.viewer).get(f"/t/acme/runs/{run.pk}/"))


def test_a_simulated_run_is_never_refused_for_it(cast: Cast, crew: Crew) -> None:
    assert go(cast, crew, budget_usd=BUDGET, simulated=True).simulated


def test_the_page_says_so_before_and_keeps_what_was_typed(cast: Cast, crew: Crew) -> None:
    Team.objects.update(run_budget_nusd=10**9)
    client = signed_in(cast.runner)
    page = html(client.get(LAUNCH))
    assert "the budget does not bound every call" in page
    assert "No price is known for gpt-4o-mini" in page
    typed = {"inputs.company": "Initech", "simulated": "no", "priority": "normal", "key": str(uuid4())}
    answer = client.post(LAUNCH, typed)
    assert answer.status_code == 422
    assert list(answer.context["page"].form.errors) == ["accept_unpriced"]
    assert client.post(LAUNCH, typed | {"accept_unpriced": "on"}).status_code == 302
    PriceQuote.objects.create(model="gpt-4o-mini", input_usd_per_mtok=1, output_usd_per_mtok=1)
    assert "does not bound" not in html(client.get(LAUNCH))


def test_a_crew_that_succeeded_without_prices_has_times_to_go_by(cast: Cast, crew: Crew) -> None:
    make_run(cast.runner, crew, unpriced_calls=2)
    page = html(signed_in(cast.runner).get(LAUNCH))
    assert "It has not succeeded yet" not in page
    estimate = signed_in(cast.runner).get(LAUNCH).context["page"].estimates[0][1]
    assert (estimate.runs, estimate.cost_nusd, estimate.priced_runs) == (1, None, 0)
    make_run(cast.runner, crew)
    estimate = signed_in(cast.runner).get(LAUNCH).context["page"].estimates[0][1]
    assert (estimate.runs, estimate.cost_nusd is not None, estimate.priced_runs) == (2, True, 1)


def test_the_limits_say_what_of_the_spending_is_unpriced(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.runner, crew)
    unpriced = {"cost_nusd": None, "input_usd_per_mtok": None, "output_usd_per_mtok": None}
    for step in range(2):
        make_call(run, step=step, **unpriced)
    make_call(run, step=2)
    make_call(make_run(cast.runner, crew, simulated=True), simulated=True, **unpriced)
    Bill.objects.create(team=cast.team, month=this_month(), budget_nusd=10**9, spent_nusd=750_000)
    for who in (cast.owner, cast.runner):
        page = " ".join(html(signed_in(who).get("/t/acme/limits/")).split())
        assert "2 unpriced calls not in this sum" in page
        assert "at most" in page
    assert "unpriced" not in html(signed_in(cast.viewer).get("/t/acme/limits/")).split("<h3>You</h3>")[1]
