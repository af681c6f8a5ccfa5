"""Forecasts of a team, its crews and members: their days are sums of the ledger, and page and API say the same."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents_app.models import Crew
from runs.forecast.month import next_month
from runs.forecast.page import month_forecast
from runs.forecast.queries import crew_forecast, forecasts, month_now, team_forecast
from runs.ledger import rollups
from runs.models import Allowance, Bill, Call, Correction, Run
from runs.money import usd_text
from runs.states import RunState
from teams.access import Principal
from teams.actions import issue_token
from teams.models import Scope
from tests.cast import Cast, make_crew
from tests.ledger import make_call, make_run
from tests.pages import html, signed_in

pytestmark = pytest.mark.django_db

USD = 10**9
PAGE = "/t/acme/forecast/"


def spent(who: Principal, crew: Crew, nusd: int, *, days_ago: Iterable[int], **fields: Any) -> Run:
    """A run with a call at noon of each of the days, today's at midnight; the rollups are made by ``fold``."""
    run = make_run(who, crew, **fields)
    today = timezone.now().astimezone(UTC).date()
    for step, ago in enumerate(days_ago):
        day = today - timedelta(days=ago)
        at = datetime(day.year, day.month, day.day, 12 if ago else 0, tzinfo=UTC)
        month = {"started_at": at, "billed_month": day.replace(day=1)}
        make_call(run, step=step, cost_nusd=nusd, simulated=fields.get("simulated", False), **month)
    return run


def fold(cast: Cast) -> None:
    """Rollups, and bills and allowances that are sums of the calls, as the ledger keeps them."""
    rollups.rebuild(cast.team.pk)
    Bill.objects.all().delete()
    Allowance.objects.all().delete()
    for call in Call.objects.filter(simulated=False).select_related("run"):
        for model, key in ((Bill, {}), (Allowance, {"user": call.run.created_by})):
            row, _ = model.objects.get_or_create(team=cast.team, month=call.billed_month, **key)  # type: ignore[attr-defined]
            row.spent_nusd += call.cost_nusd or 0
            row.save()


@pytest.fixture
def history(cast: Cast, crew: Crew) -> Crew:
    """Thirty days of two crews and two people, real and simulated, with a run that has not ended. Returns the other
    crew."""
    other = make_crew(cast.editor)
    spent(cast.runner, crew, 3 * USD, days_ago=range(31))
    spent(cast.editor, other, 2 * USD, days_ago=range(31))
    spent(cast.runner, crew, 7 * USD, days_ago=range(31), simulated=True)
    spent(cast.runner, crew, USD, days_ago=[0], state=RunState.RUNNING)
    fold(cast)
    return other


def days_of_month() -> int:
    return timezone.now().astimezone(UTC).day


def test_the_month_so_far_is_the_bill_with_what_still_runs(cast: Cast, crew: Crew, history: Crew) -> None:
    days = days_of_month()
    whole = team_forecast(cast.team)
    assert whole.spent_nusd == Bill.objects.get(month=month_now()).spent_nusd == (5 * days + 1) * USD
    assert crew_forecast(cast.team, crew).spent_nusd == (3 * days + 1) * USD
    assert team_forecast(cast.team, simulated=True).spent_nusd == 7 * days * USD
    by_crew = forecasts(cast.team, "crew")
    assert by_crew.team == whole
    assert {key: one.spent_nusd for key, one in by_crew.each.items()} == {
        crew.pk: (3 * days + 1) * USD,
        history.pk: 2 * days * USD,
    }
    assert by_crew.each[crew.pk] == crew_forecast(cast.team, crew)
    by_person = forecasts(cast.team, "person")
    assert (by_person.team, by_person.each[cast.editor.user.pk]) == (whole, by_crew.each[history.pk])


def test_days_that_are_alike_go_on_alike(cast: Cast, history: Crew) -> None:
    now = timezone.now().astimezone(UTC)
    end = datetime.combine(next_month(month_now()), datetime.min.time(), UTC)
    left = 5 * USD * ((end - now) / timedelta(days=1))
    found = team_forecast(cast.team)
    assert found.low_nusd is not None
    assert found.high_nusd is not None
    assert found.low_nusd <= found.spent_nusd + left <= found.high_nusd
    assert found.days == 30


@pytest.mark.parametrize("simulated", [False, True])
def test_the_forecast_of_a_finished_month_is_its_bill(cast: Cast, crew: Crew, simulated: bool) -> None:
    before = month_now() - timedelta(days=1)
    days_ago = (timezone.now().astimezone(UTC).date() - before).days
    for more in range(4):
        spent(cast.runner, crew, 5 * USD + more, days_ago=[days_ago + more], simulated=simulated)
    fold(cast)
    total = 20 * USD + 6
    month = before.replace(day=1)
    for found in (
        team_forecast(cast.team, month=month, simulated=simulated),
        crew_forecast(cast.team, crew, month=month, simulated=simulated),
        forecasts(cast.team, "person", month=month, simulated=simulated).each[cast.runner.user.pk],
    ):
        assert (found.low_nusd, found.high_nusd, found.spent_nusd, found.confidence) == (total, total, total, 100)
    if not simulated:
        assert Bill.objects.get(month=month).spent_nusd == total


