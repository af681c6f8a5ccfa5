"""The first page: its figures are sums of the runs that it links to, real and simulated ones are never added up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from agents_app.models import Crew
from runs.history.filters import RunFilter
from runs.home.asked import asked
from runs.home.page import Home, home
from runs.ledger import rollups
from runs.models import Run
from runs.states import CostClass, RunState
from teams.access import visible_to
from tests.cast import Cast, make_crew
from tests.ledger import make_call, make_run

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)


@pytest.fixture
def crew(cast: Cast) -> Crew:
    return make_crew(cast.editor)


def ran(cast: Cast, crew: Crew, nusd: int, *, days_ago: float = 0.0, **fields: Any) -> Run:
    """A run of one call that was launched so long ago."""
    cost_class, model = fields.pop("cost_class", CostClass.WORK), fields.pop("model", "gpt-4o")
    run = make_run(cast.runner, crew, spent_nusd=nusd, prompt_tokens=100, completion_tokens=50, **fields)
    make_call(run, cost_nusd=nusd, cost_class=cost_class, model=model)
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(days=days_ago))
    rollups.rebuild(cast.team.pk)
    return run


def shown(cast: Cast, **query: str) -> Home:
    return home(cast.viewer, query)


def behind(cast: Cast, q: str) -> list[Run]:
    """The runs that a link's filter lists."""
    return list(RunFilter.parse(q).apply(visible_to(cast.viewer, Run)))


def test_every_link_lists_the_runs_that_its_figure_sums(cast: Cast, crew: Crew) -> None:
    other = make_crew(cast.editor)
    for days_ago in (0.0, 0.2, 1.5, 3.0, 6.9, 7.1, 9.0, 13.0, 20.0):
        ran(cast, crew, 1000 + round(days_ago * 10), days_ago=days_ago)
        ran(cast, other, 77, days_ago=days_ago, state=RunState.FAILED)
    page = shown(cast, span="7d")
    runs = behind(cast, page.q)
    assert (page.total.spent_nusd, page.total.runs) == (sum(run.spent_nusd for run in runs), len(runs))
    assert page.total.runs == 10
    columns = [column for column in page.bars.columns if column.figures.runs]
    assert sum(column.figures.spent_nusd for column in columns) == page.total.spent_nusd
    for column in columns:
        runs = behind(cast, column.q)
        assert (column.figures.spent_nusd, column.figures.runs) == (sum(run.spent_nusd for run in runs), len(runs))
        assert sum(column.amounts) == column.figures.spent_nusd
    for line in page.crews:
        assert line.figures.spent_nusd == sum(run.spent_nusd for run in behind(cast, line.q))
    for change in page.changes:  # of a model too, since all runs asked one alone
        assert change.spent_nusd == sum(run.spent_nusd for run in behind(cast, change.q))
        assert change.before_nusd == sum(run.spent_nusd for run in behind(cast, change.q_before))
    assert page.difference_nusd == sum(change.difference_nusd for change in page.changes if change.kind == "crew")


def test_real_and_simulated_runs_are_never_added_up(cast: Cast, crew: Crew, client: Client) -> None:
    ran(cast, crew, 500)
    ran(cast, crew, 900, simulated=True)
    assert (shown(cast).total.spent_nusd, shown(cast, money="simulated").total.spent_nusd) == (500, 900)
    client.force_login(cast.viewer.user)
    client.get("/t/acme/?money=simulated")
    assert "simulated run" in client.get("/t/acme/").content.decode(), "the choice is remembered"


def test_simulated_runs_are_shown_where_there_are_no_others(cast: Cast, crew: Crew) -> None:
    ran(cast, crew, 900, simulated=True)
    assert (shown(cast).simulated, shown(cast).month) == (True, None)


def test_waste_is_what_gave_nothing_with_its_reason(cast: Cast, crew: Crew) -> None:
    ran(cast, crew, 100)
    ran(cast, crew, 20, cost_class=CostClass.RETRY)
    ran(cast, crew, 3, state=RunState.FAILED)
    page = shown(cast)
    assert {one.reason: one.nusd for one in page.waste} == {"retry": 20, "failed_run": 3}
    assert (page.waste_nusd, page.wasteful[0].waste_nusd) == (23, 23)


