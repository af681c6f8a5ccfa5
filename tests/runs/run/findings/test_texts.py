"""Words in the texts of a run's calls: found wherever they stand, marked, escaped, and within bounds."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from agents_app.models import Crew
from runs.models import Run
from runs.run.findings import texts
from runs.run.findings.texts import MAX_CHARS, search_texts
from teams.actions import issue_token
from teams.models import Scope
from teams.refusals import Busy, Invalid
from tests.cast import Cast
from tests.ledger import make_call, make_run, make_task
from tests.pages import HOSTILE, html, page_of, signed_in

pytestmark = pytest.mark.django_db

NOTHING: dict[str, Any] = {"messages": [], "reply": None}


@pytest.fixture
def run(cast: Cast, crew: Crew) -> Run:
    return make_run(cast.owner, crew)


@pytest.mark.parametrize(
    ("fields", "what", "anchor"),
    [
        ({"reply": {"text": "The needle", "tool_calls": []}}, "answer", "message-reply"),
        ({"reply": {"text": "", "tool_calls": [{"name": "needle"}]}}, "tools", "message-reply"),
        ({"arguments": "needle", "kind": "tool"}, "arguments", "text-arguments"),
        ({"tool_output": "a needle", "kind": "tool"}, "output", "text-given"),
        ({"error": "no needle", "state": "error", "cost_class": "failed"}, "error", "content"),
        ({"messages": [{"role": "system"}, {"role": "user", "content": "a needle"}]}, "message", "message-2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_words_are_found_in_every_text(run: Run, fields: dict[str, Any], what: str, anchor: str) -> None:
    make_call(run, **NOTHING)
    call = make_call(run, step=1, **(NOTHING | fields))
    found = search_texts(run, "NEEDLE")
    (one,) = found.found
    assert (one.call, found.searched, found.after) == (call, 2, None)
    assert (one.places[0].what, one.places[0].anchor, one.places[0].match) == (what, anchor, "needle")


def test_what_is_around_the_words_is_shown_and_the_words_are_apart(run: Run) -> None:
    make_call(run, reply={"text": "x" * 500 + " before Needle after " + "y" * 500, "tool_calls": []}, messages=[])
    place = search_texts(run, "needle").found[0].places[0]
    assert place.match == "Needle"
    assert place.before.endswith("x before ")
    assert place.after.startswith(" after y")
    assert len(place.before) + len(place.after) < 250


def test_capitals_of_other_alphabets_are_found(run: Run) -> None:
    make_call(run, reply={"text": "Über ΑΘΗΝΑ", "tool_calls": []}, messages=[])
    assert [search_texts(run, words).found != [] for words in ("über", "αθηνα", "nothing")] == [True, True, False]


def test_other_runs_are_not_looked_through(cast: Cast, crew: Crew, run: Run) -> None:
    make_call(make_run(cast.owner, crew), reply={"text": "needle", "tool_calls": []})
    assert search_texts(run, "needle").found == []


def test_it_goes_on_where_it_stopped_and_misses_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "BATCH", 3)
    monkeypatch.setattr(texts, "SHOWN_CALLS", 2)
    calls = [make_call(run, step=step, messages=[], reply={"text": "needle", "tool_calls": []}) for step in range(7)]
    seen, after = [], None
    for _ in range(10):
        found = search_texts(run, "needle", after=after)
        seen += [one.call for one in found.found]
        after = found.after
        if after is None:
            break
    assert seen == calls


@pytest.mark.parametrize("words", ["", "  ", "x" * (MAX_CHARS + 1)])
def test_what_cannot_be_looked_for_is_refused(run: Run, words: str) -> None:
    with pytest.raises(Invalid):
        search_texts(run, words)


def test_no_more_than_two_search_at_once(run: Run) -> None:
    with texts.PLACES.one(), texts.PLACES.one(), pytest.raises(Busy):
        search_texts(run, "x")


class TestPage:
    def test_it_says_who_said_it_where_and_marks_the_words(self, cast: Cast, run: Run) -> None:
        call = make_call(run, task=make_task(run, "figures"), reply={"text": HOSTILE, "tool_calls": []})
        page = html(signed_in(cast.viewer).get(f"{page_of(run)}search/?q=script"))
        assert "<mark>script</mark>" in page
        assert f"{page_of(run)}calls/{call.pk}/#message-reply" in page
        assert "Figures" in page
        for forbidden in ("<script>alert", "<img src=x", "javascript:"):
            assert forbidden not in page

    def test_what_was_typed_stays_where_it_is_refused(self, cast: Cast, run: Run) -> None:
        response = signed_in(cast.viewer).get(f"{page_of(run)}search/", {"q": "x" * 200})
        assert response.status_code == 422
        assert "at most 100 characters" in html(response)
        assert "x" * 200 in html(response)

    def test_without_words_it_asks_for_some_and_a_wrong_place_is_the_beginning(self, cast: Cast, run: Run) -> None:
        make_call(run)
        client = signed_in(cast.viewer)
        assert client.get(f"{page_of(run)}search/").status_code == 200
        assert "<mark>Here</mark> they" in html(client.get(f"{page_of(run)}search/?q=here&after=nonsense"))

    def test_strangers_find_nothing(self, cast: Cast, run: Run) -> None:
        assert signed_in(cast.stranger).get(f"{page_of(run)}search/?q=x").status_code == 404


def test_programs_find_the_same_in_pages(cast: Cast, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "SHOWN_CALLS", 1)
    first = make_call(run, task=make_task(run, "figures"), reply={"text": "A needle", "tool_calls": []}, messages=[])
    second = make_call(run, step=1, messages=[{"role": "user", "content": "Needle!"}], reply=None)
    api = Client(headers={"Authorization": f"Bearer {issue_token(cast.viewer, scope=Scope.READ)[1]}"})
    address = f"/api/v1/runs/{run.pk}/search"
    one = api.get(address, {"q": "needle"}).json()
    two = api.get(address, {"q": "needle", "cursor": one["next"]}).json()
    assert [item["call"] for item in [*one["items"], *two["items"]]] == [str(first.pk), str(second.pk)]
    assert (one["items"][0]["task"], one["items"][0]["more"], two["next"]) == ("figures", 0, None)
    place = {"what": "answer", "number": None, "role": None, "before": "A ", "match": "needle", "after": ""}
    assert one["items"][0]["places"] == [place]
    said = two["items"][0]["places"][0]
    assert (said["what"], said["number"], said["role"], said["match"]) == ("message", 1, "user", "Needle")
    wrong = [{}, {"q": ""}, {"q": " "}, {"q": "x" * (MAX_CHARS + 1)}, {"q": "x", "cursor": "nonsense"}]
    assert [api.get(address, query).status_code for query in wrong] == [422] * len(wrong)
    with texts.PLACES.one(), texts.PLACES.one():
        assert api.get(address, {"q": "x"}).status_code == 429
    other = Client(headers={"Authorization": f"Bearer {issue_token(cast.stranger, scope=Scope.ADMIN)[1]}"})
    assert other.get(address, {"q": "x"}).status_code == 404
