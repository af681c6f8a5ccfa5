"""The section of a run's rating, by page and by API: policies, refused forms, and safe texts."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client

from agents_app.models import Crew
from runs.models import Rating, Run
from runs.ratings.actions import rate
from runs.states import RunState
from teams.actions import issue_token
from teams.models import Scope
from tests.cast import Cast
from tests.ledger import make_run
from tests.pages import HOSTILE, html, page_of, signed_in
from tests.runs.run.test_api import Api

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def run(cast: Cast, crew: Crew) -> Run:
    return make_run(cast.owner, crew)


def test_the_runs_page_fetches_the_section_and_links_to_it(cast: Cast, run: Run) -> None:
    client = signed_in(cast.viewer)
    assert html(client.get(page_of(run))).count(f"{page_of(run)}ratings/") == 2
    section = html(client.get(f"{page_of(run)}ratings/", **HTMX))
    assert "<html" not in section
    assert "Nobody has rated" in section
    assert "<html" in html(client.get(f"{page_of(run)}ratings/"))


def test_a_viewer_rates_changes_and_takes_back(cast: Cast, run: Run) -> None:
    client = signed_in(cast.viewer)
    assert client.post(f"{page_of(run)}rating/", {"stars": "4", "word": "thin"}).status_code == 302
    part = html(client.post(f"{page_of(run)}rating/", {"stars": "3", "word": "too thin"}, **HTMX))
    assert 'id="rating"' in part
    assert "Your rating is saved." in part
    assert "3 fair" in part
    assert Rating.objects.get().word == "too thin"
    assert "Nobody has rated" in html(client.post(f"{page_of(run)}rating/", {"take_back": "1"}, **HTMX))


def test_what_others_give_comes_beside_the_form(cast: Cast, crew: Crew, run: Run) -> None:
    client = signed_in(cast.viewer)
    section = html(client.get(f"{page_of(run)}ratings/", **HTMX))
    asks = unescape(section.partition('hx-get="')[2].partition('"')[0])
    assert client.get(asks, **HTMX).status_code == 204
    rate(cast.owner, run, stars=4, word="better")
    news = html(client.get(asks, **HTMX))
    assert "better" in news
    assert 'id="rating-given" hx-swap-oob="true"' in news
    assert "<form" not in news
    asks = unescape(news.partition('hx-get="')[2].partition('"')[0])
    assert client.get(asks, **HTMX).status_code == 204
    rate(cast.owner, run, stars=4, word="still better")
    assert "still better" in html(client.get(asks, **HTMX))
    live = make_run(cast.owner, crew, state=RunState.RUNNING)
    assert "every" not in html(client.get(f"{page_of(live)}ratings/", **HTMX))


@pytest.mark.parametrize("htmx", [{}, HTMX], ids=["page", "part"])
def test_a_refused_form_keeps_what_was_typed(cast: Cast, run: Run, htmx: Any) -> None:
    client = signed_in(cast.viewer)
    answer = client.post(f"{page_of(run)}rating/", {"stars": "9", "word": "my own word"}, **htmx)
    assert (answer.status_code, "my own word" in html(answer)) == (422, True)
    assert "Choose a number" in html(answer)
    answer = client.post(f"{page_of(run)}rating/", {"word": "without stars"}, **htmx)
    assert (answer.status_code, "without stars" in html(answer)) == (422, True)


def test_a_live_run_says_that_it_can_be_rated_once_it_has_ended(cast: Cast, crew: Crew) -> None:
    live = make_run(cast.owner, crew, state=RunState.RUNNING)
    client = signed_in(cast.viewer)
    section = html(client.get(f"{page_of(live)}ratings/", **HTMX))
    assert "once it has ended" in section
    assert "rate-save" not in section
    assert "has not ended" in html(client.post(f"{page_of(live)}rating/", {"stars": "3"}))
    Run.objects.filter(pk=live.pk).update(state=RunState.CANCELLED, finished_at=live.started_at)
    assert "rate-save" in html(client.get(f"{page_of(live)}ratings/?part=rating", **HTMX))


def test_strangers_find_nothing(cast: Cast, run: Run) -> None:
    for path in ("ratings/", "rating/"):
        assert signed_in(cast.stranger).get(f"{page_of(run)}{path}").status_code == 404
    assert signed_in(cast.stranger).post(f"{page_of(run)}rating/", {"stars": "1"}).status_code == 404


def test_words_are_escaped(cast: Cast, run: Run) -> None:
    Rating.objects.create(run=run, person=cast.owner.user, stars=3, word=HOSTILE[:200])
    page = html(signed_in(cast.viewer).get(f"{page_of(run)}ratings/"))
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_the_api_rates_as_the_token_and_reads_what_all_said(cast: Cast, run: Run) -> None:
    signed_in(cast.owner).post(f"{page_of(run)}rating/", {"stars": "5"})
    judge = Api(cast.owner, Scope.RUN)
    path = f"/runs/{run.pk}/rating"
    assert judge.post(path, {"stars": 2, "comment": "no sources"}).status_code == 200
    answer = judge.post(path, {"stars": 3, "comment": "few sources"}).json()
    assert answer["rating"] == {"mean": 4.0, "count": 2}
    assert [(one["stars"], one["comment"], one["by"]["token"] is None) for one in answer["items"]] == [
        (3, "few sources", False),
        (5, None, True),
    ]
    assert judge.get(f"/runs/{run.pk}").json()["rating"] == {"mean": 4.0, "count": 2}
    assert judge.delete(path).json()["rating"] == {"mean": 5.0, "count": 1}
    assert judge.get("/runs", q="rating:5").json()["items"][0]["rating"]["count"] == 1


@pytest.mark.parametrize(
    "body",
    [{"stars": 0}, {"stars": 6}, {"stars": "3"}, {"stars": 2.5}, {"stars": True}, {}, {"stars": 3, "x": 1}],
    ids=str,
)
def test_the_api_takes_whole_stars_alone(cast: Cast, run: Run, body: Any) -> None:
    assert Api(cast.owner, Scope.RUN).post(f"/runs/{run.pk}/rating", body).status_code == 422
    assert not Rating.objects.exists()


def test_a_token_that_may_only_read_writes_nothing(cast: Cast, run: Run) -> None:
    reader = Api(cast.owner, Scope.READ)
    assert reader.post(f"/runs/{run.pk}/rating", {"stars": 3}).status_code == 403
    assert reader.get(f"/runs/{run.pk}/rating").json()["items"] == []
    stranger = Api(cast.stranger, Scope.RUN)
    assert stranger.post(f"/runs/{run.pk}/rating", {"stars": 3}).status_code == 404


def test_who_said_it_is_told_and_a_token_by_its_name(cast: Cast, run: Run, client: Client) -> None:
    token = issue_token(cast.owner, name="nightly judge")[0]
    Rating.objects.create(run=run, person=cast.owner.user, token=token, stars=2)
    page = " ".join(html(signed_in(cast.viewer).get(f"{page_of(run)}ratings/")).split())
    assert "token <bdi>nightly judge</bdi> of&nbsp;<bdi" in page
