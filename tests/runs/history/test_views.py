"""The history of runs: what it lists to whom, how it is narrowed, and what it refuses."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.test import Client

from agents_app.models import Crew
from runs.history.page import _heads_of_all
from runs.ratings.actions import rate
from runs.states import RunState
from teams.actions import issue_token
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

    def test_typed_filters_push_nothing_out_of_what_is_kept(self, cast: Cast, crew: Crew) -> None:
        make_run(cast.owner, crew)
        client = signed_in(cast.viewer)
        client.get(RUNS)
        kept = _heads_of_all.cache_info().currsize
        for q in ("crew:company", "status:succeeded"):
            assert f"?q={quote(q)}&amp;sort=cost" in html(client.get(RUNS, {"q": q}))
        assert _heads_of_all.cache_info().currsize == kept

    def test_a_word_that_is_not_understood_is_told_at_the_filter(self, cast: Cast) -> None:
        response = signed_in(cast.viewer).get(RUNS, {"q": "colour:red"})
        assert response.status_code == 422
        assert "colour:red" in response.context["page"].error
        assert 'value="colour:red"' in html(response)

    def test_the_faulty_word_is_marked_as_text(self, cast: Cast) -> None:
        page = html(signed_in(cast.viewer).get(RUNS, {"q": f"a status:{HOSTILE[:25]} cost:x b"}))
        assert "<mark>status:&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "<mark>cost:x</mark> b" in page
        assert "<script>alert" not in page
        assert page.count("(at character ") == 2
        assert f'href="{RUNS}?q=a+b">Show runs without what is marked' in page

    @pytest.mark.parametrize(
        ("q", "status"),
        [("x" * 501, 422), ("é😀%_\\" * 99, 200), ('crew:"a', 422), ("a\0", 400), ("\u202e", 200)],
    )
    def test_odd_filters_are_answered_in_words(self, cast: Cast, q: str, status: int) -> None:
        response = signed_in(cast.viewer).get(RUNS, {"q": q})
        assert response.status_code == status
        assert status == 400 or bool(response.context["page"].error) == (status == 422)

    def test_the_api_says_where_the_fault_is(self, cast: Cast) -> None:
        _, token = issue_token(cast.owner)
        query = {"q": "crew:x status:brokn"}
        answer = Client().get("/api/v1/runs", query, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 422
        assert answer.json()["error"]["fields"]["q"].startswith("status:brokn (at character 8): There is no status")

    def test_a_filter_that_nothing_fits_offers_to_show_all(self, cast: Cast, crew: Crew) -> None:
        make_run(cast.owner, crew)
        assert "No run fits" in html(signed_in(cast.viewer).get(RUNS, {"q": "status:waiting"}))

    def test_choices_are_written_into_the_filter(self, cast: Cast) -> None:
        query = {"narrow": "1", "q": "cost:>1 status:failed", "status": "running", "since": "7d", "sort": "cost"}
        response = signed_in(cast.viewer).get(RUNS, query)
        asked = parse_qs(urlsplit(response["Location"]).query)
        assert asked == {"q": ["cost:>1 status:running since:7d"], "sort": ["cost"]}

    @pytest.mark.parametrize(
        ("q", "sent", "expected"),
        [
            ("crew:brief x", {"crew": "brief", "status": "failed"}, "crew:brief x status:failed"),
            ("status:failed,queued", {"status": "failed,queued", "since": "7d"}, "status:failed,queued since:7d"),
            ("", {"crew": "=company-brief", "status": ""}, "crew:=company-brief"),
            ("by:me", {"status": "failed"}, "by:me status:failed"),
            ("cost:lots", {"status": "failed"}, "cost:lots"),
        ],
    )
    def test_what_the_form_did_not_change_stays_as_it_was_typed(
        self, cast: Cast, crew: Crew, q: str, sent: dict[str, str], expected: str
    ) -> None:
        response = signed_in(cast.viewer).get(RUNS, {"narrow": "1", "q": q} | sent)
        assert parse_qs(urlsplit(response["Location"]).query)["q"] == [expected]

    def test_the_form_shows_what_was_typed_also_where_it_does_not_offer_it(self, cast: Cast, crew: Crew) -> None:
        choices = signed_in(cast.viewer).get(RUNS, {"q": "crew:brief since:90d -status:failed"}).context["page"].choices
        chosen = {choice.name: [value for value, _, is_chosen in choice.options if is_chosen] for choice in choices}
        assert chosen == {"crew": ["brief"], "status": [""], "since": ["90d"], "simulated": [""]}

    def test_the_page_before_leads_back(self, cast: Cast, crew: Crew) -> None:
        for number in range(51):
            make_run(cast.owner, crew, usd=number)
        client = signed_in(cast.viewer)
        first = client.get(RUNS, {"sort": "cost", "q": "cost:>=0"})
        assert 'rel="prev"' not in html(first)
        query = {"sort": "cost", "q": "cost:>=0", "cursor": first.context["page"].next}
        second = client.get(RUNS, query)
        link = re.search(r'rel="prev"\s+href="([^"]+)"', html(second))
        assert link is not None
        back = client.get(RUNS + link[1].replace("&amp;", "&"))
        assert [line.pk for line in back.context["page"].runs] == [line.pk for line in first.context["page"].runs]
        assert 'aria-sort="descending"' in html(back)

    @pytest.mark.parametrize("sort", ["newest", "oldest", "cost", "crew", "state-desc"])
    @pytest.mark.parametrize("q", ["", "crew:brief", "-status:failed", "status:failed"])
    def test_new_runs_are_counted_in_every_order_and_filter(self, cast: Cast, crew: Crew, sort: str, q: str) -> None:
        make_run(cast.owner, crew, usd=1)
        client = signed_in(cast.viewer)
        ask = re.search(r'hx-get="([^"]+)"', html(client.get(RUNS, {"q": q, "sort": sort})))
        assert ask is not None
        address = ask[1].replace("&amp;", "&")
        assert "new" not in html(client.get(address))
        make_run(cast.owner, crew)
        make_run(cast.owner, crew, state=RunState.FAILED)
        found = html(client.get(address))
        assert f"{1 if 'status' in q else 2} new" in found
        assert ("sort=" in found) == (sort != "newest")

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

    def test_another_rating_comes_into_the_list_that_is_shown(self, cast: Cast, crew: Crew) -> None:
        rated, other = make_run(cast.owner, crew), make_run(cast.owner, crew)
        client = signed_in(cast.viewer)
        page = html(client.get(RUNS, {"columns": "rating"}))
        asks = unescape(str(re.search(r'hx-get="([^"]*newer/[^"]*)"', page)[1]))  # type: ignore[index]
        assert "rating-" not in html(client.get(asks))
        rate(cast.owner, rated, stars=4)
        answer = html(client.get(asks))
        assert f'<span id="rating-{rated.pk}" hx-swap-oob="true">' in answer
        assert "4 " in answer
        assert str(other.pk) not in answer
        assert f'<span id="rating-{rated.pk}">' in html(client.get(RUNS, {"columns": "rating"}))
        stranger = signed_in(cast.stranger)
        assert "rating-" not in html(stranger.get(asks.replace("/t/acme/", "/t/others/")))
        for nonsense in ("x", ",:,", f"{rated.pk}", "0" * 3000):
            assert client.get(f"{RUNS}newer/", {"than": str(other.pk), "rated": nonsense}).status_code == 200
        assert "rated=" not in html(client.get(RUNS, {"columns": "cost"}))

    def test_what_runs_now_and_what_ran_last_are_fragments(self, cast: Cast, crew: Crew) -> None:
        live = make_run(cast.owner, crew, state=RunState.RUNNING)
        client = signed_in(cast.viewer)
        assert page_of(live) in html(client.get(f"{RUNS}now/"))
        last = html(client.get(f"{RUNS}last/", {"crew": [crew.slug, "unknown"]}))
        assert 'id="last-company-brief"' in last
        assert page_of(live) in last
        assert "unknown" not in last
