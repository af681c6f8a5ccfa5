"""The first page as it is read: its sentence, and what it says without runs."""

from __future__ import annotations

import re

import pytest

from agents_app.models import Crew
from runs.models import Run
from tests.cast import Cast, make_crew
from tests.pages import html, signed_in
from tests.runs.home.test_page import ran

pytestmark = pytest.mark.django_db

HOME = "/t/acme/"


def sentence(cast: Cast, **query: str) -> str:
    page = html(signed_in(cast.viewer).get(HOME, query))
    found = re.search(r'<p class="headline[^>]*>(.*?)</p>', page, re.S)
    assert found
    return " ".join(re.sub(r"<[^>]+>", "", found[1]).split())


@pytest.fixture
def crew(cast: Cast) -> Crew:
    return make_crew(cast.editor)


def test_the_answer_is_a_sentence(cast: Cast, crew: Crew) -> None:
    ran(cast, crew, 3_000_000_000)
    ran(cast, crew, 1_000_000_000, days_ago=8)
    assert sentence(cast) == (
        "1 run in the last 7 days cost $3.0000, $2.0000 more than in the same time before. "
        "Most of the difference: Company brief +$2.0000."
    )


def test_without_a_time_before_nothing_is_compared(cast: Cast, crew: Crew) -> None:
    ran(cast, crew, 2000, simulated=True)
    assert sentence(cast, span="24h") == "1 simulated run in the last 24 hours cost $0.000002."


def test_a_period_without_runs_says_so(cast: Cast, crew: Crew) -> None:
    ran(cast, crew, 500, days_ago=20)
    assert sentence(cast) == "No real run was launched in the last 7 days."


def test_a_team_without_runs_is_told_what_to_do(cast: Cast) -> None:
    page = html(signed_in(cast.viewer).get(HOME))
    assert "Nothing has run yet" in page
    assert not Run.objects.exists()
