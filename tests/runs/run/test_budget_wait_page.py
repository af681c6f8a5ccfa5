"""The page of a run that waits for money, and the launch page's part of limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from agents_app.models import Crew
from runs.limits.actions import TeamLimits, set_limits
from runs.models import Allowance, Bill, Run
from runs.months import this_month
from runs.states import RunState
from teams.access import Principal
from teams.actions import add_provider
from tests.cast import Cast
from tests.ledger import make_run
from tests.pages import signed_in

pytestmark = pytest.mark.django_db

LAUNCH = "/t/acme/crews/company-brief/launch/"


def waiting(cast: Cast, crew: Crew, budget: str = "run_budget", **fields: Any) -> Run:
    usual = {"waiting_for": budget, "needs_nusd": 30_000_000, "budget_nusd": 1_000_000_000}
    return make_run(cast.runner, crew, state=RunState.WAITING, usd=0.98, **(usual | fields))


def used_up(cast: Cast, *, nusd: int = 1_000_000_000, month: Any = None) -> None:
    sums = {"month": this_month(), "budget_nusd": 1_000_000_000, "spent_nusd": nusd}
    Bill.objects.create(team=cast.team, **sums)


def page(who: Principal, run: Run) -> str:
    answer = signed_in(who).get(f"/t/acme/runs/{run.pk}/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


class TestItsOwnBudget:
    def test_it_says_how_it_stands_and_offers_to_raise_it(self, cast: Cast, crew: Crew) -> None:
        html = page(cast.runner, waiting(cast, crew))
        assert "The run&#x27;s budget does not cover the next call, which may cost up to" in html
        assert "$0.0300" in html
        assert "$0.9800</span> spent" in html
        assert 'name="budget_usd" value="2"' in html
        assert 'At least <span class="num">$1.01</span>' in html
        assert "Raise this run's budget and go on" in html

    def test_raising_it_lets_the_run_go_on(self, cast: Cast, crew: Crew) -> None:
        run = waiting(cast, crew)
        answer = signed_in(cast.runner).post(f"/t/acme/runs/{run.pk}/resume/", {"budget_usd": "1.50"})
        assert (answer.status_code, answer["Location"]) == (302, f"/t/acme/runs/{run.pk}/")
        run.refresh_from_db()
        assert (run.state, run.budget_nusd) == (RunState.QUEUED, 1_500_000_000)

    @pytest.mark.parametrize(
        ("amount", "words"), [("1.005", "give at least $1.01"), ("x", "Type dollars"), ("99", "at most $5")]
    )
    def test_a_budget_that_cannot_be_is_told_at_its_field(
        self, cast: Cast, crew: Crew, amount: str, words: str
    ) -> None:
        set_limits(cast.owner, TeamLimits(run_budget_usd=Decimal(5)))
        run = waiting(cast, crew)
        answer = signed_in(cast.runner).post(f"/t/acme/runs/{run.pk}/resume/", {"budget_usd": amount})
        assert answer.status_code == 422
        html = answer.content.decode()
        assert words in html
        assert f'value="{amount}"' in html
        run.refresh_from_db()
        assert run.state == RunState.WAITING

    def test_without_a_change_it_says_what_is_missing(self, cast: Cast, crew: Crew) -> None:
        run = waiting(cast, crew)
        answer = signed_in(cast.runner).post(f"/t/acme/runs/{run.pk}/resume/", {"budget_usd": ""})
        assert answer.status_code == 422
        assert "Raise it first." in answer.content.decode()

    def test_where_the_teams_most_is_too_little_an_owner_has_to_raise_that(self, cast: Cast, crew: Crew) -> None:
        set_limits(cast.owner, TeamLimits(run_budget_usd=Decimal(1)))
        run = waiting(cast, crew)
        assert "Ask an owner" in page(cast.runner, run)
        assert "Raise the team's limit" in page(cast.owner, run)

    def test_who_may_only_look_sees_no_form_and_may_not(self, cast: Cast, crew: Crew) -> None:
        run = waiting(cast, crew)
        assert "Raise this run" not in page(cast.viewer, run)
        assert signed_in(cast.viewer).post(f"/t/acme/runs/{run.pk}/resume/").status_code == 403
        assert signed_in(cast.stranger).post(f"/t/acme/runs/{run.pk}/resume/").status_code == 404

    def test_the_address_of_the_form_opened_anew_leads_to_the_run(self, cast: Cast, crew: Crew) -> None:
        run = waiting(cast, crew)
        answer = signed_in(cast.runner).get(f"/t/acme/runs/{run.pk}/resume/")
        assert answer["Location"] == f"/t/acme/runs/{run.pk}/"

    def test_a_run_that_ended_meanwhile_says_so(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.runner, crew)
        answer = signed_in(cast.runner).post(f"/t/acme/runs/{run.pk}/resume/", {"budget_usd": "9"}, follow=True)
        assert "already succeeded" in answer.content.decode()


class TestSharedBudgets:
    def test_the_teams_is_for_owners_to_raise(self, cast: Cast, crew: Crew) -> None:
        used_up(cast)
        run = waiting(cast, crew, "team_budget", budget_nusd=None)
        html = page(cast.owner, run)
        assert "The team&#x27;s budget for this month does not cover the next call" in html
        assert "Raise it under Limits" in html
        assert "Try again now" in html
        html = page(cast.runner, run)
        assert "Ask an owner" in html
        assert "Raise it under Limits" not in html

    def test_a_members_likewise(self, cast: Cast, crew: Crew) -> None:
        sums = {"month": this_month(), "budget_nusd": 10**9, "spent_nusd": 10**9}
        Allowance.objects.create(team=cast.team, user=cast.runner.user, **sums)
        html = page(cast.runner, waiting(cast, crew, "user_budget", budget_nusd=None))
        assert "The budget for this month of whoever launches it does not cover" in html

    def test_trying_again_says_what_is_missing_or_goes_on(self, cast: Cast, crew: Crew) -> None:
        used_up(cast)
        run = waiting(cast, crew, "team_budget", budget_nusd=None)
        again = f"/t/acme/runs/{run.pk}/resume/"
        refused = signed_in(cast.runner).post(again)
        assert refused.status_code == 422
        assert "Raise it first." in refused.content.decode()
        Bill.objects.update(budget_nusd=2 * 10**9)
        assert "Goes on in a moment" in page(cast.runner, run)
        assert signed_in(cast.runner).post(again).status_code == 302
        run.refresh_from_db()
        assert run.state == RunState.QUEUED

    def test_a_closed_month_says_so(self, cast: Cast, crew: Crew) -> None:
        used_up(cast, nusd=0)
        run = waiting(cast, crew, "team_budget", budget_nusd=None)
        Bill.objects.update(closed_at=run.created_at)
        assert "The bill of this month is closed" in page(cast.owner, run)


def test_the_bar_of_a_live_run_shows_what_is_held(cast: Cast, crew: Crew) -> None:
    fields = {"budget_nusd": 10**9, "reserved_nusd": 150_000_000}
    html = page(cast.viewer, make_run(cast.runner, crew, state=RunState.RUNNING, usd=0.25, **fields))
    assert '<rect class="spent" width="25.0%"' in html
    assert '<rect class="held" x="25.0%" width="15.0%"' in html
    assert 'left of <span class="num">$1</span>' in html


class TestLaunching:
    def order(self, **typed: Any) -> dict[str, Any]:
        return {"inputs.company": "Initech", "simulated": "yes", "priority": "normal", "key": str(uuid4()), **typed}

    def test_the_teams_way_and_cap_are_shown_and_taken(self, cast: Cast, crew: Crew) -> None:
        set_limits(cast.owner, TeamLimits(run_budget_usd=Decimal("2.50"), at_limit="stop"))
        client = signed_in(cast.runner)
        html = client.get(LAUNCH).content.decode()
        assert "At most $2.50" in html
        assert "As usual in this team: stop" in html
        client.post(LAUNCH, self.order())
        run = Run.objects.get()
        assert (run.at_limit, run.budget_nusd) == ("stop", 2_500_000_000)

    def test_a_run_may_have_its_own_way(self, cast: Cast, crew: Crew) -> None:
        signed_in(cast.runner).post(LAUNCH, self.order(at_limit="fallback", budget_usd="$0.50"))
        run = Run.objects.get()
        assert (run.at_limit, run.budget_nusd) == ("fallback", 500_000_000)

    def test_more_than_the_cap_is_told_at_its_field(self, cast: Cast, crew: Crew) -> None:
        set_limits(cast.owner, TeamLimits(run_budget_usd=Decimal(2)))
        answer = signed_in(cast.runner).post(LAUNCH, self.order(budget_usd="2.01"))
        assert answer.status_code == 422
        assert "at most $2" in str(answer.context["page"].form.errors["budget_usd"])
        assert 'value="2.01"' in answer.content.decode()

    @pytest.mark.parametrize("shared", ["team", "member"])
    def test_a_used_up_month_is_told_above_the_form_and_nothing_typed_is_lost(
        self, cast: Cast, crew: Crew, shared: str
    ) -> None:
        add_provider(cast.owner, provider="openai", api_key="sk-x")
        sums = {"month": this_month(), "budget_nusd": 10**9, "spent_nusd": 10**9}
        if shared == "team":
            Bill.objects.create(team=cast.team, **sums)
        else:
            Allowance.objects.create(team=cast.team, user=cast.runner.user, **sums)
        answer = signed_in(cast.runner).post(LAUNCH, self.order(simulated="no"))
        assert answer.status_code == 422
        (said,) = answer.context["page"].form.non_field_errors()
        assert "of $1 is used up: $1 are spent. Nothing was launched." in said
        assert "Initech" in answer.content.decode()
        assert not Run.objects.exists()
