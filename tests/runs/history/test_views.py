"""The history of runs: what it lists to whom, how it is narrowed, and what it refuses."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from agents_app.models import Crew
from runs.states import RunState
from tests.cast import Cast
from tests.ledger import make_run
from tests.pages import HOSTILE, RUNS, html, page_of, signed_in

pytestmark = pytest.mark.django_db


class TestHistory:
    def test_without_runs_it_says_what_to_do(self, cast: Cast) -> None:
        assert 'href="/t/acme/crews/"' in html(signed_in(cast.viewer).get(RUNS))

    def test_it_lists_the_teams_runs_and_nobody_elses(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew, usd=0.5)
        assert page_of(run) in html(signed_in(cast.viewer).get(RUNS))
        assert signed_in(cast.stranger).get(RUNS).status_code == 404
        other = Client()
        other.force_login(cast.stranger.user)
        assert page_of(run) not in html(other.get("/t/others/runs/"))

    def test_a_word_that_is_not_understood_is_told_at_the_filter(self, cast: Cast) -> None:
        response = signed_in(cast.viewer).get(RUNS, {"q": "colour:red"})
        assert response.status_code == 422
        assert "colour:red" in response.context["page"].error
        assert 'value="colour:red"' in html(response)

    def test_a_filter_that_nothing_fits_offers_to_show_all(self, cast: Cast, crew: Crew) -> None:
        make_run(cast.owner, crew)
        assert "No run fits" in html(signed_in(cast.viewer).get(RUNS, {"q": "status:waiting"}))

    def test_choices_are_written_into_the_filter(self, cast: Cast) -> None:
        query = {"narrow": "1", "q": "cost:>1 status:failed", "status": "running", "since": "7d", "sort": "cost"}
        response = signed_in(cast.viewer).get(RUNS, query)
        asked = parse_qs(urlsplit(response["Location"]).query)
        assert asked == {"q": ["cost:>1 status:running since:7d"], "sort": ["cost"]}

    def test_the_next_page_follows_the_last_row(self, cast: Cast, crew: Crew) -> None:
        made = [make_run(cast.owner, crew) for _ in range(51)]
        client = signed_in(cast.viewer)
        first = client.get(RUNS)
        assert len(first.context["page"].runs) == 50
        link = re.search(r'rel="next" href="([^"]+)"', html(first))
        assert link is not None
        second = client.get(RUNS + link[1].replace("&amp;", "&"))
        assert [line.pk for line in second.context["page"].runs] == [made[0].pk]

    @pytest.mark.parametrize("query", [{"sort": "colour"}, {"cursor": "x"}, {"sort": "cost", "cursor": "1_x"}])
    def test_nonsense_in_the_address_is_refused_with_words(self, cast: Cast, query: dict[str, str]) -> None:
        response = signed_in(cast.viewer).get(RUNS, query)
        assert response.status_code == 422
        assert response.context["page"].error

    def test_it_takes_as_many_queries_for_forty_runs_as_for_one(
        self, cast: Cast, crew: Crew, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(40):
            make_run(cast.owner, crew)
        client = signed_in(cast.viewer)
        with django_assert_max_num_queries(9):
            client.get(RUNS)

    def test_what_people_wrote_is_text_in_its_row(self, cast: Cast, crew: Crew) -> None:
        failed = make_run(cast.owner, crew, state=RunState.FAILED, error=HOSTILE)
        make_run(cast.owner, crew, inputs={"topic": HOSTILE})
        Crew.objects.filter(pk=crew.pk).update(name=HOSTILE[:200])
        type(cast.owner.user).objects.filter(pk=cast.owner.user.pk).update(name=HOSTILE[:150])
        page = html(signed_in(cast.viewer).get(RUNS))
        assert page_of(failed) in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert page.count("&lt;script&gt;alert(1)") >= 6

    def test_new_runs_are_counted_and_not_inserted(self, cast: Cast, crew: Crew) -> None:
        seen = make_run(cast.owner, crew)
        client = signed_in(cast.viewer)
        assert "new" not in html(client.get(f"{RUNS}newer/", {"than": str(seen.pk)}))
        make_run(cast.owner, crew)
        assert "1 new" in html(client.get(f"{RUNS}newer/", {"than": str(seen.pk)}))
        assert html(client.get(f"{RUNS}newer/", {"than": "nonsense"})).strip() == ""

    def test_what_runs_now_and_what_ran_last_are_fragments(self, cast: Cast, crew: Crew) -> None:
        live = make_run(cast.owner, crew, state=RunState.RUNNING)
        client = signed_in(cast.viewer)
        assert page_of(live) in html(client.get(f"{RUNS}now/"))
        last = html(client.get(f"{RUNS}last/", {"crew": [crew.slug, "unknown"]}))
        assert 'id="last-company-brief"' in last
        assert page_of(live) in last
        assert "unknown" not in last