def test_what_came_late_for_a_closed_month_counts_in_the_month_whose_bill_took_it(cast: Cast, crew: Crew) -> None:
    before = month_now() - timedelta(days=1)
    ago = (timezone.now().astimezone(UTC).date() - before).days
    spent(cast.runner, crew, 5 * USD, days_ago=range(ago, ago + 4))
    fold(cast)
    month = before.replace(day=1)
    Bill.objects.filter(month=month).update(closed_at=timezone.now())
    call = Call.objects.earliest("pk")
    Correction.objects.create(call=call, booked_nusd=5 * USD, cost_nusd=8 * USD, month=month_now())
    Call.objects.filter(pk=call.pk).update(cost_nusd=8 * USD)
    rollups.rebuild(cast.team.pk)
    Bill.objects.create(team=cast.team, month=month_now(), spent_nusd=3 * USD)
    for which, due in ((month, 20 * USD), (month_now(), 3 * USD)):
        by_person = forecasts(cast.team, "person", month=which)
        found = (
            by_person.team,
            by_person.each[cast.runner.user.pk],
            team_forecast(cast.team, month=which),
            crew_forecast(cast.team, crew, month=which),
            forecasts(cast.team, "crew", month=which).each[crew.pk],
        )
        assert [one.spent_nusd for one in found] == [due] * len(found)


def test_a_corrected_bill_is_what_counts(cast: Cast, history: Crew) -> None:
    Bill.objects.filter(month=month_now()).update(spent_nusd=9)
    assert team_forecast(cast.team).spent_nusd == 9


def test_page_and_api_say_the_same_and_each_sees_their_own(cast: Cast, crew: Crew, history: Crew) -> None:
    Bill.objects.filter(month=month_now()).update(budget_nusd=10**6 * USD)
    found = month_forecast(cast.owner)
    answer = _api(cast.owner)
    assert answer["month"] == f"{month_now():%Y-%m}"
    team = answer["team"]
    assert team["spent_usd"] == usd_text(found.team.spent_nusd)
    assert team["forecast"] == {
        "low_usd": usd_text(found.team.low_nusd),
        "high_usd": usd_text(found.team.high_nusd),
        "confidence": 80,
    }
    assert team["budget_ends"] == {"budget_usd": "1000000", "earliest": None, "latest": None}
    assert [one["crew"] for one in answer["crews"]] == [crew.slug, history.slug]
    assert {one["email"] for one in answer["members"]} == {"runner@example.com", "editor@example.com"}
    assert [one["email"] for one in _api(cast.runner)["members"]] == ["runner@example.com"]
    page = html(signed_in(cast.owner).get(PAGE))
    assert found.line.text in page
    assert "the budget of" in page
    assert "lasts the month" in page
    for one in found.crews:
        assert one.line.range in page
    assert "editor@example.com" in page
    assert "editor@example.com" not in html(signed_in(cast.runner).get(PAGE))
    assert _api(cast.owner, "?simulated=yes")["team"]["spent_usd"] == usd_text(7 * days_of_month() * USD)
    assert signed_in(cast.stranger).get(PAGE).status_code == 404


def test_home_limits_and_the_crews_page_show_it(cast: Cast, crew: Crew, history: Crew) -> None:
    text = month_forecast(cast.owner).line.text
    client = signed_in(cast.owner)
    assert text in html(client.get("/t/acme/"))
    limits = html(client.get("/t/acme/limits/"))
    assert text in limits
    assert limits.count('class="forecast"') == 3, "the team's, and two members'"
    crews = {one.crew.pk: one.line.text for one in month_forecast(cast.owner).crews}
    assert crews[crew.pk] in html(client.get(f"/t/acme/crews/{crew.slug}/figures/"))
    simulated = month_forecast(cast.owner, simulated=True).line.text
    assert simulated in html(client.get("/t/acme/?money=simulated"))
    assert simulated in html(client.get(f"{PAGE}?money=simulated"))
    assert simulated in html(client.get(PAGE)), "what was chosen last is remembered"


def test_a_team_without_runs_is_told_so(cast: Cast) -> None:
    page = html(signed_in(cast.viewer).get(PAGE))
    assert "Less than 3 days of runs: no forecast yet." in page
    assert _api(cast.viewer)["team"] == {
        "spent_usd": "0",
        "forecast": {"low_usd": None, "high_usd": None, "confidence": 80},
        "budget_ends": None,
    }


def _api(who: Principal, query: str = "") -> Any:
    secret = issue_token(who, scope=Scope.ADMIN if who.can_own else Scope.READ)[1]
    answer = signed_in(who).get(f"/api/v1/forecast{query}", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200
    return json.loads(answer.content)


def test_the_months_first_day_reads_the_days_before(cast: Cast, crew: Crew) -> None:
    """Days count across months: what they cost is known on the first too."""
    spent(cast.runner, crew, USD, days_ago=range(1, 40))
    fold(cast)
    assert team_forecast(cast.team).days == 39