def test_what_still_runs_is_counted_and_what_waits_is_asked_for(cast: Cast, crew: Crew) -> None:
    ran(cast, crew, 40, state=RunState.RUNNING)
    waiting = ran(cast, crew, 2, state=RunState.WAITING, waiting_for="person")
    page = shown(cast)
    assert (page.total.runs, page.total.spent_nusd) == (2, 42)
    assert [run.pk for run in page.asks] == [waiting.pk]


def test_who_waits_for_a_person_is_told_before_who_waits_for_money(cast: Cast, crew: Crew) -> None:
    long_ago = timezone.now() - timedelta(days=9)
    for _ in range(6):
        ran(cast, crew, 1, state=RunState.WAITING, waiting_for="team_budget", paused_at=long_ago)
    person = ran(cast, crew, 1, state=RunState.WAITING, waiting_for="person", paused_at=timezone.now())
    assert shown(cast).asks[0].pk == person.pk


def test_a_models_figure_is_that_of_its_calls_and_its_link_lists_the_runs_that_asked_it(cast: Cast, crew: Crew) -> None:
    run = ran(cast, crew, 500, model="gpt-4o")
    make_call(run, step=1, model="o4-mini", cost_nusd=20)
    Run.objects.filter(pk=run.pk).update(spent_nusd=520)
    rollups.rebuild(cast.team.pk)
    models = {change.name: change for change in shown(cast).changes if change.kind == "model"}
    assert {name: change.spent_nusd for name, change in models.items()} == {"gpt-4o": 500, "o4-mini": 20}
    assert [one.pk for one in behind(cast, models["o4-mini"].q)] == [run.pk]


def test_a_mean_that_lacks_unknown_costs_is_a_lower_bound(cast: Cast, crew: Crew, client: Client) -> None:
    ran(cast, crew, 0, unpriced_calls=1)
    ran(cast, crew, 10_000_000)
    assert (shown(cast).crews[0].mean.spent_nusd, shown(cast).crews[0].mean.unpriced_calls) == (5_000_000, 1)
    client.force_login(cast.viewer.user)
    page = client.get("/t/acme/").content.decode()
    assert "≥" in page[page.index('data-label="Mean"') :].split("</td>")[0]


def test_percentiles_are_those_of_the_runs(cast: Cast, crew: Crew) -> None:
    for number in range(1, 21):
        ran(cast, crew, number * 100, seconds=number)
    page = shown(cast)
    assert (page.cost.now.median, page.cost.now.p95, page.cost.now.exact) == (1000, 1900, True)
    assert (page.duration.now.median, page.duration.now.p95) == (10_000, 19_000)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"since": "2026-11-10", "until": "2026-11-01"}, "before the first"),
        ({"since": "yesterday"}, "Write both days"),
        ({"since": "2020-01-01", "until": "2026-01-01"}, "at most 366 days"),
        ({"since": "0001-01-01", "until": "0001-01-02"}, "at most"),
    ],
)
def test_a_period_that_makes_no_sense_is_told_and_the_usual_one_shown(query: dict[str, str], error: str) -> None:
    found = asked(query, NOW)
    assert error in found.error
    assert (found.span, found.since) == ("7d", query["since"])


def test_a_period_of_ones_own_has_both_its_days() -> None:
    period = asked({"since": "2026-11-01", "until": "2026-11-02"}, NOW).period
    assert (period.since.isoformat(), period.until.isoformat()) == (
        "2026-11-01T00:00:00+00:00",
        "2026-11-03T00:00:00+00:00",
    )


def test_the_page_shows_every_period_in_a_fixed_number_of_queries(
    cast: Cast, crew: Crew, client: Client, django_assert_max_num_queries: Any
) -> None:
    client.force_login(cast.viewer.user)
    assert "Nothing has run yet" in client.get("/t/acme/").content.decode()
    for days_ago in range(12):
        ran(cast, crew if days_ago % 2 else make_crew(cast.editor), 10**9 * days_ago, days_ago=days_ago)
    for span in ("24h", "7d", "30d"):
        with django_assert_max_num_queries(36):
            answer = client.get(f"/t/acme/?span={span}")
        assert answer.status_code == 200
    assert client.get("/t/acme/?since=2026-12-01&until=2026-11-01").status_code == 422


def test_others_see_nothing_of_it(cast: Cast, crew: Crew, client: Client) -> None:
    ran(cast, crew, 500)
    client.force_login(cast.stranger.user)
    assert client.get("/t/acme/").status_code == 404
