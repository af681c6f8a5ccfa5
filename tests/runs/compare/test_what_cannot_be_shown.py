"""Whatever a comparison is asked for and cannot show has a word, and the rest is shown."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from agents_app.models import Crew
from runs.states import RunState
from tests.cast import Cast, make_crew
from tests.ledger import make_run
from tests.pages import html, signed_in
from tests.runs.compare.runs_to_compare import COMPARE, a_run, of_runs

pytestmark = pytest.mark.django_db


class TestWhatCannotBeShown:
    @pytest.fixture
    def told(self, cast: Cast) -> Callable[[str], str]:
        return lambda address: html(signed_in(cast.viewer).get(address))

    def test_foreign_gone_unreadable_and_doubled_runs_are_named_and_the_rest_is_shown(
        self, cast: Cast, crew: Crew, told: Callable[[str], str]
    ) -> None:
        foreign = make_run(cast.stranger, make_crew(cast.stranger))
        run, other, gone = a_run(cast, crew), a_run(cast, crew, 2), uuid4()
        page = told(f"{of_runs(run, foreign, run)},{gone},x,{other.pk}")
        assert page.count("There is no such run in this team.") == 2
        assert "It is named twice, and shown once." in page
        assert "This is no run" in page
        assert "$0.000750 dearer" in page

    def test_of_a_hundred_runs_six_are_shown(self, cast: Cast, crew: Crew, told: Callable[[str], str]) -> None:
        runs = [a_run(cast, crew) for _ in range(8)]
        page = told(f"{of_runs(*runs)},{','.join(str(uuid4()) for _ in range(92))}")
        assert "2 more</bdi></strong>: At most 6 are compared at once." in page
        assert page.count("make baseline<") == 5
        assert "more that cannot be shown" in page

    def test_a_live_run_is_compared_by_what_it_cost_so_far(
        self, cast: Cast, crew: Crew, told: Callable[[str], str]
    ) -> None:
        page = told(of_runs(a_run(cast, crew), a_run(cast, crew, 2, state=RunState.RUNNING)))
        assert "It has not ended" in page
        assert "$0.000750 dearer" in page
        assert "Times are not compared" in page

    def test_a_run_that_never_began_and_one_that_failed_are_compared_too(
        self, cast: Cast, crew: Crew, told: Callable[[str], str]
    ) -> None:
        failed = a_run(cast, crew, 2, state=RunState.FAILED)
        never = make_run(cast.owner, crew, state=RunState.CANCELLED, started_at=None)
        page = told(of_runs(failed, never))
        assert "It never began" in page
        assert "$0.001500 cheaper (−100 %)" in page

    def test_runs_of_different_crews_are_compared(self, cast: Cast, crew: Crew, told: Callable[[str], str]) -> None:
        page = told(of_runs(a_run(cast, crew), a_run(cast, make_crew(cast.owner, model="gpt-4o"), 2)))
        assert "Figures asked more often" in page

    def test_simulated_and_real_runs_are_not_compared_without_a_word(
        self, cast: Cast, crew: Crew, told: Callable[[str], str]
    ) -> None:
        page = told(of_runs(a_run(cast, crew), a_run(cast, crew, simulated=True)))
        assert "Some of these are simulated and some are real" in page

    @pytest.mark.parametrize(
        ("query", "word"),
        [
            ("versions=company-brief@9", "There is no such version in this team."),
            ("versions=company-brief", "Write a version as crew@3."),
            ("versions=company-brief@1", "No run fits."),
            ("q=cost:x", "is not an amount"),
            (f"q={'x' * 501}", "The filter is longer than 500 characters."),
            ("q=crew:nobody", "No run fits."),
            ("runs=", "Nothing to compare yet"),
            ("", "Nothing to compare yet"),
            ("baseline=x&runs=", "Nothing to compare yet"),
        ],
    )
    def test_each_thing_that_cannot_be_shown_has_a_word(
        self, cast: Cast, crew: Crew, query: str, word: str, told: Callable[[str], str]
    ) -> None:
        from agents_app.actions import cut_version

        cut_version(crew, by=cast.owner.user)
        assert word in told(f"{COMPARE}?{query}")

    def test_a_baseline_that_is_not_there_is_named(self, cast: Cast, crew: Crew, told: Callable[[str], str]) -> None:
        assert "It is none of what is compared" in told(f"{of_runs(a_run(cast, crew))}&baseline={uuid4()}")

    def test_strangers_see_no_page_and_no_output(self, cast: Cast, crew: Crew) -> None:
        runs = a_run(cast, crew), a_run(cast, crew)
        client = signed_in(cast.stranger)
        assert client.get(of_runs(*runs)).status_code == 404
        own = of_runs(*runs).replace("/acme/", "/others/").replace("compare/", "compare/output/")
        assert client.get(own).status_code == 404
