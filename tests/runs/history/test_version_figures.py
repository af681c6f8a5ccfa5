"""Figures of each version: medians as a reference has them, real and simulated apart, capped and said to be."""

from __future__ import annotations

from statistics import median
from typing import Any

import pytest
from django.test import Client

from agents_app.actions import replace_spec
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from runs.history import version_figures as module
from runs.history.version_figures import VersionFigures, version_figures
from runs.ratings.actions import rate
from runs.states import RunState
from teams.actions import issue_token
from tests.cast import Cast, maker_of
from tests.ledger import make_run
from tests.pages import html, signed_in

pytestmark = pytest.mark.django_db

PAGE = "/t/acme/runs/versions/"


def test_real_and_simulated_runs_of_each_version_are_counted_apart(cast: Cast, crew: Crew) -> None:
    costs, seconds = [0.000000001, 0.5, 0.02, 0.04], [1.0, 2.5, 3.001, 70.0]
    for usd, took in zip(costs, seconds, strict=True):
        make_run(cast.owner, crew, usd=usd, seconds=took)
    make_run(cast.owner, crew, state=RunState.FAILED, usd=9, seconds=9)
    make_run(cast.owner, crew, state=RunState.RUNNING, usd=100)
    make_run(cast.owner, crew, simulated=True, usd=0.25, seconds=5)
    make_run(cast.owner, crew, simulated=True, usd=0.75, seconds=5, unpriced_calls=1)
    spec = spec_of(crew).model_copy(update={"description": "Other"})
    crew = replace_spec(maker_of(crew), crew, expected_revision=crew.revision, spec=spec)
    make_run(cast.owner, crew, state=RunState.CANCELLED, started_at=None)
    figures = version_figures(cast.viewer, crew.slug, [1, 2, 7])
    cost, took = round(median([*costs, 9]) * 1e9), round(median([*seconds, 9]) * 1000)
    assert figures == {
        1: [VersionFigures(1, False, 6, 4, 5, 0, cost, took), VersionFigures(1, True, 2, 2, 2, 1, 250_000_000, 5000)],
        2: [VersionFigures(2, False, 1, 0, 1, 0, 0, None)],
        7: [],
    }
    assert [each.ok_percent for each in (*figures[1], *figures[2])] == ["80.0", "100", "0"]


def test_runs_without_a_price_alone_have_no_median(cast: Cast, crew: Crew) -> None:
    make_run(cast.owner, crew, unpriced_calls=1)
    ((figures,), *_) = version_figures(cast.viewer, crew.slug, [1]).values()
    assert (figures.median_nusd, figures.unpriced) == (None, 1)
    assert "unpriced" in html(signed_in(cast.viewer).get(PAGE, {"crew": crew.slug, "version": "1"}))


def test_only_the_newest_runs_are_read(cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RUNS", 2)
    for usd in (5, 1, 3):
        make_run(cast.owner, crew, usd=usd)
    (figures,) = version_figures(cast.viewer, crew.slug, [1])[1]
    assert (figures.runs, figures.median_nusd, figures.is_cut) == (2, 2_000_000_000, True)
    assert "2+ runs" in html(signed_in(cast.viewer).get(PAGE, {"crew": crew.slug, "version": "1"}))


def test_nearly_all_is_not_all(cast: Cast) -> None:
    assert VersionFigures(1, False, 2000, 1999, 2000, 0, 0, 0).ok_percent == "99.9"
    assert VersionFigures(1, False, 2000, 1, 2000, 0, 0, 0).ok_percent == "0.1"


def test_the_part_of_the_page_takes_one_query_and_links_to_the_runs(
    cast: Cast, crew: Crew, django_assert_max_num_queries: Any
) -> None:
    make_run(cast.owner, crew, usd=0.5)
    make_run(cast.owner, crew, state=RunState.RUNNING, simulated=True)
    client = signed_in(cast.viewer)
    with django_assert_max_num_queries(6):
        page = html(client.get(PAGE, {"crew": crew.slug, "version": ["1", "2", "x", "9" * 30]}))
    assert "q=crew:=company-brief%20version:1%20simulated:no" in page
    assert 'id="runs-of-2"' in page
    assert "never run" in page
    assert "none ended" in page
    assert html(client.get(PAGE)).strip() == ""


def test_strangers_see_no_figures(cast: Cast, crew: Crew) -> None:
    make_run(cast.owner, crew)
    assert version_figures(cast.stranger, crew.slug, [1]) == {1: []}


def test_the_api_gives_them_with_their_rating(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.owner, crew, usd=2, seconds=3)
    make_run(cast.owner, crew, simulated=True, unpriced_calls=1)
    rate(cast.owner, run, stars=4)
    headers = {"Authorization": f"Bearer {issue_token(cast.owner)[1]}"}
    path = f"/api/v1/crews/{crew.slug}/versions/figures"
    answer = Client().get(path, {"version": [1, 2]}, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["items"] == [
        {
            "version": 1,
            "simulated": False,
            "runs": 1,
            "ended": 1,
            "succeeded": 1,
            "unpriced": 0,
            "median_usd": "2",
            "median_ms": 3000,
            "rating": {"mean": 4.0, "count": 1},
        },
        {
            "version": 1,
            "simulated": True,
            "runs": 1,
            "ended": 1,
            "succeeded": 1,
            "unpriced": 1,
            "median_usd": None,
            "median_ms": answer.json()["items"][1]["median_ms"],
            "rating": None,
        },
    ]
    assert Client().get(path, {"version": 10**12}, headers=headers).status_code == 422
    headers = {"Authorization": f"Bearer {issue_token(cast.stranger)[1]}"}
    assert Client().get(path, {"version": 1}, headers=headers).status_code == 404
