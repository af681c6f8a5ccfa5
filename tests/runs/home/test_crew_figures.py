"""A crew's own figures are those of home narrowed to it, and each links to the runs behind it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from django.test import Client

from agents_app import actions
from agents_app.models import Crew
from runs.home.page import home
from runs.models import Run
from runs.ratings.actions import rate
from runs.states import CostClass, RunState
from tests.cast import Cast, brief_spec, make_crew, maker_of
from tests.pages import CREW, html, signed_in
from tests.runs.home.test_page import behind, ran

pytestmark = pytest.mark.django_db

FIGURES = f"{CREW}figures/"


@pytest.fixture
def crew(cast: Cast) -> Crew:
    return make_crew(cast.editor)


@pytest.fixture
def other(cast: Cast, crew: Crew) -> Crew:
    return make_crew(cast.editor)


@pytest.fixture
def history(cast: Cast, crew: Crew, other: Crew) -> list[Run]:
    """Runs of two versions of the crew, and others of another crew."""
    made = [ran(cast, crew, 1000 * number, days_ago=number, seconds=number) for number in range(1, 6)]
    made.append(ran(cast, crew, 50, state=RunState.FAILED))
    actions.replace_spec(maker_of(crew), crew, expected_revision=crew.revision, spec=brief_spec(model="gpt-4o"))
    crew.refresh_from_db()
    made += [ran(cast, crew, 9000, cost_class=CostClass.RETRY), ran(cast, crew, 300, days_ago=9)]
    made += [ran(cast, other, 70_000), ran(cast, other, 80_000, days_ago=9)]
    for number, run in enumerate(made):
        run.refresh_from_db()
        if run.ended and number % 2:
            rate(cast.viewer, run, stars=1 + number % 5)
    return made


def test_each_number_is_that_of_home_for_this_crew(cast: Cast, crew: Crew, history: list[Run]) -> None:
    page, whole = home(cast.viewer, {"span": "7d"}, crew=crew), home(cast.viewer, {"span": "7d"})
    line = next(one for one in whole.crews if one.name == crew.name and one.figures.spent_nusd < 70_000)
    assert page.total == line.figures
    assert (page.waste_nusd, page.states["failed"]) == (line.waste_nusd, line.failed)
    assert (page.total.runs, page.total.rating_count) == (7, 3)
    change = next(one for one in whole.changes if one.kind == "crew" and one.before_nusd == 300)
    assert (page.before.spent_nusd, page.difference_nusd) == (300, change.difference_nusd)


def test_every_link_lists_the_runs_that_its_figure_sums(cast: Cast, crew: Crew, history: list[Run]) -> None:
    page = home(cast.viewer, {"span": "7d"}, crew=crew)
    runs = behind(cast, page.q)
    assert {run.crew_id for run in runs} == {crew.pk}
    assert (page.total.runs, page.total.spent_nusd) == (len(runs), sum(run.spent_nusd for run in runs))
    rated = behind(cast, f"rating:any {page.q}")
    assert page.total.rating == Fraction(sum(run.rating_sum for run in rated), sum(run.rating_count for run in rated))
    assert page.bars.crews == ["v1", "v2"]
    for column in page.bars.columns:
        assert column.figures.spent_nusd == sum(run.spent_nusd for run in behind(cast, column.q))
        assert column.figures.spent_nusd == sum(column.amounts)
    assert {one.kind for one in page.changes} == {"version", "model"}
    for one in page.changes:
        assert one.spent_nusd == sum(run.spent_nusd for run in behind(cast, one.q))
    assert page.told[0].name == "v1"


def test_the_crews_page_fetches_them_and_without_scripts_links_to_them(cast: Cast, history: list[Run]) -> None:
    client = signed_in(cast.viewer)
    assert html(client.get(CREW)).count(f'"{FIGURES}"') == 2
    part = html(client.get(FIGURES, HTTP_HX_REQUEST="true"))
    assert "<html" not in part
    assert "Spent per day, by version" in " ".join(part.split())
    assert f'href="{FIGURES}?span=30d"' in part
    assert "What changed against" in html(client.get(FIGURES))


def test_the_choice_of_real_or_simulated_is_the_one_of_home(cast: Cast, crew: Crew, client: Client) -> None:
    ran(cast, crew, 500)
    ran(cast, crew, 900, simulated=True)
    client.force_login(cast.viewer.user)
    client.get(f"{FIGURES}?money=simulated")
    assert "is-simulated" in html(client.get(FIGURES))
    assert "is-simulated" in html(client.get("/t/acme/"))


def test_a_crew_without_runs_of_the_remembered_kind_shows_its_others(cast: Cast, crew: Crew) -> None:
    ran(cast, crew, 900, simulated=True)
    assert home(cast.viewer, {}, remembered="real", crew=crew).simulated
    assert not home(cast.viewer, {"money": "real"}, remembered="real", crew=crew).simulated


def test_a_crew_that_never_ran_says_so_and_a_stranger_finds_none(cast: Cast, crew: Crew) -> None:
    assert "has not run yet" in html(signed_in(cast.viewer).get(FIGURES, HTTP_HX_REQUEST="true"))
    assert "has not run yet" in html(signed_in(cast.viewer).get(FIGURES))
    assert signed_in(cast.stranger).get(FIGURES).status_code == 404
    assert signed_in(cast.viewer).get("/t/acme/crews/nobody/figures/").status_code == 404


def test_a_period_that_makes_no_sense_is_told(cast: Cast, history: list[Run]) -> None:
    answer = signed_in(cast.viewer).get(f"{FIGURES}?since=2026-02-02&until=2026-01-01", HTTP_HX_REQUEST="true")
    assert (answer.status_code, "before the first" in html(answer)) == (422, True)


def test_queries_are_as_many_for_ten_runs_as_for_one(
    cast: Cast, crew: Crew, other: Crew, django_assert_max_num_queries: Any
) -> None:
    ran(cast, crew, 5)
    with django_assert_max_num_queries(16):
        home(cast.viewer, {}, crew=crew)
    for number in range(10):
        ran(cast, crew, number, days_ago=number / 2)
    with django_assert_max_num_queries(16):
        home(cast.viewer, {}, crew=crew)
